// /api/v1/deployments: the history, one deployment with its log, and the requests about a deployment.
import type { Request, Response } from 'express';
import type { Actor } from '../core/actor.ts';
import { abortedWith } from './connection.ts';
import { MIGRATION, readJson, REJECT, RETRY, SKIP, speaker, WHO } from './request-body.ts';
import { withOddServers } from './odd-servers.ts';
import { deploymentIn, Malformed, notFound, queryNumber, queryValue } from './route.ts';
import type { Context, Route } from './route.ts';
import { followLog } from './log-stream.ts';
import { visibleDeployments } from './visible.ts';

const USUAL_PAGE = 50;
const LARGEST_PAGE = 500;

export const deploymentRoutes: readonly Route[] = [
  { method: 'get', path: '/api/v1/deployments', door: 'token', needs: 'viewer', on: 'some', handle: history },
  { method: 'get', path: '/api/v1/deployments/:number', door: 'token', needs: 'viewer', on: 'deployment', handle: show },
  { method: 'get', path: '/api/v1/deployments/:number/log', door: 'token', needs: 'viewer', on: 'deployment', handle: followLog },
  {
    method: 'post',
    path: '/api/v1/deployments/:number/abort',
    door: 'token',
    needs: 'operator',
    on: 'deployment',
    handle: asking('abort'),
  },
  {
    method: 'post',
    path: '/api/v1/deployments/:number/pause',
    door: 'token',
    needs: 'operator',
    on: 'deployment',
    handle: asking('pause'),
  },
  {
    method: 'post',
    path: '/api/v1/deployments/:number/resume',
    door: 'token',
    needs: 'operator',
    on: 'deployment',
    handle: asking('resume'),
  },
  {
    method: 'post',
    path: '/api/v1/deployments/:number/approve',
    door: 'token',
    needs: 'deployer',
    on: 'deployment',
    handle: asking('approve'),
  },
  { method: 'post', path: '/api/v1/deployments/:number/reject', door: 'token', needs: 'deployer', on: 'deployment', handle: reject },
  { method: 'post', path: '/api/v1/deployments/:number/skip', door: 'token', needs: 'operator', on: 'deployment', handle: skip },
  { method: 'post', path: '/api/v1/deployments/:number/retry', door: 'token', needs: 'deployer', on: 'deployment', handle: retry },
  {
    method: 'post',
    path: '/api/v1/deployments/:number/migration',
    door: 'token',
    needs: 'operator',
    on: 'deployment',
    handle: settleMigration,
  },
];

async function history({ application }: Context, request: Request, response: Response, actor: Actor): Promise<void> {
  const cluster = queryValue(request, 'cluster');
  const before = queryNumber(request, 'before', 1);
  const limit = Math.min(queryNumber(request, 'limit', 1) ?? USUAL_PAGE, LARGEST_PAGE);
  const query = { limit, ...(cluster === undefined ? {} : { cluster }), ...(before === undefined ? {} : { before }) };
  response.json({ deployments: await visibleDeployments(application, query, actor) });
}

async function show({ application }: Context, request: Request, response: Response): Promise<void> {
  const found = await application.deployment(deploymentIn(request));
  if (found === null) throw notFound('There is no such deployment.');
  const servers = queryValue(request, 'servers');
  if (servers !== undefined && servers !== 'odd') throw new Malformed('servers: must be odd');
  response.json(servers === undefined ? found : withOddServers(found, queryValue(request, 'server')));
}

/** Those that need no more than the number and who asks. */
function asking(what: 'abort' | 'pause' | 'resume' | 'approve') {
  return async ({ application }: Context, request: Request, response: Response, actor: Actor): Promise<void> => {
    const number = deploymentIn(request);
    const { by } = await readJson(request, WHO);
    response.status(202).json(await application[what](number, speaker(actor, by)));
  };
}

async function reject({ application }: Context, request: Request, response: Response, actor: Actor): Promise<void> {
  const number = deploymentIn(request);
  const { reason, by } = await readJson(request, REJECT);
  response.status(202).json(await application.reject(number, speaker(actor, by), reason));
}

async function skip({ application }: Context, request: Request, response: Response, actor: Actor): Promise<void> {
  const number = deploymentIn(request);
  const { server, by } = await readJson(request, SKIP);
  response.status(202).json(await application.skip(number, server, speaker(actor, by)));
}

async function retry({ application }: Context, request: Request, response: Response, actor: Actor): Promise<void> {
  const number = deploymentIn(request);
  const { server, by } = await readJson(request, RETRY);
  response.status(202).json(await application.retry(number, server, speaker(actor, by), abortedWith(response)));
}

async function settleMigration({ application }: Context, request: Request, response: Response, actor: Actor): Promise<void> {
  const number = deploymentIn(request);
  const { done, by } = await readJson(request, MIGRATION);
  response.status(202).json(await application.settleMigration(number, done, speaker(actor, by)));
}
