// The live block of a deployment on a terminal: the lines as they are at this moment.
import { visibleLine } from '../core/escape.ts';
import type { DeploymentView, StepView } from '../core/views.ts';
import { headline, stepMark, stepName } from './deployment-words.ts';
import type { Palette } from './output.ts';
import type { ProgressState } from './progress-state.ts';
import { failureLine } from './same-failure.ts';
import { columnsOf, fit } from './width.ts';
import { waitWords } from './wait-words.ts';
import { between, count, duration } from './words.ts';

const BAR = 20;
const MOST_FAILURES = 5;

/** `connection`: why the daemon is not heard at the moment; `null`: it is. Every line fits `width` columns. */
export function progressBlock(
  state: ProgressState,
  palette: Palette,
  width: number,
  connection: string | null,
  now: number = Date.now(),
): string[] {
  const view = state.view();
  if (view === null) return [];
  const steps = state.steps();
  const lines = [palette.strong(fit(headline(view), width))];
  const digits = Math.max(...steps.map((step) => tally(step).length), 0);
  const name = Math.max(...steps.map((step) => stepName(step).length), 0);
  for (const step of steps) lines.push(stepLine(step, state, palette, width, { name, digits }, now));
  const failures = state.failures();
  for (const group of failures.slice(0, MOST_FAILURES)) lines.push(palette.bad(fit(`  ✗ ${failureLine(group)}`, width)));
  if (failures.length > MOST_FAILURES) {
    lines.push(palette.bad(fit(`  ✗ ${failures.length - MOST_FAILURES} other failures: lockstep show ${view.number}`, width)));
  }
  for (const line of notes(view, connection)) lines.push(palette.bad(fit(`  ${line}`, width)));
  lines.push(palette.faint(fit(footer(view, now), width)));
  return lines;
}

function stepLine(
  step: StepView,
  state: ProgressState,
  palette: Palette,
  width: number,
  pad: { name: number; digits: number },
  now: number,
): string {
  const { glyph, paint } = stepMark(step, palette);
  const start = `  ${glyph} ${stepName(step).padEnd(pad.name)}  `;
  if (step.state === 'waiting' || step.state === 'skipped') {
    return paint(fit(step.state === 'skipped' ? `${start}skipped` : start.trimEnd(), width));
  }
  const took = between(step.startedAt, step.finishedAt, now);
  const parts = [tally(step).padStart(pad.digits), (took === null ? '' : duration(took)).padStart(7)];
  if (step.state === 'running') {
    const more = [remaining(step, took), slowest(step, state, now)].filter((part) => part !== '');
    if (step.total > 1) parts.unshift(bar(step));
    if (more.length > 0) parts.push(more.join(', '));
  }
  return paint(start) + fit(parts.join('  '), Math.max(0, width - columnsOf(start)));
}

const tally = (step: StepView): string => (step.total === 0 ? '' : `${step.done}/${step.total}`);

function bar({ done, total }: StepView): string {
  const full = Math.floor((BAR * done) / Math.max(1, total));
  return `${'█'.repeat(full)}${'░'.repeat(BAR - full)}`;
}

/** Time that the rest of the servers needs if they are as quick as those before. */
function remaining({ done, total }: StepView, took: number | null): string {
  if (took === null || done === 0 || done >= total || took < 2000) return '';
  return `about ${duration((took / done) * (total - done))} left`;
}

function slowest(step: StepView, state: ProgressState, now: number): string {
  const [first, ...others] = state.working();
  if (first === undefined || step.total < 2) return '';
  const name = visibleLine(first.server);
  if (others.length === 0 && step.done === step.total - 1) return `last ${name} ${duration(now - first.since)}`;
  return `slowest ${name} ${duration(now - first.since)}`;
}

function notes(view: DeploymentView, connection: string | null): string[] {
  const lines: string[] = [];
  if (view.state === 'needs-operator') {
    lines.push(`! needs an operator: ${visibleLine(view.problem?.message ?? view.reason)}`);
    lines.push(`  settle it: lockstep migration mark-done ${view.number} | lockstep migration mark-not-done ${view.number}`);
  } else if (view.problem !== null) {
    lines.push(`! ${view.state}: ${visibleLine(view.problem.message)}`);
  }
  if (connection !== null) lines.push(`! ${visibleLine(connection)} Trying again; the deployment does not depend on it.`);
  return lines;
}

function footer(view: DeploymentView, now: number): string {
  const elapsed = duration(between(view.requestedAt, view.endedAt, now) ?? 0);
  if (view.state === 'waiting') return `  ${waitWords(view.waitsFor)}, ${elapsed}`;
  return `  ${view.state}, ${elapsed} elapsed, ${count(view.servers.length, 'server')}`;
}
