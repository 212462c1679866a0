// evolve: the only function that changes a deployment. It refuses what cannot happen.
import { approvalFor, isApproved } from './approval.ts';
import { courseBack, courseOf, isMember } from './course.ts';
import type { Deployment, Member, Result, StageProgress } from './deployment.ts';
import type { DeploymentEvent, Facts } from './event.ts';
import type { ReleaseRecord } from './records.ts';
import type { Commit } from './repository.ts';
import { isUnfinished, notTakenBack, reasonToTurn } from './reasons.ts';
import type { Action } from './step.ts';

/** The state after a `requested` event. */
export function requested(number: number, at: number, event: DeploymentEvent & { type: 'requested' }): Deployment {
  const target = event.target ?? null;
  return {
    number,
    purpose: event.purpose,
    target,
    cluster: event.cluster,
    repository: event.repository,
    branch: event.branch,
    revision: event.revision,
    build: event.build,
    requestedBy: event.requestedBy,
    pushedBy: event.pushedBy ?? null,
    reason: event.reason,
    anew: event.anew ?? false,
    notBefore: event.notBefore ?? null,
    requestedAt: at,
    state: 'waiting',
    result: null,
    endedAt: null,
    problem: null,
    supersededBy: null,
    abortedBy: null,
    pausedBy: null,
    commit: target === null ? null : commitOf(target),
    artifact: target?.artifact ?? null,
    release: target?.id ?? null,
    shelf: { good: [], failed: [] },
    approval: approvalFor(event.cluster, event.purpose, at),
    course: courseOf(event.cluster, event.purpose),
    at: -1,
    members: event.cluster.servers.map(newMember),
    excluded: 0,
    live: false,
    ending: null,
  };
}

const commitOf = ({ revision, author, message, at }: ReleaseRecord): Commit => ({ revision, author, email: '', message, time: at });

const newMember = (): Member => ({
  at: -1,
  status: 'waiting',
  excluded: null,
  problem: null,
  release: undefined,
  foundRevision: '',
  previous: undefined,
  mayBeLocked: false,
  mayHaveSwitched: false,
  mayBeDrained: false,
  mayHaveInstalled: false,
  wasBehind: false,
  hasRelease: false,
  bytes: 0,
  carrier: null,
  warning: null,
});

/**
 * Applies one event, in place (copying would be quadratic in servers). `at`: milliseconds since 1970.
 * Throws an Error for an event that cannot happen in this state: the caller or the journal is wrong.
 */
export function evolve(deployment: Deployment, event: DeploymentEvent, at: number): void {
  if (deployment.state === 'ended') impossible(deployment, event);
  switch (event.type) {
    case 'requested':
      return impossible(deployment, event);
    case 'superseded':
      if (deployment.state !== 'waiting') impossible(deployment, event);
      deployment.supersededBy = event.by;
      return end(deployment, 'superseded', at);
    case 'began':
      if (deployment.state !== 'waiting' || !isApproved(deployment)) impossible(deployment, event);
      deployment.state = 'running';
      deployment.shelf = event.shelf;
      for (const [i, { name }] of deployment.cluster.servers.entries()) {
        const member = deployment.members[i];
        if (member !== undefined) member.wasBehind = event.behind.includes(name);
      }
      return openNext(deployment, at);
    case 'approved':
      if (deployment.state !== 'waiting' || deployment.approval === null) impossible(deployment, event);
      deployment.approval.approvedBy.push(event.by);
      return;
    case 'rejected':
    case 'approval-expired':
      if (deployment.state !== 'waiting' || isApproved(deployment)) impossible(deployment, event);
      deployment.problem = { code: 'refused', message: notApproved(event), detail: null };
      return end(deployment, 'aborted', at);
    case 'started':
      return start(deployment, event, at);
    case 'finished':
      finish(deployment, event, at);
      return settle(deployment, at);
    case 'failed':
      fail(deployment, event, at);
      return settle(deployment, at);
    case 'abort-requested':
      if (!isAbortable(deployment)) impossible(deployment, event);
      deployment.abortedBy = event.by;
      deployment.pausedBy = null;
      if (deployment.state === 'waiting') return end(deployment, 'aborted', at);
      return settle(deployment, at);
    case 'paused':
      if (!isPausable(deployment)) impossible(deployment, event);
      deployment.pausedBy = event.by;
      return;
    case 'resumed':
      if (deployment.pausedBy === null) impossible(deployment, event);
      deployment.pausedBy = null;
      return;
    case 'skipped':
      if (!isSkippable(deployment, event.server)) impossible(deployment, event);
      skip(deployment, event.server);
      return settle(deployment, at);
    case 'settled':
      if (deployment.state !== 'needs-operator') impossible(deployment, event);
      return settleMigration(deployment, event.done, at);
    default:
      return event satisfies never;
  }
}

const notApproved = (event: DeploymentEvent & { type: 'rejected' | 'approval-expired' }): string =>
  event.type === 'rejected'
    ? `rejected by ${event.by}${event.reason === '' ? '' : `: ${event.reason}`}; nothing was changed`
    : 'not approved in time; nothing was changed';

/** What comes before the decision to go forward. */
const EARLY: readonly Action[] = ['build', 'schedule', 'upload', 'exercise', 'drain', 'lock', 'switch', 'install'];

/** An abort is possible until the cluster has decided to go forward; after that, roll back. */
export function isAbortable(deployment: Deployment): boolean {
  if (deployment.abortedBy !== null) return false;
  if (deployment.state === 'waiting') return true;
  const stage = deployment.course[deployment.at];
  return deployment.state === 'running' && stage !== undefined && stage.direction === 'forward' && EARLY.includes(stage.action);
}

/** What has begun to change for users is brought to its end first. */
export function isPausable(deployment: Deployment): boolean {
  return deployment.pausedBy === null && isAbortable(deployment) && !deployment.members.some(isUnfinished);
}

/** Before anything changes for users, a server can be left out, as long as another one remains. */
export function isSkippable({ state, course, at, abortedBy, members }: Deployment, server: number): boolean {
  const action = course[at]?.action ?? 'build';
  const isEarly = state === 'running' && abortedBy === null && ['schedule', 'upload', 'exercise'].includes(action);
  return isEarly && members[server]?.excluded === null && members.filter((member) => member.excluded === null).length > 1;
}

function skip(deployment: Deployment, server: number): void {
  const stage = deployment.course[deployment.at];
  const member = deployment.members[server];
  if (stage === undefined || member === undefined) return;
  member.excluded = 'skipped';
  // One that is at work here is waited for; one that has not begun is not counted any more.
  if (member.at !== deployment.at) stage.total -= 1;
}

function start(deployment: Deployment, event: DeploymentEvent & { type: 'started' }, at: number): void {
  const stage = openStage(deployment, event);
  stage.running += 1;
  stage.state = 'running';
  stage.startedAt ??= at;
  stage.starts[event.server ?? 0] = at;
  if (event.server === null) return;
  const member = memberOf(deployment, event);
  if (member.at === event.stage || event.server < stage.cursor || !isMember(deployment, stage, member)) impossible(deployment, event);
  stage.cursor = event.server + 1;
  member.at = event.stage;
  member.status = 'running';
  if (stage.action === 'lock') member.mayBeLocked = true;
  if (stage.action === 'drain') member.mayBeDrained = true;
  if (stage.action === 'install' && stage.direction === 'forward') member.mayHaveInstalled = true;
  if (stage.action === 'switch' && stage.direction === 'forward') member.mayHaveSwitched = true;
}

function finish(deployment: Deployment, event: DeploymentEvent & { type: 'finished' }, at: number): void {
  const stage = openStage(deployment, event);
  if (stage.running < 1) impossible(deployment, event);
  stage.running -= 1;
  stage.done += 1;
  stage.ends[event.server ?? 0] = at;
  if (event.server === null) return learn(deployment, event.facts);
  const member = memberOf(deployment, event);
  if (member.at !== event.stage || member.status !== 'running') impossible(deployment, event);
  member.status = 'done';
  learnOfServer(deployment, stage, member, event.facts);
}

function learn(deployment: Deployment, facts: Facts): void {
  if (facts.commit !== undefined) deployment.commit = facts.commit;
  if (facts.artifact !== undefined) deployment.artifact = facts.artifact;
  if (facts.release !== undefined) deployment.release = facts.release;
}

function learnOfServer(deployment: Deployment, stage: StageProgress, member: Member, facts: Facts): void {
  if (facts.warning !== undefined) member.warning = facts.warning;
  if (facts.bytes !== undefined) member.bytes += facts.bytes;
  if (facts.carrier !== undefined) member.carrier = facts.carrier;
  if (stage.action === 'schedule') member.release = facts.current ?? null;
  if (facts.revision !== undefined) member.foundRevision = facts.revision;
  if (stage.action === 'upload') member.hasRelease = true;
  if (stage.action === 'unlock') member.mayBeLocked = false;
  if (stage.action === 'readd') member.mayBeDrained = false;
  if (stage.action !== 'switch') return;
  if (stage.direction === 'forward') {
    member.previous = facts.current ?? null;
    member.release = deployment.release;
  } else {
    member.mayHaveSwitched = false;
    member.release = facts.current ?? null;
  }
}

function fail(deployment: Deployment, event: DeploymentEvent & { type: 'failed' }, at: number): void {
  const stage = openStage(deployment, event);
  if (stage.running < 1) impossible(deployment, event);
  stage.running -= 1;
  stage.ends[event.server ?? 0] = at;
  if (event.server !== null) stage.failures.push(event.server);
  if (event.server === null) {
    stage.failed += 1;
    deployment.problem = event.problem;
    return;
  }
  const member = memberOf(deployment, event);
  if (member.at !== event.stage || member.status !== 'running') impossible(deployment, event);
  member.status = 'failed';
  // A server that stays behind anyway holds nobody up.
  if (stage.direction === 'forward' && member.excluded !== null) stage.done += 1;
  else stage.failed += 1;
  if (stage.action === 'collect' || (stage.action === 'drain' && member.excluded !== null)) {
    member.warning = event.problem.message;
    return;
  }
  // Interrupted by an abort: nothing is wrong with the server.
  if (event.problem.code === 'aborted' && (deployment.abortedBy !== null || member.excluded === 'skipped')) return;
  member.problem ??= event.problem;
  if (stage.direction === 'back' || member.excluded !== null) return;
  if (stage.action === 'schedule' || stage.action === 'upload') {
    member.excluded = event.problem.code === 'unreachable' ? 'unreachable' : 'behind';
    deployment.excluded += 1;
  }
  if (stage.action === 'unlock' || stage.action === 'readd') member.excluded = 'failed';
  if (isHealthCheck(stage.action) && deployment.target !== null) deployment.problem ??= event.problem;
}

const isHealthCheck = (action: Action): boolean => action === 'probe' || action === 'verify' || action === 'confirm';

/** Closes every stage that is over and opens the next, until something is left to do or the deployment has ended. */
function settle(deployment: Deployment, at: number): void {
  const stage = deployment.course[deployment.at];
  if (stage === undefined || stage.running > 0) return;
  const mustStop = stage.direction === 'forward' && isStopped(deployment, stage);
  if (!mustStop && stage.done + stage.failed < stage.total) return;
  stage.finishedAt = at;
  if (stage.action === 'migrate' && deployment.problem?.code === 'ambiguous') {
    deployment.state = 'needs-operator';
    return;
  }
  stage.state = mustStop ? 'failed' : 'done';
  if (mustStop) turnBack(deployment, stage, at);
  else openNext(deployment, at);
}

/** Is there a reason not to go forward? */
function isStopped(deployment: Deployment, stage: StageProgress): boolean {
  if (deployment.abortedBy !== null) return true;
  switch (stage.action) {
    case 'schedule':
    case 'upload':
      return isOverBudget(deployment);
    case 'unlock':
    case 'readd':
    case 'collect':
      return false;
    case 'probe':
    case 'verify':
    case 'confirm':
      // Who goes back to what was live has nowhere better to go: it is said, and nothing is turned round again.
      return stage.failed > 0 && deployment.target === null;
    default:
      return stage.failed > 0;
  }
}

/** Has the failure budget been used up? A cluster of which no server is left cannot go on either. */
export function isOverBudget({ cluster, excluded }: Deployment): boolean {
  const total = cluster.servers.length;
  const budget = 'servers' in cluster.maxFailures ? cluster.maxFailures.servers : Math.floor((total * cluster.maxFailures.percent) / 100);
  return excluded > budget || excluded === total;
}

function openNext(deployment: Deployment, at: number): void {
  deployment.at += 1;
  const stage = deployment.course[deployment.at];
  if (stage === undefined) return arrive(deployment, at);
  if (stage.direction === 'forward' && stage.step === 'verify') deployment.live = true;
  stage.total =
    stage.scope === 'cluster' ? 1 : deployment.members.reduce((n, member) => n + (isMember(deployment, stage, member) ? 1 : 0), 0);
  if (stage.total > 0) return;
  stage.state = 'skipped';
  openNext(deployment, at);
}

function arrive(deployment: Deployment, at: number): void {
  if (deployment.ending !== null) {
    const left = notTakenBack(deployment);
    deployment.problem = left ?? deployment.problem;
    return end(deployment, left === null ? deployment.ending : 'failed', at);
  }
  // A server that could not be unlocked leaves a problem behind on the way forward, and so does a release that is not well although it was
  // gone back to; servers of the budget are `behind`.
  deployment.problem = deployment.members.find((member) => member.excluded === 'failed')?.problem ?? deployment.problem;
  end(deployment, deployment.problem === null ? 'done' : 'failed', at);
}

function turnBack(deployment: Deployment, stage: StageProgress, at: number): void {
  deployment.ending = deployment.abortedBy !== null ? 'aborted' : isHealthCheck(stage.action) ? 'rolled-back' : 'failed';
  deployment.problem = reasonToTurn(deployment);
  deployment.state = 'going-back';
  deployment.live = false;
  for (const later of deployment.course.slice(deployment.at + 1)) later.state = 'skipped';
  const back = courseBack(deployment);
  deployment.at = deployment.course.length - 1;
  deployment.course.push(...back);
  openNext(deployment, at);
}

function settleMigration(deployment: Deployment, done: boolean, at: number): void {
  const stage = deployment.course[deployment.at];
  if (stage === undefined) return;
  deployment.state = 'running';
  stage.finishedAt = at;
  stage.state = done ? 'done' : 'failed';
  if (!done) return turnBack(deployment, stage, at);
  deployment.problem = null;
  stage.failed = 0;
  if (deployment.cluster.migrations !== null) return reopen(stage);
  stage.done = 1;
  openNext(deployment, at);
}

/** Of built-in migrations only the file that was settled counts as done: the stage's effect is performed again for those after it. */
function reopen(stage: StageProgress): void {
  stage.state = 'running';
  stage.finishedAt = null;
}

function end(deployment: Deployment, result: Result, at: number): void {
  deployment.state = 'ended';
  deployment.result = result;
  deployment.endedAt = at;
}

type StageEvent = DeploymentEvent & { stage: number; server: number | null };

function openStage(deployment: Deployment, event: StageEvent): StageProgress {
  const stage = deployment.course[event.stage];
  const isOpen = deployment.state === 'running' || deployment.state === 'going-back';
  if (stage === undefined || event.stage !== deployment.at || !isOpen) impossible(deployment, event);
  if ((event.server === null) !== (stage.scope === 'cluster')) impossible(deployment, event);
  return stage;
}

function memberOf(deployment: Deployment, event: StageEvent): Member {
  const member = deployment.members[event.server ?? -1];
  if (member === undefined) impossible(deployment, event);
  return member;
}

function impossible(deployment: Deployment, event: DeploymentEvent): never {
  const where = 'stage' in event ? ` at stage ${event.stage}, server ${String(event.server)}` : '';
  throw new Error(
    `deployment ${deployment.number} is ${deployment.state} at stage ${deployment.at}: "${event.type}"${where} cannot happen`,
  );
}
