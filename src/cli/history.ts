// `history` and `show N`: what deployments did.
import { visible, visibleLine } from '../core/escape.ts';
import type { DeploymentServerView, DeploymentView } from '../core/views.ts';
import { headline, resultPaint, resultWord, stepMark, stepName } from './deployment-words.ts';
import { serverMark } from './cluster-words.ts';
import { EXIT } from './failure.ts';
import type { Output } from './output.ts';
import { failuresOf } from './progress-state.ts';
import { failureLine, groupFailures } from './same-failure.ts';
import type { Session } from './session.ts';
import { table } from './table.ts';
import type { Cell } from './table.ts';
import { waitWords } from './wait-words.ts';
import { absolute, ago, between, count, duration, shortRevision, size, someNames, subject } from './words.ts';

export async function history({ api, output }: Session, cluster: string | undefined, limit: number): Promise<number> {
  const answer = await api().deployments({ cluster, limit });
  output.result(answer, () => historyLines(answer.deployments, output));
  return EXIT.done;
}

export async function show({ api, output }: Session, number: number): Promise<number> {
  const view = await api().deployment(number);
  output.result(view, () => deploymentLines(view, output));
  return EXIT.done;
}

function historyLines(deployments: readonly DeploymentView[], output: Output): string[] {
  if (deployments.length === 0) return ['No deployments yet. Push to a deployment branch, or: lockstep deploy CLUSTER'];
  const { palette } = output;
  const columns = [
    { title: 'NUMBER', align: 'right' as const },
    { title: 'CLUSTER' },
    { title: 'RESULT' },
    { title: 'REVISION' },
    { title: 'BY', shrink: true },
    { title: 'REQUESTED' },
    { title: 'TOOK', align: 'right' as const },
    { title: 'MESSAGE', shrink: true },
  ];
  const rows = deployments.map((view): Cell[] => {
    const took = between(view.requestedAt, view.endedAt);
    return [
      String(view.number),
      view.cluster,
      { text: resultWord(view), paint: resultPaint(view, palette) },
      shortRevision(view.revision),
      view.author ?? view.requestedBy,
      ago(view.requestedAt),
      view.endedAt === null || took === null ? '' : duration(took),
      view.message === null ? '' : subject(view.message),
    ];
  });
  return table(columns, rows, output.width(), palette.faint);
}

function deploymentLines(view: DeploymentView, output: Output): string[] {
  const { palette } = output;
  const width = output.width();
  const took = view.endedAt === null ? null : between(view.requestedAt, view.endedAt);
  const facts: [string, Cell][] = [
    ['result', { text: resultWord(view), paint: resultPaint(view, palette) }],
    ['requested', `${ago(view.requestedAt)} (${absolute(view.requestedAt)}) by ${view.requestedBy}`],
    ['waits', view.waitsFor === null ? '' : waitWords(view.waitsFor)],
    ['ended', view.endedAt === null ? '' : `${absolute(view.endedAt)}${took === null ? '' : `, after ${duration(took)}`}`],
    ['reason', view.problem === null ? view.reason : ''],
    ['revision', view.revision],
    ['release', view.release ?? ''],
    ['before', view.previous ?? ''],
  ];
  const lines = [palette.strong(headline(view))];
  lines.push(
    ...table(
      [{ title: '' }, { title: '' }],
      facts.filter(([, value]) => value !== ''),
      width,
      palette.faint,
      2,
    ),
  );
  if (view.problem !== null) lines.push('', palette.bad(`  ${visible(view.problem.message).replace(/\n/g, '\n  ')}`));
  if (view.problem?.detail)
    lines.push(
      ...view.problem.detail
        .trimEnd()
        .split('\n')
        .map((line) => palette.faint(`    ${visibleLine(line)}`)),
    );
  lines.push('', ...stepTable(view, output));
  const groups = serverGroups(view, output);
  if (groups.length > 0) lines.push('', ...groups);
  return lines;
}

function stepTable(view: DeploymentView, output: Output): string[] {
  const columns = [
    { title: 'STEP' },
    { title: 'STATE' },
    { title: 'DONE', align: 'right' as const },
    { title: 'TOOK', align: 'right' as const },
    { title: 'BEGAN' },
  ];
  const rows = view.steps.map((step): Cell[] => {
    const { glyph, paint } = stepMark(step, output.palette);
    const took = between(step.startedAt, step.finishedAt);
    return [
      stepName(step),
      { text: `${glyph} ${step.state}`, paint },
      step.total === 0 ? '' : `${step.done}/${step.total}`,
      took === null || (step.finishedAt === null && step.state !== 'running') ? '' : duration(took),
      step.startedAt === null ? '' : absolute(step.startedAt),
    ];
  });
  return table(columns, rows, output.width(), output.palette.faint, 2);
}

/** Servers by state with names, then failures and warnings grouped: the same one on 900 servers is one line. */
function serverGroups(view: DeploymentView, output: Output): string[] {
  const { palette } = output;
  const states = new Map<string, DeploymentServerView[]>();
  for (const server of view.servers) states.set(server.state, [...(states.get(server.state) ?? []), server]);
  const lines = [...states].map(([, members]) => {
    const [first] = members;
    const mark = first === undefined ? { glyph: '', word: '', paint: palette.faint } : serverMark(first, palette);
    const bytes = members.reduce((sum, { bytes: one }) => sum + one, 0);
    const sent = bytes === 0 ? '' : `, ${size(bytes)} sent`;
    const names = someNames(
      members.map(({ name }) => name),
      5,
    );
    return `  ${mark.paint(`${mark.glyph} ${mark.word}`)}: ${count(members.length, 'server')}${sent}: ${names}`;
  });
  for (const group of groupFailures(failuresOf(view))) lines.push(palette.bad(`  ✗ ${failureLine(group)}`));
  const warnings = view.servers.flatMap(({ name, warning }) => (warning === null ? [] : [{ server: name, message: warning }]));
  for (const group of groupFailures(warnings)) lines.push(palette.busy(`  ! ${failureLine(group)}`));
  return lines;
}
