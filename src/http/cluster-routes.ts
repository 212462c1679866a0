// /api/v1/clusters: what the clusters are doing, what a deployment would do, and the requests about a cluster.
import type { Request, Response } from 'express';
import type { Actor } from '../core/actor.ts';
import { abortedWith } from './connection.ts';
import { DEPLOY, LOCK, readJson, ROLLBACK, speaker, WHO } from './request-body.ts';
import { clusterIn, notFound, queryValue } from './route.ts';
import type { Context, Route } from './route.ts';
import { visibleOverview } from './visible.ts';

export const clusterRoutes: readonly Route[] = [
  { method: 'get', path: '/api/v1/clusters', door: 'token', needs: 'viewer', on: 'some', handle: overview },
  { method: 'get', path: '/api/v1/clusters/:name', door: 'token', needs: 'viewer', on: 'cluster', handle: cluster },
  { method: 'get', path: '/api/v1/clusters/:name/plan', door: 'token', needs: 'viewer', on: 'cluster', handle: plan },
  { method: 'post', path: '/api/v1/clusters/:name/deploy', door: 'token', needs: 'deployer', on: 'cluster', handle: deploy },
  { method: 'post', path: '/api/v1/clusters/:name/drift', door: 'token', needs: 'deployer', on: 'cluster', handle: drift },
  { method: 'get', path: '/api/v1/clusters/:name/releases', door: 'token', needs: 'viewer', on: 'cluster', handle: releases },
  { method: 'post', path: '/api/v1/clusters/:name/rollback', door: 'token', needs: 'operator', on: 'cluster', handle: rollback },
  { method: 'post', path: '/api/v1/clusters/:name/release-hold', door: 'token', needs: 'operator', on: 'cluster', handle: releaseHold },
  { method: 'post', path: '/api/v1/clusters/:name/lock', door: 'token', needs: 'operator', on: 'cluster', handle: lock },
  { method: 'post', path: '/api/v1/clusters/:name/unlock', door: 'token', needs: 'operator', on: 'cluster', handle: unlock },
];

async function overview({ application }: Context, _request: Request, response: Response, actor: Actor): Promise<void> {
  response.json(await visibleOverview(application, actor));
}

async function cluster({ application }: Context, request: Request, response: Response): Promise<void> {
  const found = await application.cluster(clusterIn(request));
  if (found === null) throw notFound('There is no such cluster.');
  response.json(found);
}

async function plan({ application }: Context, request: Request, response: Response): Promise<void> {
  const revision = queryValue(request, 'revision') ?? null;
  response.json(await application.plan(clusterIn(request), revision, abortedWith(response)));
}

async function deploy({ application }: Context, request: Request, response: Response, actor: Actor): Promise<void> {
  const name = clusterIn(request);
  const { by, ...wanted } = await readJson(request, DEPLOY);
  const order = { ...wanted, actor: speaker(actor, by) };
  response.status(202).json(await application.deploy(name, order, abortedWith(response)));
}

/** Looks only, but takes its time and asks every server: nothing for a browser to do by itself. */
async function drift({ application }: Context, request: Request, response: Response): Promise<void> {
  const name = clusterIn(request);
  await readJson(request, WHO);
  response.json(await application.drift(name, abortedWith(response)));
}

async function releases({ application }: Context, request: Request, response: Response): Promise<void> {
  response.json({ releases: await application.releases(clusterIn(request)) });
}

async function rollback({ application }: Context, request: Request, response: Response, actor: Actor): Promise<void> {
  const name = clusterIn(request);
  const { by, ...wanted } = await readJson(request, ROLLBACK);
  response.status(202).json(await application.rollback(name, { ...wanted, actor: speaker(actor, by) }));
}

async function releaseHold({ application }: Context, request: Request, response: Response, actor: Actor): Promise<void> {
  const name = clusterIn(request);
  const { by } = await readJson(request, WHO);
  response.json(await application.releaseHold(name, speaker(actor, by)));
}

async function lock({ application }: Context, request: Request, response: Response, actor: Actor): Promise<void> {
  const name = clusterIn(request);
  const { by, reason } = await readJson(request, LOCK);
  response.json(await application.lock(name, speaker(actor, by), reason));
}

async function unlock({ application }: Context, request: Request, response: Response, actor: Actor): Promise<void> {
  const name = clusterIn(request);
  const { by } = await readJson(request, WHO);
  response.json(await application.unlock(name, speaker(actor, by)));
}
