// The mark `drifted`: which servers are known to differ from what the daemon put there, by the journal.
import type { Cluster } from './cluster.ts';
import type { Decision, Fresh } from './decide.ts';
import type { Deployment } from './deployment.ts';
import type { DaemonEvent } from './event.ts';
import type { ClusterRecord, DriftedServer } from './records.ts';
import { clusterOf } from './state.ts';
import type { State } from './state.ts';

/** What a look at one server found, in one line; `null`: no drift. */
export type Sighting = { readonly server: string; readonly finding: string | null };

/** What the cluster was when somebody looked: a deployment since then makes the look worthless. */
export type AsOf = { readonly running: number | null; readonly release: string | null; readonly lastDeployment: number | null };

/** More servers of one cluster are not named: by then nobody needs the list. */
const MOST_DRIFTED = 200;

export function asOf(state: State, cluster: string): AsOf {
  const { record, running } = clusterOf(state, cluster);
  return { running, release: record.releases[0]?.id ?? null, lastDeployment: record.lastDeployment };
}

/** Is the cluster still what it was? */
export function isAsOf(state: State, cluster: string, before: AsOf): boolean {
  const now = asOf(state, cluster);
  return now.running === null && now.release === before.release && now.lastDeployment === before.lastDeployment;
}

/**
 * Records only what changed. `depth` `tree` has not looked at contents: it cannot end what somebody found who did.
 * The result is false, and nothing is recorded, when the cluster has moved since.
 */
export function decideDrift(
  state: State,
  cluster: Cluster,
  before: AsOf,
  depth: 'tree' | 'content',
  sightings: readonly Sighting[],
): Decision<boolean> {
  if (before.running !== null || !isAsOf(state, cluster.name, before)) return { events: [], result: false };
  const { drifted } = clusterOf(state, cluster.name).record;
  const known = new Map(drifted.map((one) => [one.server, one]));
  const events: DaemonEvent[] = [];
  const ended = (server: string): number => events.push({ type: 'drift-ended', cluster: cluster.name, server });
  const members = new Set(cluster.servers.map(({ name }) => name));
  for (const { server } of drifted) if (!members.has(server)) ended(server);
  let room = MOST_DRIFTED - drifted.length;
  for (const { server, finding } of sightings) {
    const one = known.get(server);
    if (one?.depth === 'content' && depth === 'tree') continue;
    if (finding === null) {
      if (one !== undefined) ended(server);
    } else if (one === undefined ? room-- > 0 : one.finding !== finding || one.depth !== depth) {
      events.push({ type: 'drift-found', cluster: cluster.name, server, finding, depth });
    }
  }
  return { events: events.map((event): Fresh => ({ deployment: null, event })), result: true };
}

/** The list after an event. */
export function driftedAfter(drifted: readonly DriftedServer[], event: DaemonEvent, at: number): readonly DriftedServer[] {
  if (event.type !== 'drift-found' && event.type !== 'drift-ended') return drifted;
  const others = drifted.filter(({ server }) => server !== event.server);
  if (event.type === 'drift-ended') return others;
  const { server, finding, depth } = event;
  return [...others, { server, finding, depth, at }];
}

/** A deployment that became live ends the mark of every server that it brought to another release. */
export function driftedWithout({ drifted }: ClusterRecord, { cluster, members, release }: Deployment): readonly DriftedServer[] {
  const renewed = new Set<string>();
  for (const [i, member] of members.entries()) {
    const name = cluster.servers[i]?.name;
    if (name !== undefined && member.excluded === null && member.previous !== release) renewed.add(name);
  }
  return drifted.filter(({ server }) => !renewed.has(server));
}
