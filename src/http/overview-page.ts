// GET /: the clusters and what they serve, by environment, as a plain page that needs no script.
import type { Request, Response } from 'express';
import type { Actor } from '../core/actor.ts';
import { healthOf, SIGNS } from '../core/health.ts';
import type { Health, Tone } from '../core/health.ts';
import type { ClusterView, OverviewView } from '../core/views.ts';
import { htmlDocument, htmlTable, htmlTime } from './document.ts';
import { escaped, segment, subject } from './markup.ts';
import type { Context } from './route.ts';
import { visibleOverview } from './visible.ts';

export type Row = { readonly view: ClusterView; readonly health: Health };

/** Often enough to watch a deployment, seldom enough for a screen that is forgotten in a corner. */
const WHILE_RUNNING_S = 5;
const OTHERWISE_S = 60;

export async function showOverview({ application }: Context, _request: Request, response: Response, actor: Actor): Promise<void> {
  const overview = await visibleOverview(application, actor);
  const rows = await Promise.all(
    overview.clusters.map(async (view) => ({ view, health: healthOf(view, await application.insight.last(view.cluster)) })),
  );
  response.type('text/html; charset=utf-8').send(overviewPage(overview, rows));
}

export function overviewPage(overview: OverviewView, rows: readonly Row[]): string {
  const problems = [overview.storeProblem, overview.configurationProblem].filter((problem) => problem !== null);
  const body = `<h1>Lockstep</h1>
${problems.map((problem) => `<p class="problem">${escaped(problem)}</p>`).join('\n')}
${rows.length === 0 ? '<p>No cluster yet. They are written in branches.config.json; the first push makes those of a pattern.</p>' : environments(rows)}
<p><small>Version ${escaped(overview.version)}</small></p>`;
  const isRunning = rows.some(({ view }) => view.state !== 'idle' || view.waiting !== null);
  return htmlDocument({ title: 'Lockstep', body, refreshSeconds: isRunning ? WHILE_RUNNING_S : OTHERWISE_S });
}

const ORDER: readonly Tone[] = ['bad', 'run', 'warn', 'ok', 'idle'];

function environments(rows: readonly Row[]): string {
  const names = [...new Set(rows.map(({ view }) => view.environment))];
  return names
    .map((name) => {
      const own = rows.filter(({ view }) => view.environment === name);
      own.sort((a, b) => ORDER.indexOf(a.health.tone) - ORDER.indexOf(b.health.tone));
      const titles = ['Cluster', 'State', 'Commit', 'Live since', 'Servers', 'Deployment'];
      return `<h2>${escaped(name)}</h2>\n${htmlTable(titles, own.map(cells))}`;
    })
    .join('\n');
}

function cells({ view, health }: Row): string[] {
  const { cluster, release, deployment, waiting, waitsFor, servers } = view;
  return [
    `<a href="/clusters/${segment(cluster)}">${escaped(cluster)}</a>`,
    [healthMark(health), ...marksOf(view)].join('<br>'),
    release === null
      ? 'none yet'
      : `<code>${escaped(release.revision.slice(0, 12))}</code> ${escaped(release.author)}: ${escaped(subject(release.message))}${aheadOf(view)}`,
    htmlTime(release?.live ?? null),
    escaped(serversOf(servers)),
    [linkTo(deployment), waiting === null ? '' : `${linkTo(waiting)} ${escaped(waitsFor?.text ?? 'waits')}`].filter(Boolean).join('<br>'),
  ];
}

export const healthMark = ({ tone, word }: Health): string => `<span class="state ${tone}">${SIGNS[tone]} ${escaped(word)}</span>`;

export const linkTo = (deployment: number | null): string =>
  deployment === null ? '' : `<a href="/deployments/${deployment}">${deployment}</a>`;

/** Held and locked, with who and why. */
export const marksOf = ({ held, locked, drifted, skipped }: ClusterView): string[] => [
  ...(skipped === null ? [] : [escaped(skipped)]),
  ...(held === null ? [] : [`held: ${escaped(held)}`]),
  ...(locked === null ? [] : [`locked: ${escaped(locked)}`]),
  ...(drifted.length === 0 ? [] : [`${drifted.length} drifted`]),
];

export const aheadOf = ({ head }: ClusterView): string =>
  head?.ahead === undefined || head.ahead === null || head.ahead === 0 ? '' : `<br><small>${head.ahead} not deployed</small>`;

/** `5`, or `5, of these 1 behind, 1 unreachable`. */
function serversOf(servers: ClusterView['servers']): string {
  const odd = (['behind', 'unreachable', 'failed'] as const)
    .map((state) => ({ state, count: servers.filter((server) => server.state === state).length }))
    .filter(({ count }) => count > 0)
    .map(({ state, count }) => `${count} ${state}`);
  return odd.length === 0 ? String(servers.length) : `${servers.length}, of these ${odd.join(', ')}`;
}
