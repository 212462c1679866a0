// evolve: the only function that changes a deployment. It refuses what cannot happen.
import { isApproved } from './approval.ts';
import { end, isHealthCheck, openNext, settle, settleMigration } from './barriers.ts';
import { isMember } from './course.ts';
import type { Deployment, Member, StageProgress } from './deployment.ts';
import type { DeploymentEvent, Facts } from './event.ts';
import { isAbortable, isPausable, isSkippable } from './steerable.ts';

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
