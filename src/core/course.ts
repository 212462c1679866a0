// The course of a deployment: which stages it has, and which servers take part in each.
import type { Cluster } from './cluster.ts';
import type { Deployment, Member, StageProgress } from './deployment.ts';
import { STAGES, STAGES_BACK } from './step.ts';
import type { Action, Stage } from './step.ts';

/** The way forward for a cluster; `isBuilt`: the artifact is there already, as for a roll back. */
export function courseOf(cluster: Cluster, isBuilt = false): StageProgress[] {
  return stagesOf(cluster)
    .filter(({ action }) => isWanted(cluster, action) && !(isBuilt && action === 'build'))
    .map(progressOf);
}

/** STAGES, with the migration where the cluster wants it. */
function stagesOf({ migrations }: Cluster): readonly Stage[] {
  if (migrations?.when !== 'before-lock') return STAGES;
  const others = STAGES.filter(({ action }) => action !== 'migrate');
  const lock = others.findIndex(({ action }) => action === 'lock');
  return [...others.slice(0, lock), ...STAGES.filter(({ action }) => action === 'migrate'), ...others.slice(lock)];
}

function isWanted(cluster: Cluster, action: Action): boolean {
  switch (action) {
    case 'lock':
    case 'decide':
      return cluster.maintenance !== null;
    case 'migrate':
      return cluster.commands.migrate !== null || cluster.migrations !== null;
    case 'verify':
      return cluster.verify !== null;
    case 'build':
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
    if (!touched) return false;
    if (action === 'lock' || action === 'decide') return isSwitching && isLocking;
    if (action === 'switch') return isSwitching;
    return true;
  }).map(progressOf);
}

function progressOf(stage: Stage): StageProgress {
  return { ...stage, state: 'waiting', startedAt: null, finishedAt: null, total: 0, done: 0, failed: 0, running: 0, cursor: 0 };
}

/** Does the server take part in the stage? Asked when the stage opens and while servers are started, in order. */
export function isMember(deployment: Deployment, stage: Stage, member: Member): boolean {
  if (stage.direction === 'forward') return member.excluded === null;
  switch (stage.action) {
    case 'lock':
    case 'decide':
    case 'switch':
      return member.mayHaveSwitched;
    case 'unlock':
      return member.mayBeLocked || (deployment.cluster.maintenance === null && member.previous !== undefined);
    default:
      return member.release !== undefined;
  }
}

/** How many servers may be in the stage at the same time. */
export function limitOf(cluster: Cluster, action: Action): number {
  switch (action) {
    case 'schedule':
      return cluster.connections;
    case 'upload':
      return cluster.concurrency;
    default:
      // One short line over a channel that is open already: the cutover must not queue.
      return cluster.servers.length;
  }
}

/** The release that a server served before this deployment's switch, whether or not the switch told us. `null`: none. */
export function servedBefore(member: Member): string | null {
  return member.previous !== undefined ? member.previous : (member.release ?? null);
}
