// `status`, `status CLUSTER` and `servers`: what the clusters and their servers are doing now.
import { visibleLine } from '../core/escape.ts';
import type { ClusterView, OverviewView } from '../core/views.ts';
import { byEnvironment, byUrgency, clusterMark, isBad, marks, serverMark, wellCount } from './cluster-words.ts';
import { EXIT } from './failure.ts';
import type { Output } from './output.ts';
import { failureLine, groupFailures } from './same-failure.ts';
import type { Session } from './session.ts';
import { table } from './table.ts';
import type { Cell } from './table.ts';
import { waitWords } from './wait-words.ts';
import { ago, commitLine, shortRevision, subject } from './words.ts';

export async function status({ api, output }: Session, cluster: string | undefined): Promise<number> {
  if (cluster === undefined) {
    const overview = await api().overview();
    output.result(overview, () => overviewLines(overview, output));
  } else {
    const view = await api().cluster(cluster);
    output.result(view, () => clusterLines(view, output));
  }
  return EXIT.done;
}

export async function servers({ api, output }: Session, cluster: string | undefined): Promise<number> {
  const clusters = cluster === undefined ? [...(await api().overview()).clusters] : [await api().cluster(cluster)];
  clusters.sort((a, b) => (a.cluster < b.cluster ? -1 : 1));
  const document = { servers: clusters.flatMap((one) => one.servers.map((server) => ({ cluster: one.cluster, ...server }))) };
  output.result(document, () => {
    if (document.servers.length === 0)
      return ['There are no servers yet. They are configured in branches.config.json; then: lockstep check'];
    const rows = clusters.flatMap((one) => serverRows(one, output).map((row): Cell[] => [one.cluster, ...row]));
    return table([{ title: 'CLUSTER' }, ...SERVER_COLUMNS], rows, output.width(), output.palette.faint);
  });
  return EXIT.done;
}

function overviewLines(overview: OverviewView, output: Output): string[] {
  const { palette } = output;
  const lines = problemLines(overview, output);
  if (overview.clusters.length === 0) {
    return [
      ...lines,
      'There are no clusters yet. They are configured in branches.config.json, or appear when a branch of a pattern is pushed.',
    ];
  }
  const environments = [...new Set(overview.clusters.map(({ environment }) => environment))].sort(byEnvironment);
  // One table, so that the columns of all environments stand under each other.
  const ordered = environments.map((environment) => overview.clusters.filter((one) => one.environment === environment).sort(byUrgency));
  const rows = table(
    [
      { title: 'CLUSTER' },
      { title: 'STATE' },
      { title: 'SERVERS', align: 'right' },
      { title: 'REVISION' },
      { title: 'BY', shrink: true },
      { title: 'LIVE SINCE' },
      { title: 'DEPLOYMENT' },
      { title: 'MARKS', shrink: true },
    ],
    ordered.flat().map((cluster) => overviewRow(cluster, output)),
    output.width(),
    palette.faint,
    2,
  );
  lines.push(rows[0] ?? '');
  let at = 1;
  environments.forEach((environment, i) => {
    const many = ordered[i]?.length ?? 0;
    lines.push(palette.strong(visibleLine(environment)), ...rows.slice(at, at + many));
    at += many;
  });
  return lines;
}

function problemLines(overview: OverviewView, { palette }: Output): string[] {
  const lines: string[] = [];
  if (overview.configurationProblem !== null) {
    lines.push(palette.bad('! The configuration is not valid; the older one is in force:'), ...indented(overview.configurationProblem), '');
  }
  if (overview.storeProblem !== null) {
    lines.push(palette.bad('! The journal cannot be written; nothing new is accepted:'), ...indented(overview.storeProblem), '');
  }
  return lines;
}

const indented = (text: string): string[] => text.split('\n').map((line) => `  ${visibleLine(line)}`);

function overviewRow(cluster: ClusterView, { palette }: Output): Cell[] {
  const mark = clusterMark(cluster, palette);
  const { release } = cluster;
  return [
    { text: cluster.cluster, paint: palette.strong },
    { text: `${mark.glyph} ${mark.word}`, paint: mark.paint },
    wellCount(cluster),
    release === null ? '' : shortRevision(release.revision),
    release === null ? '' : release.author,
    release === null ? '' : ago(release.live),
    runningWord(cluster),
    marks(cluster),
  ];
}

function runningWord(cluster: ClusterView): string {
  const running = cluster.state !== 'idle' && cluster.deployment !== null ? [`${cluster.deployment} runs`] : [];
  return [
    ...running,
    ...(cluster.waiting === null ? [] : [`${cluster.waiting} ${cluster.waitsFor === null ? 'waits' : waitWords(cluster.waitsFor)}`]),
  ].join(', ');
}

function clusterLines(view: ClusterView, output: Output): string[] {
  const { palette } = output;
  const mark = clusterMark(view, palette);
  const { release } = view;
  const last = view.deployment === null ? 'none yet' : `${view.deployment}${view.state === 'idle' ? ' (ended)' : ' (running)'}`;
  const facts: [string, string][] = [
    ['release', release === null ? 'nothing deployed yet' : `${release.id}, live since ${ago(release.live)}`],
    ['commit', release === null ? '' : commitLine(release)],
    ['branches', view.branches.map(({ repository, branch }) => `${branch} of ${repository}`).join(', ')],
    ['deployment', view.waiting === null ? last : `${last}, ${view.waiting} ${waitWords(view.waitsFor)}`],
    ['skipped', view.skipped ?? ''],
    ['marks', marks(view)],
    ['removed', view.removed.length === 0 ? '' : `${view.removed.join(', ')}: no longer configured, left as they are`],
  ];
  const lines = [
    `${palette.strong(visibleLine(view.cluster))} (${visibleLine(view.environment)}): ${mark.paint(`${mark.glyph} ${mark.word}`)}`,
  ];
  lines.push(
    ...table(
      [{ title: '' }, { title: '', shrink: true }],
      facts.filter(([, value]) => value !== ''),
      output.width(),
      palette.faint,
      2,
    ),
  );
  for (const group of groupFailures(errors(view))) lines.push(palette.bad(`  ✗ ${failureLine(group)}`));
  const drifted = view.drifted.map(({ server, finding }) => ({ server, message: `drifted: ${finding}` }));
  for (const group of groupFailures(drifted)) lines.push(palette.busy(`  ! ${failureLine(group)}`));
  lines.push('', ...table(SERVER_COLUMNS, serverRows(view, output), output.width(), palette.faint, 2));
  return lines;
}

function* errors(view: ClusterView): Generator<{ server: string; message: string }> {
  for (const server of view.servers) if (server.error !== null) yield { server: server.name, message: server.error };
}

const SERVER_COLUMNS = [{ title: 'SERVER' }, { title: 'STATE' }, { title: 'RELEASE', shrink: true }, { title: 'ERROR', shrink: true }];

/** Servers that are not well first. */
function serverRows(cluster: ClusterView, { palette }: Output): Cell[][] {
  return [...cluster.servers]
    .sort((a, b) => Number(isBad(b)) - Number(isBad(a)))
    .map((server) => {
      const mark = serverMark(server, palette);
      return [
        server.name,
        { text: `${mark.glyph} ${mark.word}`, paint: mark.paint },
        server.release ?? '',
        server.error === null ? '' : subject(server.error),
      ];
    });
}
