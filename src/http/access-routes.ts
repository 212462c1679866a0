// Who may do what to a cluster, and to a deployment of it: so that nobody is offered what they would be refused.
import type { Request, Response } from 'express';
import type { Actor } from '../core/actor.ts';
import { clusterIn, deploymentIn } from './route.ts';
import type { Context, Route } from './route.ts';

export const accessRoutes: readonly Route[] = [
  { method: 'get', path: '/api/v1/clusters/:name/access', door: 'token', needs: 'viewer', on: 'cluster', handle: toCluster },
  { method: 'get', path: '/api/v1/deployments/:number/access', door: 'token', needs: 'viewer', on: 'deployment', handle: toDeployment },
];

function toCluster({ application }: Context, request: Request, response: Response, actor: Actor): void {
  response.json(application.insight.access(clusterIn(request), actor));
}

async function toDeployment({ application }: Context, request: Request, response: Response, actor: Actor): Promise<void> {
  response.json(await application.insight.accessToDeployment(deploymentIn(request), actor));
}
