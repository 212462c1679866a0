// What the page looks at beside the state itself: times, changes, commits, settings, servers, the queue, statistics.
import type { Request, Response } from 'express';
import { seesAll, seesCluster } from '../core/actor.ts';
import type { Actor } from '../core/actor.ts';
import { abortedWith } from './connection.ts';
import { clusterIn, deploymentIn, isPlausibleName, Malformed, notFound, queryValue } from './route.ts';
import type { Context, Route } from './route.ts';
import { visibleQueue } from './visible.ts';

export const insightRoutes: readonly Route[] = [
  { method: 'get', path: '/api/v1/clusters/:name/commits', door: 'token', needs: 'viewer', on: 'cluster', handle: commits },
  { method: 'get', path: '/api/v1/clusters/:name/configuration', door: 'token', needs: 'viewer', on: 'cluster', handle: configuration },
  { method: 'get', path: '/api/v1/deployments/:number/times', door: 'token', needs: 'viewer', on: 'deployment', handle: times },
  { method: 'get', path: '/api/v1/deployments/:number/changes', door: 'token', needs: 'viewer', on: 'deployment', handle: changes },
  { method: 'get', path: '/api/v1/servers/:name/:server', door: 'token', needs: 'viewer', on: 'cluster', handle: server },
  { method: 'get', path: '/api/v1/queue', door: 'token', needs: 'viewer', on: 'some', handle: queue },
  { method: 'get', path: '/api/v1/statistics', door: 'token', needs: 'viewer', on: 'some', handle: statistics },
];

async function commits({ application }: Context, request: Request, response: Response): Promise<void> {
  response.json(await application.insight.commits(clusterIn(request), abortedWith(response)));
}

function configuration({ application }: Context, request: Request, response: Response): void {
  response.json(application.insight.configuration(clusterIn(request)));
}

async function times({ application }: Context, request: Request, response: Response): Promise<void> {
  response.json(await application.insight.times(deploymentIn(request)));
}

async function changes({ application }: Context, request: Request, response: Response): Promise<void> {
  response.json(await application.insight.changes(deploymentIn(request), abortedWith(response)));
}

async function server({ application }: Context, request: Request, response: Response): Promise<void> {
  const name = String(request.params['server']);
  if (!isPlausibleName(name)) throw notFound('There is no such server.');
  response.json(await application.insight.server(clusterIn(request), name));
}

function queue({ application }: Context, _request: Request, response: Response, actor: Actor): void {
  response.json(visibleQueue(application.insight.queue(), actor));
}

const DAY_MS = 24 * 3_600_000;
const USUAL_DAYS = 90;
const MOST_DAYS = 3660;

async function statistics({ application, now }: Context, request: Request, response: Response, actor: Actor): Promise<void> {
  const cluster = queryValue(request, 'cluster') ?? null;
  if (cluster !== null && !seesCluster(actor, cluster)) throw notFound('There is no such cluster.');
  const until = now();
  const since = sinceIn(queryValue(request, 'since') ?? `${USUAL_DAYS}d`, until);
  response.json(
    await application.insight.statistics({ since, until, cluster }, seesAll(actor) ? null : (name) => seesCluster(actor, name)),
  );
}

/** `30d`, `12w`, or a date. Nothing is older than ten years. */
function sinceIn(text: string, now: number): number {
  const span = /^([1-9]\d{0,3})([dw])$/.exec(text);
  const days = span === null ? null : Number(span[1]) * (span[2] === 'w' ? 7 : 1);
  const at = days !== null ? now - days * DAY_MS : /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : NaN;
  if (!Number.isFinite(at) || at >= now) {
    throw new Malformed('since: must be a span like 30d or 12w, or a date or time of the past like 2026-01-31');
  }
  return Math.max(at, now - MOST_DAYS * DAY_MS);
}
