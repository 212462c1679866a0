// What the page looks at beside the state itself: times, changes, commits, settings, servers, the queue, statistics.
import type { Request, Response } from 'express';
import { abortedWith } from './connection.ts';
import { clusterIn, deploymentIn, isPlausibleName, Malformed, notFound, queryValue } from './route.ts';
import type { Context, Route } from './route.ts';

export const insightRoutes: readonly Route[] = [
  { method: 'get', path: '/api/v1/clusters/:name/commits', door: 'token', handle: commits },
  { method: 'get', path: '/api/v1/clusters/:name/configuration', door: 'token', handle: configuration },
  { method: 'get', path: '/api/v1/deployments/:number/times', door: 'token', handle: times },
  { method: 'get', path: '/api/v1/deployments/:number/changes', door: 'token', handle: changes },
  { method: 'get', path: '/api/v1/servers/:cluster/:server', door: 'token', handle: server },
  { method: 'get', path: '/api/v1/queue', door: 'token', handle: queue },
  { method: 'get', path: '/api/v1/statistics', door: 'token', handle: statistics },
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
  const [cluster, name] = [String(request.params['cluster']), String(request.params['server'])];
  if (!isPlausibleName(cluster) || !isPlausibleName(name)) throw notFound('There is no such server.');
  response.json(await application.insight.server(cluster, name));
}

function queue({ application }: Context, _request: Request, response: Response): void {
  response.json(application.insight.queue());
}

const DAY_MS = 24 * 3_600_000;
const USUAL_DAYS = 90;
const MOST_DAYS = 3660;

async function statistics({ application, now }: Context, request: Request, response: Response): Promise<void> {
  const until = now();
  const since = sinceIn(queryValue(request, 'since') ?? `${USUAL_DAYS}d`, until);
  response.json(await application.insight.statistics({ since, until, cluster: queryValue(request, 'cluster') ?? null }));
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
