// apply: what an event means for everything in memory: its deployment, and the cluster that it belongs to.
import { driftedAfter, driftedWithout } from './drifted.ts';
import type { Deployment } from './deployment.ts';
import { evolve, requested } from './evolve.ts';
import type { Recorded } from './event.ts';
import type { ClusterRecord, ReleaseRecord } from './records.ts';
import { clusterOf } from './state.ts';
import type { State } from './state.ts';

/** Releases that a cluster remembers beyond `keep`: room for a look back, and a bound. */
const REMEMBERED = 20;

/** Applies a recorded event to the state, in place. Returns the deployment that it concerns. Throws for an impossible event. */
export function apply(state: State, recorded: Recorded): Deployment | null {
  if (recorded.deployment === null) {
    const { event } = recorded;
    if (event.type === 'cluster-locked') lock(state, event.cluster, { by: event.by, reason: event.reason, at: recorded.at });
    if (event.type === 'cluster-unlocked') lock(state, event.cluster, null);
    if (event.type === 'hold-released') releaseHold(state, event.cluster);
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
  cluster.record = { ...cluster.record, lastDeployment: deployment.number };
  if (!deployment.live) return;
  const brought = deployment.target ?? releaseOf(deployment);
  if (brought === null) return;
  const release = { ...brought, shared: deployment.cluster.shared };
  // What was brought anew takes the place of the copy that it was brought for.
  const isReplaced = (one: ReleaseRecord): boolean =>
    deployment.anew && one.artifact === release.artifact && one.revision === release.revision;
  const others = cluster.record.releases.filter((one) => one.id !== release.id && !isReplaced(one));
  const serving = deployment.cluster.servers.filter((_, i) => deployment.members[i]?.excluded === null).map((server) => server.name);
  const releases = [release, ...others].slice(0, deployment.cluster.keep + REMEMBERED);
  cluster.record = {
    ...cluster.record,
    releases,
    serving,
    drifted: driftedWithout(cluster.record, deployment),
    ...markOf(cluster.record, deployment, release),
  };
}

/** After a roll back the release that was left is bad, and its revision is held; a deployment forward ends both for what it brought. */
function markOf(
  { releases, bad }: ClusterRecord,
  { target, requestedBy }: Deployment,
  release: ReleaseRecord,
): Pick<ClusterRecord, 'bad' | 'held'> {
  const others = bad.filter((id) => id !== release.id);
  const left = releases[0];
  if (target === null || left === undefined || left.id === release.id) return { bad: others, held: null };
  const reason = `rolled back from ${left.id} by ${requestedBy}`;
  return { bad: [left.id, ...others].slice(0, REMEMBERED), held: { revision: left.revision, reason } };
}

function releaseOf(deployment: Deployment): ReleaseRecord | null {
  const { release, artifact, commit } = deployment;
  if (release === null || artifact === null) return null;
  return {
    id: release,
    artifact,
    revision: deployment.revision,
    branch: deployment.branch,
    repository: deployment.repository.name,
    author: commit?.author ?? '',
    message: commit?.message ?? '',
    deployment: deployment.number,
    at: deployment.endedAt ?? 0,
  };
}
