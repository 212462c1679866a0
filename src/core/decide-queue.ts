// When a deployment that waits may begin: its turn, its time, the approval of others, and clusters that somebody has locked.
import { actorText } from './actor.ts';
import type { Actor } from './actor.ts';
import { approverProblem, isApproved } from './approval.ts';
import type { Approval } from './approval.ts';
import { running } from './decide-steering.ts';
import type { Decision, Fresh } from './decide.ts';
import { DeployError } from './errors.ts';
import type { Permissions } from './permission.ts';
import { shelfOf } from './retention.ts';
import { clusterOf } from './state.ts';
import type { State } from './state.ts';

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
