// decide: what people, hooks and the poller ask for, turned into events, or refused with a reason. Here: to deploy, and to catch up.
import type { Actor } from './actor.ts';
import type { AuditNote } from './audit.ts';
import type { Cluster } from './cluster.ts';
import type { Deployment } from './deployment.ts';
import type { DaemonEvent, DeploymentEvent, Order } from './event.ts';
import type { Batch } from './ports.ts';
import type { ClusterRecord } from './records.ts';
import type { Outcome } from './repository.ts';
import type { Server } from './server.ts';
import { clusterOf } from './state.ts';
import type { State } from './state.ts';
import { isAbortable } from './steerable.ts';

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

export const isCatchUp = ({ purpose }: Deployment): boolean => purpose === 'catch-up';

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
