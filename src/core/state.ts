// What the daemon holds in memory: every cluster, and the deployments that have not ended.
import type { Cluster } from './cluster.ts';
import type { Deployment } from './deployment.ts';
import type { ClusterRecord } from './records.ts';

/** A cluster as the engine sees it. One deployment runs at a time; one more, the newest request, waits. */
export type ClusterStatus = {
  record: ClusterRecord;
  running: number | null;
  waiting: number | null;
};

export type State = {
  readonly clusters: Map<string, ClusterStatus>;
  readonly deployments: Map<number, Deployment>;
  /** Highest number given to a deployment so far. */
  lastDeployment: number;
};

export function newCluster(name: string): ClusterRecord {
  return {
    name,
    releases: [],
    attempts: [],
    missing: {},
    servers: [],
    bad: {},
    locked: null,
    held: null,
    skipped: null,
    drifted: [],
    lastDeployment: null,
  };
}

/** Would a deployment to this cluster that is requested now begin at once? */
export function isFree({ clusters }: State, { name, approvals }: Cluster): boolean {
  const status = clusters.get(name);
  if (approvals !== undefined) return false;
  return status === undefined || (status.running === null && status.record.locked === null && status.record.held === null);
}

/** The status of a cluster; one that was never deployed gets an empty one. */
export function clusterOf(state: State, name: string): ClusterStatus {
  let status = state.clusters.get(name);
  if (status === undefined) {
    status = { record: newCluster(name), running: null, waiting: null };
    state.clusters.set(name, status);
  }
  return status;
}
