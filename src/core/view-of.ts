// Views of the state: what the API, the commands and the page show of a deployment and of a cluster.
import { isApproved } from './approval.ts';
import type { Cluster, ClusterState } from './cluster.ts';
import type { Deployment, Member } from './deployment.ts';
import type { ClusterRecord, ReleaseRecord, ReleaseState } from './records.ts';
import { retained } from './retention.ts';
import { serverState } from './server-state.ts';
import { isAbortable, isPausable, isSkippable } from './steerable.ts';
import { STEPS } from './step.ts';
import type { ClusterStatus } from './state.ts';
import type {
  ClusterView,
  DeploymentAction,
  DeploymentServerView,
  DeploymentView,
  PastReleaseView,
  ReleaseView,
  ServerView,
  StepView,
  WaitView,
} from './views.ts';

export function deploymentView(deployment: Deployment): DeploymentView {
  const { commit } = deployment;
  return {
    number: deployment.number,
    cluster: deployment.cluster.name,
    repository: deployment.repository.name,
    purpose: deployment.purpose,
    branch: deployment.branch,
    revision: deployment.revision,
    author: commit?.author ?? null,
    message: commit?.message ?? null,
    release: deployment.release,
    previous: deployment.shelf.good[0] ?? null,
    artifact: deployment.artifact,
    state: stateOf(deployment),
    result: deployment.result,
    reason: reasonOf(deployment),
    problem: deployment.problem,
    requestedBy: deployment.requestedBy,
    requestedAt: iso(deployment.requestedAt),
    waitsFor: waitView(deployment),
    endedAt: deployment.endedAt === null ? null : iso(deployment.endedAt),
    supersededBy: deployment.supersededBy,
    actions: actionsOf(deployment),
    steps: stepViews(deployment),
    servers: deployment.cluster.servers.map((server, i) => serverView(deployment, server.name, deployment.members[i] as Member)),
  };
}

/** What a deployment that has not begun waits for besides its turn. */
export function waitView(deployment: Deployment): WaitView | null {
  const { state, notBefore, approval } = deployment;
  if (state === 'waiting' && approval !== null && !isApproved(deployment)) {
    const { needed, approvedBy, by, expiresAt } = approval;
    const text = `waits for approval (${approvedBy.length} of ${needed})`;
    return { kind: 'approval', until: iso(expiresAt), text, needed, approvedBy: [...approvedBy], by };
  }
  if (state !== 'waiting' || notBefore === null) return null;
  const until = iso(notBefore);
  return { kind: 'time', until, text: `waits until ${until.slice(0, 16).replace('T', ' ')} UTC` };
}

function actionsOf(deployment: Deployment): DeploymentAction[] {
  if (deployment.state === 'ended') return [];
  if (deployment.state === 'needs-operator') return ['settle'];
  const actions: DeploymentAction[] = [];
  if (isAbortable(deployment)) actions.push('abort');
  if (isPausable(deployment)) actions.push('pause');
  if (deployment.pausedBy !== null) actions.push('resume');
  if (deployment.members.some((_, i) => isSkippable(deployment, i))) actions.push('skip');
  return actions;
}

function reasonOf(deployment: Deployment): string {
  if (deployment.supersededBy !== null) return `superseded by ${deployment.supersededBy}`;
  return deployment.problem?.message ?? deployment.reason;
}

function stateOf(deployment: Deployment): DeploymentView['state'] {
  switch (deployment.state) {
    case 'waiting':
      return deployment.pausedBy === null ? 'waiting' : 'paused';
    case 'ended':
    case 'needs-operator':
      return deployment.state;
    case 'going-back':
      return 'rolling-back';
    case 'running':
      return runningState(deployment);
    default:
      return deployment.state satisfies never;
  }
}

function runningState(deployment: Deployment): ClusterState {
  if (deployment.pausedBy !== null) return 'paused';
  const stage = deployment.course[deployment.at];
  const states = {
    build: 'building',
    schedule: 'scheduled',
    upload: 'uploading',
    lock: 'locking',
    switch: 'switching',
    migrate: 'migrating',
    unlock: 'unlocking',
    verify: 'verifying',
  } as const;
  return stage === undefined ? 'idle' : states[stage.step];
}

/** One row per step, in order; then, if the deployment went back, the steps of the way back. Stages of one step are shown as one. */
function stepViews(deployment: Deployment): StepView[] {
  return (['forward', 'back'] as const).flatMap((direction) =>
    STEPS.flatMap((step): StepView[] => {
      const stages = deployment.course.filter((stage) => stage.step === step && stage.direction === direction);
      const last = stages.at(-1);
      if (last === undefined) {
        if (direction === 'back') return [];
        return [{ step, direction, state: 'skipped', startedAt: null, finishedAt: null, done: 0, total: 0 }];
      }
      const current = stages.find((stage) => stage.state !== 'done' && stage.state !== 'skipped') ?? last;
      const startedAt = stages.find((stage) => stage.startedAt !== null)?.startedAt ?? null;
      const isOver = current.state === 'done' || current.state === 'failed';
      return [
        {
          step,
          direction,
          state: current.state === 'waiting' && startedAt !== null ? 'running' : current.state,
          startedAt: startedAt === null ? null : iso(startedAt),
          finishedAt: isOver && current.finishedAt !== null ? iso(current.finishedAt) : null,
          done: current.done,
          total: current.total,
        },
      ];
    }),
  );
}

function serverView(deployment: Deployment, name: string, member: Member): DeploymentServerView {
  return {
    name,
    state: serverState(deployment, member),
    release: member.release ?? null,
    error: member.problem?.message ?? null,
    bytes: member.bytes,
    carrier: member.carrier,
    warning: member.warning,
  };
}

/** A cluster between and during deployments. */
export function clusterView(
  cluster: Cluster,
  status: ClusterStatus,
  running: Deployment | null,
  waiting: Deployment | null,
  branches: ClusterView['branches'],
): ClusterView {
  const { locked, held, skipped, releases, servers, drifted, lastDeployment } = status.record;
  const [release] = releases;
  const known = new Map<string, ServerView>(
    servers.map(({ name, state, release: id, error }) => [name, { name, state, release: id, error }]),
  );
  // What a running deployment does not know yet of a server, the record may.
  for (const { name, state, release: id, error } of running === null ? [] : deploymentView(running).servers) {
    known.set(name, { name, state, release: id ?? known.get(name)?.release ?? null, error });
  }
  const isConfigured = new Set(cluster.servers.map((server) => server.name));
  return {
    cluster: cluster.name,
    environment: cluster.environment,
    state: running === null ? 'idle' : clusterState(running),
    release: release === undefined ? null : releaseView(release),
    held: held?.reason ?? null,
    locked: locked === null ? null : `${locked.by}: ${locked.reason}`,
    deployment: running?.number ?? lastDeployment,
    waiting: status.waiting,
    waitsFor: waiting === null ? null : waitView(waiting),
    skipped: skipped === null ? null : skipped.reason,
    branches,
    drifted: drifted.map(({ server, finding, at }) => ({ server, finding, at: iso(at) })),
    servers: cluster.servers.map(({ name }) => known.get(name) ?? { name, state: 'idle', release: null, error: null }),
    removed: servers.map((server) => server.name).filter((name) => !isConfigured.has(name)),
  };
}

function clusterState(deployment: Deployment): ClusterState {
  const state = stateOf(deployment);
  return state === 'waiting' || state === 'ended' ? 'idle' : state;
}

export function releaseView(release: ReleaseRecord): ReleaseView {
  const { id, revision, author, message } = release;
  return { id, revision, author, message, live: iso(release.at) };
}

/** Releases of a cluster: those that were live, newest first, then those that never were. */
export function pastReleaseViews(record: ClusterRecord, cluster: Cluster): PastReleaseView[] {
  const kept = retained(record, cluster);
  const viewOf = (release: ReleaseRecord, state: ReleaseState, reason: string | null): PastReleaseView => {
    // What was there before Lockstep is never removed.
    const missing =
      kept.has(release.id) || release.artifact === null ? (record.missing[release.id] ?? []) : record.servers.map((server) => server.name);
    const present = record.servers.length - missing.length;
    return { ...releaseView(release), state, reason, branch: release.branch, deployment: release.deployment, present, missing };
  };
  return [
    ...record.releases.map((release, i) =>
      viewOf(release, i === 0 ? 'live' : Object.hasOwn(record.bad, release.id) ? 'bad' : 'good', null),
    ),
    ...record.attempts.map(({ release, state, reason }) => viewOf(release, state, reason)),
  ];
}

const iso = (at: number): string => new Date(at).toISOString();
