// GET /: the clusters and what they serve, as a plain page that needs no script.
import { createHash } from 'node:crypto';
import type { Request, Response } from 'express';
import { visibleLine } from '../core/escape.ts';
import type { ClusterView, OverviewView } from '../core/views.ts';
import { pageTags } from './page-assets.ts';
import type { Context } from './route.ts';

const STYLE = `
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #8886; padding: .4rem .6rem; text-align: left; vertical-align: top; }
td { overflow-wrap: anywhere; }
.problem { border-left: .3rem solid #c33; padding-left: .6rem; }
`;

/** What the Content-Security-Policy must allow for the page to look like something. */
export const STYLE_HASH = `'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`;

export async function showOverview({ application }: Context, _request: Request, response: Response): Promise<void> {
  response.type('text/html; charset=utf-8').send(overviewPage(await application.overview()));
}

export function overviewPage(overview: OverviewView): string {
  const problems = [overview.storeProblem, overview.configurationProblem].filter((problem) => problem !== null);
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Lockstep</title><style>${STYLE}</style>${pageTags()}</head>
<body>
<h1>Lockstep</h1>
${problems.map((problem) => `<p class="problem">${html(problem)}</p>`).join('\n')}
${overview.clusters.length === 0 ? '<p>No cluster yet. They are written in branches.config.json; the first push makes those of a pattern.</p>' : table(overview.clusters)}
<p><small>Version ${html(overview.version)}</small></p>
</body>
</html>
`;
}

const table = (clusters: readonly ClusterView[]): string => `<table>
<thead><tr><th scope="col">Cluster</th><th scope="col">State</th><th scope="col">Release</th><th scope="col">Commit</th><th scope="col">Live since</th><th scope="col">Servers</th></tr></thead>
<tbody>
${clusters.map(row).join('\n')}
</tbody>
</table>`;

function row({ cluster, environment, state, release, held, locked, deployment, waiting, servers }: ClusterView): string {
  const marks = [
    state,
    held === null ? '' : `held: ${held}`,
    locked === null ? '' : `locked: ${locked}`,
    deployment === null ? '' : `deployment ${deployment}`,
    waiting === null ? '' : `deployment ${waiting} waits`,
  ].filter(Boolean);
  const commit = release === null ? '' : `${release.revision.slice(0, 12)} ${release.author}: ${release.message.split('\n', 1)[0] ?? ''}`;
  const cells = [
    marks.map(html).join('<br>'),
    release === null ? 'none yet' : html(release.id),
    html(commit),
    release === null ? '' : `<time datetime="${html(release.live)}">${html(release.live)}</time>`,
    html(serversOf(servers)),
  ];
  return `<tr><th scope="row">${html(cluster)}<br><small>${html(environment)}</small></th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
}

/** `5`, or `5, of these 1 behind, 1 unreachable`. */
function serversOf(servers: ClusterView['servers']): string {
  const odd = (['behind', 'unreachable', 'failed'] as const)
    .map((state) => ({ state, count: servers.filter((server) => server.state === state).length }))
    .filter(({ count }) => count > 0)
    .map(({ state, count }) => `${count} ${state}`);
  return odd.length === 0 ? String(servers.length) : `${servers.length}, of these ${odd.join(', ')}`;
}

/** Text from outside as HTML text or attribute: nothing in it is markup, and nothing steers the reader. */
const html = (text: string): string =>
  visibleLine(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
