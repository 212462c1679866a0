// decide: what people, hooks and the poller ask for, turned into events, or refused with a reason.
import { actorText } from './actor.ts';
import type { Actor } from './actor.ts';
import { approverProblem, isApproved } from './approval.ts';
import type { Approval } from './approval.ts';
import type { AuditNote } from './audit.ts';
import type { Cluster } from './cluster.ts';
import type { Deployment } from './deployment.ts';
import { DeployError } from './errors.ts';
import { isAbortable, isPausable, isSkippable } from './evolve.ts';
import type { ClusterRecord, ReleaseRecord } from './records.ts';
import { shelfOf } from './retention.ts';
import type { Server } from './server.ts';
import type { DaemonEvent, DeploymentEvent, Order } from './event.ts';
import type { Permissions } from './permission.ts';
import type { Batch } from './ports.ts';
import type { Outcome } from './repository.ts';
import { clusterOf } from './state.ts';
import type { State } from './state.ts';

/** An event that has no number and time yet. */
export type Fresh =
  { readonly deployment: number; readonly event: DeploymentEvent } | { readonly deployment: null; readonly event: DaemonEvent };

/** Events to record, rows of the store that belong to them, and what the asker is told once both are durable. */
export type Decision<T> = {
  readonly events: readonly Fresh[];
  readonly rows?: Partial<Batch>;
  readonly result: T;
  /** Who asked, for the audit; absent: the daemon itself, or who the events name. */
  readonly actor?: Actor;
  /** What the audit is to hold beside the events. */
  readonly notes?: readonly AuditNote[];
};

export type DeployRequest = Order & {
  /** Deploy even if the cluster serves this revision already, or is held. */
  readonly force: boolean;
  /** Not to wait for a time that an earlier request for the same revision named. */
  readonly atOnce?: boolean;
};

/** A cluster is asked to go to a revision: a new deployment (which supersedes one that waits), or the reason why not. */
export function decideDeploy(state: State, request: DeployRequest): Decision<Outcome> {
  const { cluster, force, atOnce = false, ...rest } = request;
  const { revision } = request;
  const status = clusterOf(state, cluster.name);
  const waiting = status.waiting === null ? undefined : state.deployments.get(status.waiting);
  const running = status.running === null ? undefined : state.deployments.get(status.running);
  const live = status.record.releases[0];
  const none = (outcome: Outcome): Decision<Outcome> => ({ events: [], result: outcome });

  if (!force) {
    if (waiting?.revision === revision && !(atOnce && waiting.notBefore !== null))
      return none({ kind: 'already-requested', cluster: cluster.name, number: waiting.number });
    const isOnItsWay = running?.revision === revision && running.state === 'running' && running.abortedBy === null && !isCatchUp(running);
    if (isOnItsWay && waiting === undefined) return none({ kind: 'already-requested', cluster: cluster.name, number: running.number });
    if (status.record.held?.revision === revision) {
      return none({ kind: 'held', cluster: cluster.name, reason: status.record.held.reason });
    }
    // A server that was left out, or is new in the configuration, is a reason to deploy the same revision again.
    const isComplete = behindOf(status.record, cluster).length === 0;
    if (live?.revision === revision && running === undefined && waiting === undefined && isComplete) {
      return none({ kind: 'already-live', cluster: cluster.name, release: live.id });
    }
  }
  const number = state.lastDeployment + 1;
  const events: Fresh[] = [];
  if (waiting !== undefined) events.push({ deployment: waiting.number, event: { type: 'superseded', by: number } });
  // Whoever is catching up is brought along by the new deployment.
  if (running !== undefined && isCatchUp(running) && isAbortable(running)) {
    events.push({ deployment: running.number, event: { type: 'abort-requested', by: `deployment ${number}` } });
  }
  events.push({ deployment: number, event: { type: 'requested', purpose: 'deploy', cluster, ...rest } });
  return { events, result: { kind: 'deployment', cluster: cluster.name, number } };
}

const isCatchUp = ({ purpose }: Deployment): boolean => purpose === 'catch-up';

/** Servers of the configuration that do not serve what the cluster serves: left out, lost on the way, or new. */
export function behindOf(record: ClusterRecord, cluster: Cluster): Server[] {
  const known = new Map(record.servers.map((server) => [server.name, server]));
  return cluster.servers.filter((server) => known.get(server.name)?.isBehind ?? true);
}

/** One server comes to what its cluster serves. `null`: the cluster serves nothing yet, is busy or locked, or the server is not behind. */
export function decideCatchUp(state: State, order: Omit<Order, 'revision' | 'reason'>, server: string): Decision<number | null> {
  const { record, running, waiting } = clusterOf(state, order.cluster.name);
  const target = record.releases[0];
  const one = behindOf(record, order.cluster).find(({ name }) => name === server);
  if (target === undefined || one === undefined || running !== null || waiting !== null || record.locked !== null) {
    return { events: [], result: null };
  }
  const cluster = { ...order.cluster, servers: [one], maxFailures: { servers: 0 }, ...neighboursIn(record, order.cluster, one) };
  const number = state.lastDeployment + 1;
  const reason = `${server} catches up`;
  const event = { type: 'requested', purpose: 'catch-up', ...order, cluster, revision: target.revision, reason, target } as const;
  return { events: [{ deployment: number, event }], result: number };
}

function neighboursIn(record: ClusterRecord, cluster: Cluster, { zone }: Server): Pick<Cluster, 'neighbours'> {
  if (zone === undefined) return {};
  const behind = behindOf(record, cluster);
  const relays = cluster.zones?.[zone]?.relays ?? [];
  const neighbours = cluster.servers.filter((server) => relays.includes(server.name) && server.zone === zone && !behind.includes(server));
  return neighbours.length === 0 ? {} : { neighbours };
}

export type RollbackRequest = Omit<DeployRequest, 'revision' | 'force'> & {
  readonly purpose: 'roll-back' | 'emergency';
  /** A release's name, or the revision that it was made of, or the beginning of either; `null`: the last one before the live one. */
  readonly to: string | null;
};

/**
 * A cluster is asked to go back to a release that was live on it. Throws `conflict`: nothing to go to, or a deployment runs;
 * `not-found`: no such release was live.
 */
export function decideRollback(state: State, request: RollbackRequest): Decision<number> {
  const { to, purpose, ...rest } = request;
  const { name } = request.cluster;
  const { record, running } = clusterOf(state, name);
  const current = running === null ? undefined : state.deployments.get(running);
  if (running !== null && (current === undefined || !isCatchUp(current)))
    throw new DeployError('conflict', `deployment ${running} of ${name} is running; abort it or wait for its end first`);
  const [live, ...earlier] = record.releases;
  const target = to === null ? earlier.find((one) => !Object.hasOwn(record.bad, one.id)) : named(record.releases, to);
  const attempt = to === null ? undefined : record.attempts.find(({ release }) => release.id === to || release.revision.startsWith(to));
  if (target === undefined && attempt !== undefined) {
    throw new DeployError(
      'conflict',
      `${attempt.release.id} was never live on ${name} (${attempt.state}: ${attempt.reason}); nothing was changed`,
    );
  }
  if (to !== null && target === undefined) {
    throw new DeployError('not-found', `no release or revision ${to} was live on ${name}; see: lockstep releases ${name}`);
  }
  if (target === undefined || live === undefined) {
    throw new DeployError('conflict', `there is no earlier good release of ${name} to go back to; nothing was changed`);
  }
  if (target.id === live.id) throw new DeployError('conflict', `${name} serves ${target.id} already; nothing was changed`);
  const deploy = { ...rest, revision: target.revision, force: true };
  const { events, result } = decideDeploy(state, deploy);
  if (result.kind !== 'deployment') throw new DeployError('conflict', `${name} cannot be rolled back now: ${result.kind}`);
  const asRollback = events.map((fresh): Fresh =>
    fresh.deployment !== null && fresh.event.type === 'requested' ? { ...fresh, event: { ...fresh.event, purpose, target } } : fresh,
  );
  return { events: asRollback, result: result.number };
}

function named(releases: readonly ReleaseRecord[], to: string): ReleaseRecord | undefined {
  return (
    releases.find((one) => one.id === to || one.revision === to) ??
    releases.find((one) => one.id.startsWith(to) || one.revision.startsWith(to))
  );
}

/** The branch head that was rolled back from may be deployed again. */
export function decideReleaseHold(state: State, cluster: string, by: string): Decision<string> {
  if (clusterOf(state, cluster).record.held === null) return { events: [], result: `${cluster} was not held` };
  return {
    events: [{ deployment: null, event: { type: 'hold-released', cluster, by } }],
    result: `the hold of ${cluster} is released; deploy its head with: lockstep deploy ${cluster}`,
  };
}

/**
 * The deployments that may leave their queue now: at most one per cluster, and none of a cluster that a person has locked. `now`:
 * milliseconds since 1970.
 */
export function decideBegin(state: State, now: number): Fresh[] {
  const events: Fresh[] = [];
  for (const status of state.clusters.values()) {
    if (status.waiting === null) continue;
    const waiting = state.deployments.get(status.waiting);
    if (waiting !== undefined && !isApproved(waiting)) {
      if ((waiting.approval?.expiresAt ?? 0) <= now) events.push({ deployment: waiting.number, event: { type: 'approval-expired' } });
      continue;
    }
    if (status.running !== null || status.record.locked !== null || (waiting?.notBefore ?? 0) > now) continue;
    const behind = status.record.servers.filter((server) => server.isBehind).map((server) => server.name);
    events.push({ deployment: status.waiting, event: { type: 'began', shelf: shelfOf(status.record), behind } });
  }
  return events;
}

/** When `decideBegin` has something to decide that it does not have `now`, without anything else happening; `null`: never. */
export function nextMoment(state: State, now: number): number | null {
  let first: number | null = null;
  for (const { waiting } of state.clusters.values()) {
    const one = waiting === null ? undefined : state.deployments.get(waiting);
    for (const at of [one?.notBefore ?? null, one?.approval?.expiresAt ?? null]) {
      if (at !== null && at > now && (first === null || at < first)) first = at;
    }
  }
  return first;
}

/** Somebody else approves that it begins. Throws `not-found`, `conflict` (it does not wait for that), `refused` (not by this actor). */
export function decideApprove(state: State, number: number, actor: Actor, permissions: Permissions): Decision<string> {
  const { approval } = approvable(state, number, actor, permissions);
  const by = actorText(actor);
  if (approval.approvedBy.includes(by)) throw new DeployError('conflict', `${by} has approved deployment ${number} already`);
  const left = approval.needed - approval.approvedBy.length - 1;
  return {
    events: [{ deployment: number, event: { type: 'approved', by } }],
    result: `deployment ${number} is approved${left > 0 ? `; it waits for ${left} more` : ' and begins when it is its turn'}`,
  };
}

/** As `decideApprove`. */
export function decideReject(state: State, number: number, actor: Actor, reason: string, permissions: Permissions): Decision<string> {
  approvable(state, number, actor, permissions);
  return {
    events: [{ deployment: number, event: { type: 'rejected', by: actorText(actor), reason } }],
    result: `deployment ${number} is rejected; nothing was changed`,
  };
}

function approvable(state: State, number: number, actor: Actor, permissions: Permissions): { readonly approval: Approval } {
  const deployment = running(state, number);
  const { approval } = deployment;
  if (approval === null || deployment.state !== 'waiting' || isApproved(deployment)) {
    throw new DeployError('conflict', `deployment ${number} does not wait for approval; see: lockstep show ${number}`);
  }
  const problem = approverProblem(deployment, actor, permissions);
  if (problem !== null) throw new DeployError('refused', problem);
  return { approval };
}

/** Rejects with `not-found` or `conflict`. */
export function decideAbort(state: State, number: number, by: string): Decision<string> {
  const deployment = running(state, number);
  if (!isAbortable(deployment)) {
    const why =
      deployment.state === 'going-back' || deployment.abortedBy !== null
        ? 'it is going back already'
        : 'the cluster has decided to go forward; wait for its end, then: lockstep rollback';
    throw new DeployError('conflict', `deployment ${number} cannot be aborted: ${why}`);
  }
  return {
    events: [{ deployment: number, event: { type: 'abort-requested', by } }],
    result: `deployment ${number} is being aborted; every server keeps or gets back what it served`,
  };
}

/** Rejects with `not-found` or `conflict`. */
export function decidePause(state: State, number: number, by: string): Decision<string> {
  const deployment = running(state, number);
  if (deployment.pausedBy !== null) throw new DeployError('conflict', `deployment ${number} is paused already by ${deployment.pausedBy}`);
  if (!isPausable(deployment)) {
    throw new DeployError(
      'conflict',
      `deployment ${number} cannot be paused: it has begun to change what users see and goes on to its end`,
    );
  }
  return {
    events: [{ deployment: number, event: { type: 'paused', by } }],
    result: `deployment ${number} is paused; what is under way ends, nothing new begins until: lockstep resume ${number}`,
  };
}

/** Rejects with `not-found` or `conflict`. */
export function decideResume(state: State, number: number, by: string): Decision<string> {
  if (running(state, number).pausedBy === null) throw new DeployError('conflict', `deployment ${number} is not paused`);
  return { events: [{ deployment: number, event: { type: 'resumed', by } }], result: `deployment ${number} goes on` };
}

/** A server is left out of a running deployment. Rejects with `not-found` or `conflict`. */
export function decideSkip(state: State, number: number, name: string, by: string): Decision<string> {
  const deployment = running(state, number);
  const server = deployment.cluster.servers.findIndex((one) => one.name === name);
  if (server < 0) throw new DeployError('not-found', `deployment ${number} has no server ${name}; see: lockstep show ${number}`);
  if (!isSkippable(deployment, server)) {
    const why =
      deployment.members[server]?.excluded === null
        ? 'that is possible before the lock only, and as long as another server remains'
        : 'it is left out already';
    throw new DeployError('conflict', `${name} cannot be skipped in deployment ${number}: ${why}`);
  }
  return {
    events: [{ deployment: number, event: { type: 'skipped', server, by } }],
    result: `${name} is left out of deployment ${number} and catches up afterwards`,
  };
}

function running(state: State, number: number): Deployment {
  const deployment = state.deployments.get(number);
  if (deployment === undefined) throw new DeployError('not-found', `deployment ${number} is not running; see: lockstep history`);
  return deployment;
}

/** Rejects with `not-found` or `conflict`. */
export function decideSettle(state: State, number: number, done: boolean, by: string): Decision<string> {
  const deployment = running(state, number);
  if (deployment.state !== 'needs-operator') {
    throw new DeployError('conflict', `deployment ${number} does not wait for an operator; nothing to settle`);
  }
  return {
    events: [{ deployment: number, event: { type: 'settled', done, by } }],
    result: done
      ? `deployment ${number} goes on: its migration counts as done`
      : `deployment ${number} goes back: its migration counts as not done`,
  };
}

export function decideLock(state: State, cluster: string, by: string, reason: string): Decision<string> {
  const { record } = clusterOf(state, cluster);
  if (record.locked !== null) {
    throw new DeployError('conflict', `${cluster} is locked already by ${record.locked.by}: ${record.locked.reason}`);
  }
  return {
    events: [{ deployment: null, event: { type: 'cluster-locked', cluster, by, reason } }],
    result: `${cluster} is locked: deployments wait until: lockstep unlock ${cluster}`,
  };
}

export function decideUnlock(state: State, cluster: string, by: string): Decision<string> {
  if (clusterOf(state, cluster).record.locked === null) return { events: [], result: `${cluster} was not locked` };
  return {
    events: [{ deployment: null, event: { type: 'cluster-unlocked', cluster, by } }],
    result: `${cluster} is unlocked; what waited goes on`,
  };
}
