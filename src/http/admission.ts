// Admission: whether an actor may use a route, for what the request is about. Every route says what it needs; nobody decides it elsewhere.
import type { Request } from 'express';
import { hasRole, seesAll, seesCluster } from '../core/actor.ts';
import type { Actor, Role } from '../core/actor.ts';
import type { Application } from '../core/application.ts';
import { DeployError } from '../core/errors.ts';
import { clusterIn, deploymentIn, notFound } from './route.ts';

/**
 * What the role must count for. `cluster`: the one in the path; `deployment`: the cluster of the deployment in the path; `repository`: every
 * cluster that the repository in the path feeds; `some`: any cluster, and the handler shows only what belongs to those that the actor sees;
 * `all`: every cluster, for what concerns the whole daemon.
 */
export type Scope = 'cluster' | 'deployment' | 'repository' | 'some' | 'all';

export type Admission = { readonly needs: Role; readonly on: Scope };

/** Throws `not-found` for what the actor may not even see, just as if it did not exist, and `refused` for what their role does not allow. */
export async function admit(application: Application, { needs, on }: Admission, request: Request, actor: Actor): Promise<void> {
  switch (on) {
    case 'cluster':
      await admitToCluster(application, clusterIn(request), actor);
      break;
    case 'deployment':
      await admitToDeployment(application, deploymentIn(request), actor);
      break;
    case 'repository':
      await admitToRepository(application, String(request.params['repository']), actor);
      break;
    case 'some':
      break;
    case 'all':
      if (!seesAll(actor)) throw new DeployError('refused', `This is for those whose role counts for all clusters; ${spoken(actor)}.`);
      break;
    default:
      on satisfies never;
  }
  if (!hasRole(actor, needs)) throw new DeployError('refused', `This needs the role ${needs}; ${spoken(actor)}.`);
}

/** Existence is looked at for those alone who see a part: what else is said of a cluster that does not exist names the others. */
async function admitToCluster(application: Application, name: string, actor: Actor): Promise<void> {
  if (seesAll(actor)) return;
  if (!seesCluster(actor, name) || (await application.cluster(name)) === null) throw notFound('There is no such cluster.');
}

export async function admitToDeployment(application: Application, number: number, actor: Actor): Promise<void> {
  if (seesAll(actor)) return;
  const found = await application.deployment(number);
  if (found === null || !seesCluster(actor, found.cluster)) throw notFound('There is no such deployment.');
}

async function admitToRepository(application: Application, repository: string, actor: Actor): Promise<void> {
  if (seesAll(actor)) return;
  const fed = await clustersFedBy(application, repository);
  if (!fed.some((cluster) => seesCluster(actor, cluster))) throw notFound('There is no such delivery.');
  if (!fed.every((cluster) => seesCluster(actor, cluster))) {
    throw new DeployError('refused', `${repository} feeds clusters, too, for which your role does not count; ${spoken(actor)}.`);
  }
}

export async function clustersFedBy(application: Application, repository: string): Promise<readonly string[]> {
  const { clusters } = await application.overview();
  return clusters.filter(({ branches }) => branches.some((branch) => branch.repository === repository)).map(({ cluster }) => cluster);
}

const spoken = ({ role, clusters }: Actor): string => `yours is ${role}, for ${clusters.join(', ') || 'no cluster'}`;
