// The barriers of a deployment: when a stage is over, whether the next one begins or the servers go back, and how it all ends. For evolve only.
import { courseBack, isMember } from './course.ts';
import type { Deployment, Result, StageProgress } from './deployment.ts';
import { notTakenBack, reasonToTurn } from './reasons.ts';
import type { Action } from './step.ts';

/** Closes every stage that is over and opens the next, until something is left to do or the deployment has ended. */
export function settle(deployment: Deployment, at: number): void {
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

export const isHealthCheck = (action: Action): boolean => action === 'probe' || action === 'verify' || action === 'confirm';

export function openNext(deployment: Deployment, at: number): void {
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

export function settleMigration(deployment: Deployment, done: boolean, at: number): void {
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

export function end(deployment: Deployment, result: Result, at: number): void {
  deployment.state = 'ended';
  deployment.result = result;
  deployment.endedAt = at;
}
