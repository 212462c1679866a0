// The course of a deployment: which stages it has, and which servers take part in each.
import type { CheckTime, Cluster } from './cluster.ts';
import type { Deployment, Member, Purpose, StageProgress } from './deployment.ts';
import { STAGES, STAGES_BACK } from './step.ts';
import type { Action, Stage } from './step.ts';

/**
 * The way forward of a cluster, for a purpose. Only a deployment of a revision is built, exercised and migrated: the others
 * go to what was live, and leave the database as it is.
 */
export function courseOf(cluster: Cluster, purpose: Purpose = 'deploy'): StageProgress[] {
  return stagesOf(cluster)
    .filter(({ action }) => isWanted(cluster, action, purpose))
    .map(progressOf);
}

/** STAGES, with the migration where the cluster wants it. */
function stagesOf({ migrations }: Cluster): readonly Stage[] {
  if (migrations?.when !== 'before-lock') return STAGES;
  const others = STAGES.filter(({ action }) => action !== 'migrate');
  // Before anything that users, or a load balancer, could notice.
  const cutover = others.findIndex(({ action }) => action === 'drain');
  return [...others.slice(0, cutover), ...STAGES.filter(({ action }) => action === 'migrate'), ...others.slice(cutover)];
}

function isWanted({ maintenance, commands, migrations, verify }: Cluster, action: Action, purpose: Purpose): boolean {
  const hasCheck = (when: CheckTime): boolean => verify?.http.some((check) => check.when === when) ?? false;
  switch (action) {
    case 'build':
      return purpose === 'deploy';
    case 'exercise':
      return purpose === 'deploy' && hasCheck('before-switch');
    case 'lock':
    case 'decide':
      return maintenance !== null;
    case 'drain':
    case 'install':
    case 'readd':
      return commands[action] !== null;
    case 'migrate':
      return purpose === 'deploy' && (commands.migrate !== null || migrations !== null);
    case 'probe':
      return hasCheck('before-unlock');
    case 'verify':
      return verify !== null && (hasCheck('after-unlock') || verify.heartbeat !== null);
    case 'confirm':
      return verify !== null && verify.cluster.length > 0;
    case 'schedule':
    case 'upload':
    case 'switch':
    case 'unlock':
    case 'collect':
      return true;
    default:
      return action satisfies never;
  }
}

/** The way back from where a deployment stands: only what has to be undone. */
export function courseBack(deployment: Deployment): StageProgress[] {
  const { cluster, course, members } = deployment;
  const began = (action: Action): boolean => course.some((stage) => stage.action === action && stage.startedAt !== null);
  const isLocking = cluster.maintenance !== null;
  const touched = members.some((member) => member.mayBeLocked || member.mayHaveSwitched);
  // Locks may have ended by themselves meanwhile: before any server is switched back, all of those are locked, again if need be.
  const isSwitching = members.some((member) => member.mayHaveSwitched);
  return STAGES_BACK.filter(({ action }) => {
    if (action === 'collect') return began('upload');
    if (action === 'readd') return members.some((member) => member.mayBeDrained);
    if (action === 'install') return members.some((member) => member.mayHaveInstalled);
    if (!touched) return false;
    if (action === 'lock' || action === 'decide') return isSwitching && isLocking;
    if (action === 'switch') return isSwitching;
    return true;
  }).map(progressOf);
}

function progressOf(stage: Stage): StageProgress {
  const counts = { total: 0, done: 0, failed: 0, running: 0, cursor: 0 };
  return { ...stage, state: 'waiting', startedAt: null, finishedAt: null, ...counts, starts: [], ends: [], failures: [] };
}

/** Does the server take part in the stage? Asked when the stage opens and while servers are started, in order. */
export function isMember(deployment: Deployment, stage: Stage, member: Member): boolean {
  if (stage.direction === 'forward') return member.excluded === null || isPutAside(deployment.cluster, stage.action, member);
  switch (stage.action) {
    case 'lock':
    case 'decide':
    case 'switch':
      return member.mayHaveSwitched;
    case 'install':
      return member.mayHaveInstalled;
    case 'unlock':
      return member.mayBeLocked || (deployment.cluster.maintenance === null && member.previous !== undefined);
    case 'readd':
      return member.mayBeDrained && !member.wasBehind;
    default:
      return member.release !== undefined;
  }
}

/** A server that stays behind and still answers is taken out of service with the others, and stays out. */
function isPutAside({ behind }: Cluster, action: Action, { excluded }: Member): boolean {
  if (excluded !== 'behind' && excluded !== 'skipped') return false;
  return (action === 'lock' && behind === 'lock') || (action === 'drain' && behind === 'drain');
}

/** Servers that only have to look at what they have. How many connections are being opened at a time is the transport's care. */
const LOOKING_AT_ONCE = 64;

/** How many servers may be in the stage at the same time. */
export function limitOf({ cluster, purpose }: Deployment, action: Action): number {
  switch (action) {
    case 'schedule':
      return Math.max(cluster.connections, LOOKING_AT_ONCE);
    case 'upload':
      return purpose === 'deploy' ? cluster.concurrency : Math.max(cluster.concurrency, LOOKING_AT_ONCE);
    default:
      // One short line over a channel that is open already: the cutover must not queue.
      return cluster.servers.length;
  }
}

/** The release that a server served before this deployment's switch, whether or not the switch told us. `null`: none. */
export function servedBefore(member: Member): string | null {
  return member.previous !== undefined ? member.previous : (member.release ?? null);
}
