// One deployment in words: its headline, the lines of its steps, and how it ended. Shared by `show`, `history` and the live progress.
import { visibleLine } from '../core/escape.ts';
import type { DeploymentView, StepView } from '../core/views.ts';
import type { Paint, Palette } from './output.ts';
import { between, commitLine, count, duration } from './words.ts';

/** `deployment 42 production ← servers/production 1a2b3c4 “Fix the cart” by Ann` */
export function headline(view: DeploymentView): string {
  return `deployment ${view.number} ${visibleLine(view.cluster)} ← ${visibleLine(view.branch)} ${commitLine(view)}`;
}

/** Glyph and colour of a step; the word stands beside it, so neither carries meaning alone. */
export function stepMark(step: StepView, palette: Palette): { glyph: string; paint: Paint } {
  switch (step.state) {
    case 'done':
      return { glyph: '✓', paint: palette.good };
    case 'running':
      return { glyph: '▸', paint: palette.busy };
    case 'failed':
      return { glyph: '✗', paint: palette.bad };
    case 'waiting':
      return { glyph: '·', paint: palette.faint };
    case 'skipped':
      return { glyph: '–', paint: palette.faint };
    default:
      return step.state satisfies never;
  }
}

/** `upload`, or `switch back` when the deployment is being undone. */
export const stepName = (step: StepView): string => (step.direction === 'back' ? `${step.step} back` : step.step);

/** The state of a deployment as one word, with what happened to it. */
export function resultWord(view: DeploymentView): string {
  if (view.state !== 'ended') return view.state;
  if (view.result === 'superseded' && view.supersededBy !== null) return `superseded by ${view.supersededBy}`;
  return view.result ?? 'ended';
}

export function resultPaint(view: DeploymentView, palette: Palette): Paint {
  if (view.state === 'needs-operator') return palette.bad;
  if (view.state === 'waiting') return palette.faint;
  if (view.state !== 'ended') return palette.busy;
  if (view.result === 'done') return palette.good;
  return view.result === 'superseded' ? palette.faint : palette.bad;
}

/** The last line of a followed deployment: what came of it, what the cluster serves now, and what to do next. */
export function summary(view: DeploymentView): string {
  const cluster = visibleLine(view.cluster);
  const took = between(view.requestedAt, view.endedAt);
  const time = took === null ? '' : ` after ${duration(took)}`;
  const number = `deployment ${view.number}`;
  switch (view.result) {
    case 'done': {
      const out = view.servers.filter((server) => server.error !== null).length;
      const left = out === 0 ? '' : `; ${count(out, 'server')} left out: lockstep show ${view.number}`;
      return `${number} done${time}: ${cluster} serves ${visibleLine(view.release ?? view.revision)} on ${count(view.servers.length - out, 'server')}${left}`;
    }
    case 'superseded': {
      const by = view.supersededBy;
      return `${number} was superseded by ${by ?? 'a newer one'}, which brings ${cluster} to a newer commit${by === null ? '' : `. Follow it: lockstep wait ${by}`}`;
    }
    case 'failed':
    case 'aborted':
    case 'rolled-back':
      return `${number} ${view.result === 'rolled-back' ? 'rolled back' : view.result}${time}: ${reasonLine(view)}. More: lockstep show ${view.number}`;
    case null:
      return `${number} ended${time}`;
    default:
      return view.result satisfies never;
  }
}

function reasonLine(view: DeploymentView): string {
  const reason = view.problem?.message ?? view.reason;
  return visibleLine(reason.trim().replace(/\s*\n\s*/g, ' | ')).replace(/\.$/, '');
}
