// GET /clusters/:name: one cluster with its servers and its last deployments, as a plain page that needs no script.
import type { Request, Response } from 'express';
import { healthOf } from '../core/health.ts';
import type { ClusterView, DeploymentView, ServerView } from '../core/views.ts';
import { htmlDocument, htmlTable, htmlTime } from './document.ts';
import { escaped, subject } from './markup.ts';
import { aheadOf, healthMark, linkTo, marksOf } from './overview-page.ts';
import type { Row } from './overview-page.ts';
import { clusterIn, notFound } from './route.ts';
import type { Context } from './route.ts';

const DEPLOYMENTS = 15;
/** Those that are not well come first; a page of a thousand rows helps nobody. */
const MOST_SERVERS = 200;

export async function showCluster({ application }: Context, request: Request, response: Response): Promise<void> {
  const view = await application.cluster(clusterIn(request));
  if (view === null) throw notFound('There is no such cluster.');
  const health = healthOf(view, await application.insight.last(view.cluster));
  const deployments = await application.deployments({ cluster: view.cluster, limit: DEPLOYMENTS });
  response.type('text/html; charset=utf-8').send(clusterPage({ view, health }, deployments));
}

export function clusterPage({ view, health }: Row, deployments: readonly DeploymentView[]): string {
  const { cluster, environment, release, branches, state, deployment, waiting } = view;
  const facts: [string, string][] = [
    ['State', [healthMark(health), ...marksOf(view)].join('<br>')],
    ['Environment', escaped(environment)],
    ['Branch', branches.map(({ repository, branch }) => `${escaped(branch)} of ${escaped(repository)}`).join('<br>')],
    [
      'Release',
      release === null
        ? 'none yet'
        : `${escaped(release.id)}<br>${escaped(release.author)}: ${escaped(subject(release.message))}${aheadOf(view)}`,
    ],
    ['Live since', htmlTime(release?.live ?? null)],
    [state === 'idle' ? 'Last deployment' : 'Running', linkTo(deployment)],
    ['Waiting', linkTo(waiting)],
  ];
  const body = `<nav><a href="/">All clusters</a></nav>
<h1>${escaped(cluster)}</h1>
${factsOf(facts)}
<h2>Servers</h2>
${serverTable(view)}
<h2>Deployments</h2>
${deployments.length === 0 ? '<p>None yet. Push to the branch, or: <code>lockstep deploy</code></p>' : history(deployments)}`;
  return htmlDocument({ title: `${cluster} – Lockstep`, body, refreshSeconds: state === 'idle' && waiting === null ? null : 5 });
}

export const factsOf = (facts: readonly (readonly [string, string])[]): string =>
  `<dl>${facts
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `<dt>${escaped(name)}</dt><dd>${value}</dd>`)
    .join('\n')}</dl>`;

function serverTable({ servers, release }: ClusterView): string {
  const isWell = (server: ServerView): boolean => server.error === null && (server.state === 'live' || server.state === 'idle');
  const shown = [...servers.filter((one) => !isWell(one)), ...servers.filter(isWell)].slice(0, MOST_SERVERS);
  const rows = shown.map(({ name, state, release: own, error }) => [
    escaped(name),
    escaped(state),
    own === null ? '' : own === release?.id ? 'as the cluster' : escaped(own),
    escaped(error ?? ''),
  ]);
  const more = servers.length > shown.length ? `<p class="muted">and ${servers.length - shown.length} more, which are well</p>` : '';
  return `${htmlTable(['Server', 'State', 'Serves', 'Problem'], rows)}${more}`;
}

function history(deployments: readonly DeploymentView[]): string {
  const rows = deployments.map((one) => [
    linkTo(one.number),
    escaped(one.result ?? one.state),
    `<code>${escaped(one.revision.slice(0, 12))}</code> ${escaped(one.author ?? '')}: ${escaped(subject(one.message))}`,
    escaped(one.requestedBy),
    htmlTime(one.requestedAt),
  ]);
  return htmlTable(['Number', 'Result', 'Commit', 'Requested by', 'At'], rows);
}
