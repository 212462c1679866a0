// Views of the state: what the API, the commands and the page show of a deployment and of a cluster.
import type { Cluster, ClusterState } from './cluster.ts';
import type { Deployment, Member } from './deployment.ts';
import type { ClusterRecord, ReleaseRecord } from './records.ts';
import type { ServerState } from './server.ts';
import { STEPS } from './step.ts';
import type { ClusterStatus } from './state.ts';
import type { ClusterView, DeploymentServerView, DeploymentView, PastReleaseView, ReleaseView, ServerView, StepView } from './views.ts';

export function deploymentView(deployment: Deployment): DeploymentView {
  const { commit } = deployment;
  return {
    number: deployment.number,
    cluster: deployment.cluster.name,
    repository: deployment.repository.name,
    branch: deployment.branch,
    revision: deployment.revision,
    author: commit?.author ?? null,
    message: commit?.message ?? null,
    release: deployment.release,
    previous: deployment.releases[0] ?? null,
    artifact: deployment.artifact,
    state: stateOf(deployment),
    result: deployment.result,
    reason: reasonOf(deployment),
    problem: deployment.problem,
    requestedBy: deployment.requestedBy,
    requestedAt: iso(deployment.requestedAt),
    endedAt: deployment.endedAt === null ? null : iso(deployment.endedAt),
    supersededBy: deployment.supersededBy,
    steps: stepViews(deployment),
    servers: deployment.cluster.servers.map((server, i) => serverView(deployment, server.name, deployment.members[i] as Member)),
  };
}

function reasonOf(deployment: Deployment): string {
  if (deployment.supersededBy !== null) return `superseded by ${deployment.supersededBy}`;
  return deployment.problem?.message ?? deployment.reason;
}

function stateOf(deployment: Deployment): DeploymentView['state'] {
  switch (deployment.state) {
    case 'waiting':
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

/** [waiting, running, done] for each action on the way forward. */
const FORWARD: Record<string, readonly [ServerState, ServerState, ServerState]> = {
  build: ['idle', 'idle', 'idle'],
  schedule: ['scheduled', 'scheduled', 'scheduled'],
  upload: ['scheduled', 'uploading', 'uploaded'],
  lock: ['uploaded', 'locking', 'locked'],
  switch: ['locked', 'switching', 'switched'],
  decide: ['switched', 'switched', 'switched'],
  migrate: ['switched', 'switched', 'switched'],
  unlock: ['switched', 'unlocking', 'live'],
  verify: ['live', 'live', 'live'],
  collect: ['live', 'live', 'live'],
};

const BACK: Record<string, readonly [ServerState, ServerState, ServerState]> = {
  lock: ['live', 'locking', 'locked'],
  decide: ['locked', 'locked', 'locked'],
  switch: ['locked', 'switching', 'switched'],
  unlock: ['locked', 'unlocking', 'live'],
  collect: ['live', 'live', 'live'],
};

function serverState(deployment: Deployment, member: Member): ServerState {
  if (member.excluded !== null) return member.excluded;
  if (member.problem !== null) return member.problem.code === 'unreachable' ? 'unreachable' : 'failed';
  if (deployment.state === 'waiting') return 'idle';
  if (deployment.state === 'ended') return member.release === undefined || member.release === null ? 'idle' : 'live';
  const stage = deployment.course[deployment.at];
  if (stage === undefined) return 'idle';
  const row = (stage.direction === 'forward' ? FORWARD : BACK)[stage.action];
  // A migration before the lock finds servers that have not switched yet.
  if (stage.action === 'migrate' && !member.mayHaveSwitched) return 'uploaded';
  const isHere = member.at === deployment.at;
  return row?.[!isHere ? 0 : member.status === 'done' ? 2 : 1] ?? 'idle';
}

/** A cluster between and during deployments. `last`: the view of its newest deployment that ran, for what servers served then. */
export function clusterView(
  cluster: Cluster,
  status: ClusterStatus,
  running: Deployment | null,
  last: DeploymentView | null,
  branches: ClusterView['branches'],
): ClusterView {
  const release = status.record.releases[0];
  const current = running === null ? last : deploymentView(running);
  const seen = new Map(current?.servers.map((server) => [server.name, server]));
  const { locked, held } = status.record;
  return {
    cluster: cluster.name,
    environment: cluster.environment,
    state: running === null ? 'idle' : clusterState(running),
    release: release === undefined ? null : releaseView(release),
    held: held?.reason ?? null,
    locked: locked === null ? null : `${locked.by}: ${locked.reason}`,
    deployment: running?.number ?? status.record.lastDeployment,
    waiting: status.waiting,
    branches,
    servers: cluster.servers.map((server): ServerView => {
      const one = seen.get(server.name);
      return { name: server.name, state: one?.state ?? 'idle', release: one?.release ?? null, error: one?.error ?? null };
    }),
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

/** Releases that were live on a cluster, newest first. */
export function pastReleaseViews({ releases, bad }: ClusterRecord): PastReleaseView[] {
  return releases.map((release, i) => ({
    ...releaseView(release),
    state: i === 0 ? 'live' : bad.includes(release.id) ? 'bad' : 'good',
    branch: release.branch,
    deployment: release.deployment,
  }));
}

const iso = (at: number): string => new Date(at).toISOString();
