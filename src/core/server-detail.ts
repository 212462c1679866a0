// One server as a page of its own shows it: what the cluster's record says of it, and its last deployments.
import type { Cluster } from './cluster.ts';
import type { ServerDetailView } from './insight.ts';
import type { ClusterRecord } from './records.ts';
import type { Server } from './server.ts';
import type { DeploymentTimes, StageTimes } from './times.ts';
import { pastReleaseViews } from './view-of.ts';
import type { ServerView } from './views.ts';

export type ServerFacts = {
  readonly view: ServerView;
  readonly contact: ServerDetailView['contact'];
  /** Newest first. */
  readonly times: readonly DeploymentTimes[];
};

export function serverDetail(
  cluster: Cluster,
  server: Server,
  record: ClusterRecord,
  { view, contact, times }: ServerFacts,
): ServerDetailView {
  const known = record.servers.find((one) => one.name === server.name);
  const drift = record.drifted.find((one) => one.server === server.name);
  return {
    ...view,
    cluster: cluster.name,
    host: server.host,
    user: server.user,
    path: server.path,
    transport: server.transport,
    behind: known?.isBehind ?? false,
    drift: drift === undefined ? null : { finding: drift.finding, at: new Date(drift.at).toISOString() },
    releases: pastReleaseViews(record, cluster)
      .filter((release) => known !== undefined && !release.missing.includes(server.name))
      .map(({ id, revision, state }) => ({ id, revision, state, current: id === view.release })),
    contact,
    deployments: times.flatMap((one) => {
      const index = one.servers.indexOf(server.name);
      return index < 0 ? [] : [deploymentOf(one, index)];
    }),
  };
}

function deploymentOf({ deployment, requestedAt, stages }: DeploymentTimes, index: number): ServerDetailView['deployments'][number] {
  return {
    number: deployment,
    requestedAt: new Date(requestedAt).toISOString(),
    steps: stages.flatMap((stage) => stepOf(stage, index)),
  };
}

function stepOf({ action, direction, scope, startedMs, began, took, failures }: StageTimes, index: number) {
  const start = scope === 'server' ? (began[index] ?? -1) : -1;
  if (start < 0) return [];
  return [{ action, direction, startedMs: startedMs + start, tookMs: took[index] ?? -1, failed: failures.includes(index) }];
}
