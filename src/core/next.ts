// next: which effects a deployment needs to have started now. Reads the state, changes nothing.
import { isOverBudget } from './barriers.ts';
import { isMember, limitOf } from './course.ts';
import type { Deployment, StageProgress } from './deployment.ts';
import { isUnfinished } from './reasons.ts';
import type { Action, Direction } from './step.ts';

/** Something to be done in the world, once. `op` names it for ever: asked again under the same name, a server does nothing twice. */
export type Effect = {
  readonly deployment: number;
  readonly stage: number;
  readonly action: Action;
  readonly direction: Direction;
  /** Index of the server; `null`: once for the cluster. */
  readonly server: number | null;
  readonly op: string;
  /** It was started by a daemon that died: it may have had its effect already. */
  readonly resumed: boolean;
};

/** Effects to start now, within the limits, in the servers' order. Empty at a barrier that is not reached yet, and at the end. */
export function next(deployment: Deployment): Effect[] {
  const stage = openStage(deployment);
  if (stage === null || deployment.pausedBy !== null || isHeldUp(deployment, stage)) return [];
  if (stage.scope === 'cluster') return stage.done + stage.failed + stage.running === 0 ? [effectOf(deployment, null)] : [];
  const effects: Effect[] = [];
  let free = limitOf(deployment, stage.action) - stage.running;
  let left = stage.total - stage.done - stage.failed - stage.running;
  for (let i = stage.cursor; free > 0 && left > 0 && i < deployment.members.length; i++) {
    const member = deployment.members[i];
    if (member === undefined || !isMember(deployment, stage, member)) continue;
    effects.push(effectOf(deployment, i));
    free -= 1;
    left -= 1;
  }
  return effects;
}

/** Effects that were started and have no result: after a crash they are performed again under the same name. */
export function unanswered(deployment: Deployment): Effect[] {
  const stage = openStage(deployment);
  if (stage === null || stage.running === 0) return [];
  if (stage.scope === 'cluster') return [effectOf(deployment, null, true)];
  return deployment.members.flatMap((member, i) =>
    member.at === deployment.at && member.status === 'running' ? [effectOf(deployment, i, true)] : [],
  );
}

/** Between the first lock and the last unlock users can notice something: the cutover is never interrupted by choice. */
export function isInCutover(deployment: Deployment): boolean {
  return deployment.state !== 'ended' && deployment.members.some(isUnfinished) && !deployment.live;
}

/** Names a deployment on the servers, also beside deployments of another daemon with the same number. */
export function tokenOf(deployment: Deployment): string {
  return `${deployment.number}-${deployment.requestedAt.toString(36)}`;
}

function openStage(deployment: Deployment): StageProgress | null {
  if (deployment.state !== 'running' && deployment.state !== 'going-back') return null;
  return deployment.course[deployment.at] ?? null;
}

/** One failure here, and no further server is taken on. */
const CUTOVER: readonly Action[] = ['drain', 'lock', 'switch', 'install', 'decide'];

/** A stage that will be turned back starts nothing more; it only waits for what is running. */
function isHeldUp(deployment: Deployment, stage: StageProgress): boolean {
  if (stage.direction === 'back') return false;
  if (deployment.abortedBy !== null) return true;
  if (stage.action === 'schedule' || stage.action === 'upload') return isOverBudget(deployment);
  return stage.failed > 0 && CUTOVER.includes(stage.action);
}

function effectOf(deployment: Deployment, server: number | null, resumed = false): Effect {
  const stage = deployment.course[deployment.at] as StageProgress;
  return {
    deployment: deployment.number,
    stage: deployment.at,
    action: stage.action,
    direction: stage.direction,
    server,
    op: `${tokenOf(deployment)}-${deployment.at}`,
    resumed,
  };
}
