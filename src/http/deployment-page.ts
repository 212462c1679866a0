// GET /deployments/:number: the steps of one deployment and the servers that are not well, as a plain page that needs no script; and its log.
import type { Request, Response } from 'express';
import type { Actor } from '../core/actor.ts';
import { DeployError } from '../core/errors.ts';
import type { Tone } from '../core/health.ts';
import type { DeploymentServerView, DeploymentView, StepView } from '../core/views.ts';
import { factsOf } from './cluster-page.ts';
import { htmlDocument, htmlTable, htmlTime } from './document.ts';
import { escaped, segment, subject } from './markup.ts';
import { withOddServers } from './odd-servers.ts';
import { healthMark } from './overview-page.ts';
import { deploymentIn, notFound } from './route.ts';
import type { Context } from './route.ts';
import { whoAsks } from './sign-in-routes.ts';

const MOST_SERVERS = 200;

export async function showDeployment(context: Context, request: Request, response: Response, actor: Actor): Promise<void> {
  const number = deploymentIn(request);
  const ahead = await answersAhead(context, request, number, actor);
  const view = await context.application.deployment(number);
  if (view === null) throw notFound('There is no such deployment.');
  const answers = ahead === null ? {} : { ...ahead, [`deployments/${number}?servers=odd`]: withOddServers(view, undefined) };
  response.type('text/html; charset=utf-8').send(deploymentPage(view, answers));
}

/**
 * What the script would ask for first, but for the deployment itself: that is looked at afterwards, so that it is no older than the event that
 * the times go up to. `null`: the script has to ask, and will hear why it gets no answer.
 */
async function answersAhead(context: Context, request: Request, number: number, actor: Actor): Promise<Record<string, unknown> | null> {
  const identity = await context.identify(request, 'token', true);
  if (identity === null) return null;
  const { insight } = context.application;
  try {
    const [who, times, access] = await Promise.all([
      whoAsks(context, identity.actor),
      insight.times(number),
      insight.accessToDeployment(number, actor),
    ]);
    return { me: who, [`deployments/${number}/times`]: times, [`deployments/${number}/access`]: access };
  } catch (error) {
    if (error instanceof DeployError) return null;
    throw error;
  }
}

/** `answers`: what the script is going to ask the API for (document.ts). */
export function deploymentPage(view: DeploymentView, answers: Readonly<Record<string, unknown>> = {}): string {
  const { number, cluster, result, state, reason, problem, revision, author, message, branch, supersededBy } = view;
  const word = result ?? state;
  const isOver = state === 'ended';
  const facts: [string, string][] = [
    ['State', healthMark({ tone: toneOf(view), word })],
    ['Cluster', `<a href="/clusters/${segment(cluster)}">${escaped(cluster)}</a>`],
    ['Commit', `<code>${escaped(revision)}</code><br>${escaped(author ?? '')}: ${escaped(subject(message))}`],
    ['Branch', escaped(branch)],
    ['Release', escaped(view.release ?? '')],
    ['Before', escaped(view.previous ?? '')],
    ['Purpose', escaped(view.purpose)],
    ['Requested', `${htmlTime(view.requestedAt)} by ${escaped(view.requestedBy)}`],
    ['Ended', htmlTime(view.endedAt)],
    ['Superseded by', supersededBy === null ? '' : `<a href="/deployments/${supersededBy}">${supersededBy}</a>`],
  ];
  const what = problem?.message ?? (isOver && result !== 'done' && supersededBy === null ? reason : null);
  const body = `<nav><a href="/">All clusters</a></nav>
<h1>Deployment ${number} of ${escaped(cluster)}</h1>
${what === null ? '' : `<p class="problem">${escaped(what)}</p>`}
${factsOf(facts)}
<h2>Steps</h2>
${htmlTable(['Step', 'State', 'Servers', 'Began', 'Ended'], view.steps.map(stepRow))}
<h2>Servers</h2>
${serverTable(view.servers)}
<p><a href="/deployments/${number}/log">The log</a></p>`;
  return htmlDocument({ title: `${word} – ${number} ${cluster}`, body, refreshSeconds: isOver ? null : 3, answers });
}

function toneOf({ result, state }: DeploymentView): Tone {
  if (result === null) return state === 'needs-operator' ? 'bad' : 'run';
  if (result === 'done') return 'ok';
  return result === 'failed' || result === 'rolled-back' ? 'bad' : 'warn';
}

function stepRow({ step, direction, state, done, total, startedAt, finishedAt }: StepView): string[] {
  const count = total === 0 ? '' : `<progress max="${total}" value="${done}">${done} of ${total}</progress> ${done}/${total}`;
  return [escaped(direction === 'back' ? `${step} (going back)` : step), escaped(state), count, htmlTime(startedAt), htmlTime(finishedAt)];
}

function serverTable(servers: readonly DeploymentServerView[]): string {
  const counts = new Map<string, number>();
  for (const { state } of servers) counts.set(state, (counts.get(state) ?? 0) + 1);
  const summary = [...counts].map(([state, count]) => `${count} ${escaped(state)}`).join(', ');
  const odd = servers.filter((server) => server.error !== null || server.warning !== null).slice(0, MOST_SERVERS);
  const rows = odd.map(({ name, state, error, warning }) => [escaped(name), escaped(state), escaped(error ?? warning ?? '')]);
  return `<p>${summary}</p>${rows.length === 0 ? '' : htmlTable(['Server', 'State', 'Problem'], rows)}`;
}
