// Which events people outside should be told of, and what they are told. Pure: where it goes, and when, is decided elsewhere.
import type { Configuration } from './configuration.ts';
import type { Deployment, Member } from './deployment.ts';
import type { Recorded } from './event.ts';
import { clustersFor } from './mapping.ts';
import type { Notice, NoticeState } from './notice.ts';
import type { Listener } from './ports.ts';
import type { Outcome } from './repository.ts';
import type { State } from './state.ts';

type Published = Parameters<Listener>[0];

/** Names of servers that stand in a notice; of the others only their number. */
const MOST_NAMES = 5;
const LONGEST_REASON = 500;

/**
 * `published`: durable events in order, each with its deployment as it is after all of them, so that the last event of a deployment that has
 * ended is its end. Catching up is not told: it is tried until it works, and drift and `status` show it.
 */
export function noticesOf(published: Published, configuration: Configuration, state: State): Notice[] {
  const last = new Map(published.map(({ recorded }) => [recorded.deployment, recorded.number]));
  return published.flatMap(({ recorded, deployment }): Notice[] => {
    if (recorded.deployment === null) return daemonNotices(recorded, configuration);
    if (deployment === null || deployment.purpose === 'catch-up') return [];
    const isLast = last.get(recorded.deployment) === recorded.number;
    return statesOf(recorded, deployment, isLast).map((one) => deploymentNotice(one, recorded, deployment, state));
  });
}

function statesOf({ event }: Recorded, deployment: Deployment, isLast: boolean): NoticeState[] {
  const states: NoticeState[] = [];
  if (event.type === 'requested') states.push('asked');
  if (event.type === 'began') states.push('began');
  if (!isLast) return states;
  if (deployment.state === 'needs-operator') states.push('needs-operator');
  if (deployment.state === 'ended' && deployment.result !== null)
    states.push(deployment.result === 'done' ? 'succeeded' : deployment.result);
  return states;
}

function deploymentNotice(notice: NoticeState, { number, at }: Recorded, deployment: Deployment, state: State): Notice {
  const { cluster, commit, release, members } = deployment;
  const isLeftOut = (member: Member | undefined): boolean => member !== undefined && (member.problem !== null || member.excluded !== null);
  const failed = cluster.servers.filter((_, i) => isLeftOut(members[i])).map(({ name }) => name);
  const before = state.clusters
    .get(cluster.name)
    ?.record.releases.find((one) => one.deployment !== deployment.number && one.id !== release);
  return {
    ...ABOUT_NOTHING,
    id: `${number}-${notice}`,
    state: notice,
    at,
    project: cluster.project,
    clusters: [cluster.name],
    environment: cluster.environment,
    repository: deployment.repository.name,
    branch: deployment.branch,
    revision: deployment.revision,
    previous: before?.revision ?? null,
    release,
    author: commit?.author ?? null,
    message: commit?.message.split('\n', 1)[0] ?? null,
    by: deployment.requestedBy,
    reason: reasonOf(deployment).slice(0, LONGEST_REASON),
    deployment: deployment.number,
    purpose: deployment.purpose,
    durationMs: deployment.endedAt === null ? null : deployment.endedAt - deployment.requestedAt,
    failed: { servers: failed.slice(0, MOST_NAMES), count: failed.length },
  };
}

function reasonOf({ supersededBy, problem, abortedBy, reason, result }: Deployment): string {
  if (supersededBy !== null) return `superseded by deployment ${supersededBy}`;
  if (result === 'aborted' && abortedBy !== null) return `aborted by ${abortedBy}`;
  return problem?.message ?? reason;
}

/** Of a notice that is about no deployment. */
export const ABOUT_NOTHING = {
  environment: null,
  repository: null,
  branch: null,
  revision: null,
  previous: null,
  release: null,
  author: null,
  message: null,
  by: null,
  deployment: null,
  purpose: null,
  durationMs: null,
  failed: { servers: [], count: 0 },
  isRecovery: false,
} as const;

function daemonNotices({ number, at, event }: Recorded, configuration: Configuration): Notice[] {
  const { project } = configuration;
  const notice = (state: NoticeState, clusters: readonly string[], reason: string, more: Partial<Notice> = {}): Notice[] => [
    { ...ABOUT_NOTHING, id: `${number}-${state}`, state, at, project, clusters, reason: reason.slice(0, LONGEST_REASON), ...more },
  ];
  switch (event.type) {
    case 'cluster-locked':
      return notice('locked', [event.cluster], event.reason, { by: event.by });
    case 'cluster-unlocked':
      return notice('unlocked', [event.cluster], '', { by: event.by });
    case 'drift-found':
      return notice('drift-found', [event.cluster], event.finding, { failed: { servers: [event.server], count: 1 } });
    case 'drift-ended':
      return notice('drift-ended', [event.cluster], '', { failed: { servers: [event.server], count: 1 } });
    case 'outcome-recorded': {
      const reason = refusalIn(event.outcome);
      if (reason === null) return [];
      const fed = clustersFor(configuration, event.repository, event.ref);
      const clusters = 'cluster' in event.outcome ? [event.outcome.cluster] : 'clusters' in fed ? fed.clusters.map(({ name }) => name) : [];
      return notice('refused', clusters, reason, { repository: event.repository, branch: event.ref, revision: event.revision });
    }
    default:
      return [];
  }
}

/** Why somebody's push deploys nothing although they could expect it to; `null`: it does, or nobody expects it. */
function refusalIn(outcome: Outcome): string | null {
  return outcome.kind === 'refused' || outcome.kind === 'held' || outcome.kind === 'failed' ? outcome.reason : null;
}
