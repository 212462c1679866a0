// What a turn makes durable: its events, and the projections that they changed.
import type { TimedNote } from '../core/audit.ts';
import type { Deployment } from '../core/deployment.ts';
import { endedRecord } from '../core/ended.ts';
import type { Recorded } from '../core/event.ts';
import type { Batch } from '../core/ports.ts';
import { clusterOf } from '../core/state.ts';
import type { State } from '../core/state.ts';
import { timesOf } from '../core/times.ts';
import { deploymentView } from '../core/view-of.ts';

/** Where each unfinished deployment stands; a deployment's row is written again only when it has moved. */
export type Places = ReadonlyMap<number, string>;

export function placesOf(state: State): Places {
  return new Map([...state.deployments.values()].map((deployment) => [deployment.number, placeOf(deployment)]));
}

const placeOf = (deployment: Deployment): string => `${deployment.state} ${deployment.at} ${deployment.approval?.approvedBy.length ?? 0}`;

const CLUSTER_EVENTS: ReadonlySet<string> = new Set([
  'cluster-locked',
  'cluster-unlocked',
  'hold-released',
  'head-skipped',
  'drift-found',
  'drift-ended',
]);

export function batchOf(
  state: State,
  events: readonly Recorded[],
  touched: Iterable<Deployment>,
  before: Places,
  rows: readonly Partial<Batch>[],
  audit: readonly TimedNote[],
): Batch {
  const moved = [...touched].filter((deployment) => before.get(deployment.number) !== placeOf(deployment));
  const clusters = new Set(moved.filter((one) => one.state === 'ended').map((one) => one.cluster.name));
  for (const { event } of events)
    if (CLUSTER_EVENTS.has(event.type) && 'cluster' in event && typeof event.cluster === 'string') clusters.add(event.cluster);
  return {
    events,
    deployments: moved.map((deployment) => ({
      number: deployment.number,
      cluster: deployment.cluster.name,
      ended: deployment.state === 'ended',
      view: deploymentView(deployment),
    })),
    clusters: [...clusters].map((name) => clusterOf(state, name).record),
    ended: moved.flatMap((deployment) => {
      const record = endedRecord(deployment);
      return record === null ? [] : [{ record, times: timesOf(deployment) }];
    }),
    deliveries: rows.flatMap((row) => row.deliveries ?? []),
    heads: rows.flatMap((row) => row.heads ?? []),
    audit,
  };
}
