// Housekeeping after a deployment: what the next one starts from is prepared; artifacts that no release needs any more, and old logs, leave the daemon's disk.
import type { Artifacts, Engine } from '../core/ports.ts';

export type Housekeeper = {
  readonly engine: Engine;
  readonly artifacts: Artifacts;
  readonly logs: { collect(keepNewest: number): Promise<number> };
};

const KEPT_LOGS = 1_000;

/** By the record: what a cluster remembers as live, and what a running deployment works with. */
export async function housekeeping({ engine: { state }, artifacts, logs }: Housekeeper): Promise<void> {
  const keep = new Set<string>();
  for (const { record } of state.clusters.values()) {
    for (const { artifact } of record.releases) if (artifact !== null) keep.add(artifact);
  }
  for (const { artifact } of state.deployments.values()) if (artifact !== null) keep.add(artifact);
  await artifacts.collect(keep);
  await logs.collect(KEPT_LOGS);
  await artifacts.prepare();
}
