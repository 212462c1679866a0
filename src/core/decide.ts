// decide: what people, hooks and the poller ask for, turned into events, or refused with a reason.
import type { Cluster } from './cluster.ts';
import { DeployError } from './errors.ts';
import { isAbortable } from './evolve.ts';
import type { DaemonEvent, DeploymentEvent } from './event.ts';
import type { Batch } from './ports.ts';
import type { Build, Outcome, Repository } from './repository.ts';
import { clusterOf } from './state.ts';
import type { State } from './state.ts';

/** An event that has no number and time yet. */
export type Fresh =
  { readonly deployment: number; readonly event: DeploymentEvent } | { readonly deployment: null; readonly event: DaemonEvent };

/** Events to record, rows of the store that belong to them, and what the asker is told once both are durable. */
export type Decision<T> = { readonly events: readonly Fresh[]; readonly rows?: Partial<Batch>; readonly result: T };

export type DeployRequest = {
  readonly cluster: Cluster;
  readonly repository: Repository;
  readonly branch: string;
  readonly revision: string;
  readonly build: Build;
  readonly requestedBy: string;
  readonly reason: string;
  /** Deploy even if the cluster serves this revision already, or is held. */
  readonly force: boolean;
};

/** A cluster is asked to go to a revision: a new deployment (which supersedes one that waits), or the reason why not. */
export function decideDeploy(state: State, request: DeployRequest): Decision<Outcome> {
  const { cluster, force, ...rest } = request;
  const { revision } = request;
  const status = clusterOf(state, cluster.name);
  const waiting = status.waiting === null ? undefined : state.deployments.get(status.waiting);
  const running = status.running === null ? undefined : state.deployments.get(status.running);
  const live = status.record.releases[0];
  const none = (outcome: Outcome): Decision<Outcome> => ({ events: [], result: outcome });

  if (!force) {
    if (waiting?.revision === revision) return none({ kind: 'already-requested', cluster: cluster.name, number: waiting.number });
    const isOnItsWay = running?.revision === revision && running.state === 'running' && running.abortedBy === null;
    if (isOnItsWay && waiting === undefined) return none({ kind: 'already-requested', cluster: cluster.name, number: running.number });
    if (status.record.held?.revision === revision) {
      return none({ kind: 'held', cluster: cluster.name, reason: status.record.held.reason });
    }
    // A server that was left out, or is new in the configuration, is a reason to deploy the same revision again.
    const isComplete = cluster.servers.every((server) => status.record.serving.includes(server.name));
    if (live?.revision === revision && running === undefined && waiting === undefined && isComplete) {
      return none({ kind: 'already-live', cluster: cluster.name, release: live.id });
    }
  }
  const number = state.lastDeployment + 1;
  const events: Fresh[] = [];
  if (waiting !== undefined) events.push({ deployment: waiting.number, event: { type: 'superseded', by: number } });
  events.push({ deployment: number, event: { type: 'requested', cluster, ...rest } });
  return { events, result: { kind: 'deployment', cluster: cluster.name, number } };
}

/** The deployments that may leave their queue now: at most one per cluster, and none of a cluster that a person has locked. */
export function decideBegin(state: State): Fresh[] {
  const events: Fresh[] = [];
  for (const status of state.clusters.values()) {
    if (status.waiting === null || status.running !== null || status.record.locked !== null) continue;
    const releases = status.record.releases.map((release) => release.id);
    events.push({ deployment: status.waiting, event: { type: 'began', releases } });
  }
  return events;
}

/** Rejects with `not-found` or `conflict`. */
export function decideAbort(state: State, number: number, by: string): Decision<string> {
  const deployment = state.deployments.get(number);
  if (deployment === undefined) throw new DeployError('not-found', `deployment ${number} is not running; see: lockstep history`);
  if (!isAbortable(deployment)) {
    const why =
      deployment.state === 'going-back' || deployment.abortedBy !== null
        ? 'it is going back already'
        : 'the cluster has decided to go forward; wait for its end, then deploy the revision you want';
    throw new DeployError('conflict', `deployment ${number} cannot be aborted: ${why}`);
  }
  return {
    events: [{ deployment: number, event: { type: 'abort-requested', by } }],
    result: `deployment ${number} is being aborted; every server keeps or gets back what it served`,
  };
}

/** Rejects with `not-found` or `conflict`. */
export function decideSettle(state: State, number: number, done: boolean, by: string): Decision<string> {
  const deployment = state.deployments.get(number);
  if (deployment === undefined) throw new DeployError('not-found', `deployment ${number} is not running; see: lockstep history`);
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
