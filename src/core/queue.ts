// The queue: what does not go on by itself, or not yet, and what it waits for.
import type { Deployment } from './deployment.ts';
import type { QueueEntry, QueueView } from './insight.ts';
import type { ClusterStatus, State } from './state.ts';
import { deploymentView, waitView } from './view-of.ts';

export function queueView(state: State): QueueView {
  const running = [...state.deployments.values()].filter((one) => one.state !== 'waiting');
  return {
    waiting: [...state.clusters.values()].flatMap((status) => entriesOf(state, status)),
    running: running.map((one) => ({
      deployment: one.number,
      cluster: one.cluster.name,
      state: deploymentView(one).state,
      since: iso(one.course.find((stage) => stage.startedAt !== null)?.startedAt ?? one.requestedAt),
      requestedBy: one.requestedBy,
    })),
  };
}

function entriesOf(state: State, { record, running, waiting }: ClusterStatus): QueueEntry[] {
  const entries: QueueEntry[] = [];
  const active = running === null ? undefined : state.deployments.get(running);
  const next = waiting === null ? undefined : state.deployments.get(waiting);
  if (active !== undefined) entries.push(...halted(active));
  if (next !== undefined) entries.push({ ...about(next), ...reasonToWait(next, active, record) });
  if (next === undefined && record.held !== null) {
    const { revision, reason } = record.held;
    const waitsFor = `a newer commit, or: lockstep release-hold ${record.name} (${reason})`;
    entries.push({ deployment: null, cluster: record.name, kind: 'hold', waitsFor, since: null, revision, requestedBy: null });
  }
  for (const { name, isBehind, error } of record.servers) {
    if (!isBehind) continue;
    const waitsFor = `server ${name}, to catch up${error === null ? '' : `: ${error}`}`;
    entries.push({ deployment: null, cluster: record.name, kind: 'server', waitsFor, since: null, revision: null, requestedBy: null });
  }
  return entries;
}

function reasonToWait(
  next: Deployment,
  active: Deployment | undefined,
  { name, locked }: ClusterStatus['record'],
): Pick<QueueEntry, 'kind' | 'waitsFor' | 'since'> {
  const since = iso(next.requestedAt);
  if (active !== undefined) return { kind: 'deployment', waitsFor: `deployment ${active.number} of ${name}`, since };
  if (locked !== null) return { kind: 'lock', waitsFor: `${locked.by}, who locked ${name}: ${locked.reason}`, since: iso(locked.at) };
  if (next.pausedBy !== null) return { kind: 'pause', waitsFor: `${next.pausedBy}, who paused it`, since };
  const wait = waitView(next);
  if (wait !== null) return { kind: wait.kind, waitsFor: wait.text.replace(/^waits (?:for|until) /, ''), since };
  return { kind: 'deployment', waitsFor: 'its turn, which is now', since };
}

function halted(active: Deployment): QueueEntry[] {
  const since = iso(active.requestedAt);
  if (active.state === 'needs-operator') {
    const waitsFor = `an operator: ${active.problem?.message ?? 'a migration must be settled'}`;
    return [{ ...about(active), kind: 'operator', waitsFor, since }];
  }
  return active.pausedBy === null ? [] : [{ ...about(active), kind: 'pause', waitsFor: `${active.pausedBy}, who paused it`, since }];
}

const about = ({ number, cluster, revision, requestedBy }: Deployment) => ({
  deployment: number,
  cluster: cluster.name,
  revision,
  requestedBy,
});

const iso = (at: number): string => new Date(at).toISOString();
