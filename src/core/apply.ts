// apply: what an event means for everything in memory: its deployment, and the cluster that it belongs to.
import { driftedAfter } from './drifted.ts';
import type { Deployment } from './deployment.ts';
import type { Recorded } from './event.ts';
import { evolve } from './evolve.ts';
import type { ClusterRecord } from './records.ts';
import { recordAfter } from './record-after.ts';
import { requested } from './requested.ts';
import { clusterOf } from './state.ts';
import type { State } from './state.ts';

/** Applies a recorded event to the state, in place. Returns the deployment that it concerns. Throws for an impossible event. */
export function apply(state: State, recorded: Recorded): Deployment | null {
  if (recorded.deployment === null) {
    const { event } = recorded;
    if (event.type === 'cluster-locked') lock(state, event.cluster, { by: event.by, reason: event.reason, at: recorded.at });
    if (event.type === 'cluster-unlocked') lock(state, event.cluster, null);
    if (event.type === 'hold-released') releaseHold(state, event.cluster);
    if (event.type === 'head-skipped') {
      const { branch, revision, reason } = event;
      const cluster = clusterOf(state, event.cluster);
      cluster.record = { ...cluster.record, skipped: { branch, revision, reason, at: recorded.at } };
    }
    if (event.type === 'drift-found' || event.type === 'drift-ended') {
      const cluster = clusterOf(state, event.cluster);
      cluster.record = { ...cluster.record, drifted: driftedAfter(cluster.record.drifted, event, recorded.at) };
    }
    return null;
  }
  const { deployment: number, event, at } = recorded;
  if (event.type === 'requested') return enter(state, requested(number, at, event));
  const deployment = state.deployments.get(number);
  if (deployment === undefined) throw new Error(`event "${event.type}" for deployment ${number}, which is unknown or has ended`);
  evolve(deployment, event, at);
  const cluster = clusterOf(state, deployment.cluster.name);
  if (event.type === 'began') {
    cluster.running = number;
    cluster.waiting = null;
  }
  if (deployment.state === 'ended') leave(state, deployment);
  return deployment;
}

function lock(state: State, name: string, locked: ClusterRecord['locked']): void {
  const cluster = clusterOf(state, name);
  cluster.record = { ...cluster.record, locked };
}

function releaseHold(state: State, name: string): void {
  const cluster = clusterOf(state, name);
  cluster.record = { ...cluster.record, held: null };
}

function enter(state: State, deployment: Deployment): Deployment {
  state.lastDeployment = Math.max(state.lastDeployment, deployment.number);
  state.deployments.set(deployment.number, deployment);
  clusterOf(state, deployment.cluster.name).waiting = deployment.number;
  return deployment;
}

function leave(state: State, deployment: Deployment): void {
  const cluster = clusterOf(state, deployment.cluster.name);
  state.deployments.delete(deployment.number);
  if (cluster.running === deployment.number) cluster.running = null;
  if (cluster.waiting === deployment.number) cluster.waiting = null;
  if (deployment.result === 'superseded') return;
  cluster.record = recordAfter(cluster.record, deployment);
}
