// What can be asked of a deployment now: to stop, to pause, to leave a server out.
import type { Deployment } from './deployment.ts';
import { isUnfinished } from './reasons.ts';
import type { Action } from './step.ts';

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
