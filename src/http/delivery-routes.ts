// /api/v1/deliveries: what hooks and webhooks told, and what came of it; and one of them once more.
import type { Request, Response } from 'express';
import { hasRole, seesAll, seesCluster } from '../core/actor.ts';
import type { Actor } from '../core/actor.ts';
import type { Application } from '../core/application.ts';
import { clustersFedBy } from './admission.ts';
import { readJson, speaker, WHO } from './request-body.ts';
import { isPlausibleName, notFound, queryNumber, queryValue } from './route.ts';
import type { Context, Route } from './route.ts';
import { visibleDeliveries } from './visible.ts';

const USUAL_PAGE = 50;
const LARGEST_PAGE = 1000;

export const deliveryRoutes: readonly Route[] = [
  { method: 'get', path: '/api/v1/deliveries', door: 'token', needs: 'viewer', on: 'some', handle: list },
  { method: 'post', path: '/api/v1/deliveries/:repository/:id/replay', door: 'token', needs: 'deployer', on: 'repository', handle: replay },
];

async function list({ application }: Context, request: Request, response: Response, actor: Actor): Promise<void> {
  const repository = queryValue(request, 'repository');
  const limit = Math.min(queryNumber(request, 'limit', 1) ?? USUAL_PAGE, LARGEST_PAGE);
  const query = { limit, ...(repository === undefined ? {} : { repository }) };
  const deliveries = await visibleDeliveries(application, query, actor);
  const repositories = new Set(deliveries.map((one) => one.repository));
  const mayReplay = hasRole(actor, 'deployer') ? await repositoriesOf(application, repositories, actor) : new Set();
  response.json({ deliveries: deliveries.map((one) => ({ ...one, replayable: mayReplay.has(one.repository) })) });
}

/** Those whose every cluster the actor's role counts for. */
async function repositoriesOf(application: Application, repositories: ReadonlySet<string>, actor: Actor): Promise<ReadonlySet<string>> {
  if (seesAll(actor)) return repositories;
  const own = new Set<string>();
  for (const repository of repositories) {
    const fed = await clustersFedBy(application, repository);
    if (fed.every((cluster) => seesCluster(actor, cluster))) own.add(repository);
  }
  return own;
}

async function replay({ application }: Context, request: Request, response: Response, actor: Actor): Promise<void> {
  const [repository, id] = [String(request.params['repository']), String(request.params['id'])];
  if (!isPlausibleName(repository) || !isPlausibleName(id)) throw notFound('There is no such delivery.');
  const { by } = await readJson(request, WHO);
  response.status(202).json(await application.replay(repository, id, speaker(actor, by)));
}
