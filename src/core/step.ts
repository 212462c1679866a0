// The steps of a deployment and the actions that they consist of. Both are data: the order is a list, the barrier its border.

/** The words that people see. `build` comes before the steps, once. */
export type StepName = 'build' | 'schedule' | 'upload' | 'lock' | 'switch' | 'migrate' | 'unlock' | 'verify';

/** `back`: undoing, in lockstep like the way forward. */
export type Direction = 'forward' | 'back';

/**
 * What is done in one stage of the course.
 * `exercise` asks the new release under its second name, before anything changes; `probe` asks it behind the maintenance page;
 * `verify` asks every server when users are back, `confirm` the cluster as a whole.
 * `drain` and `readd` tell the load balancer; `install` puts crontabs and service files in place.
 * `decide` tells every server which release it takes by itself should its lock run out: the point of no return.
 * `collect` removes releases that are no longer kept.
 */
export type Action =
  | 'build'
  | 'schedule'
  | 'upload'
  | 'exercise'
  | 'drain'
  | 'lock'
  | 'switch'
  | 'install'
  | 'decide'
  | 'migrate'
  | 'probe'
  | 'unlock'
  | 'verify'
  | 'confirm'
  | 'readd'
  | 'collect';

/** A stage of the course: one action by every member (or once for the cluster), between two barriers. */
export type Stage = {
  readonly action: Action;
  readonly step: StepName;
  readonly direction: Direction;
  readonly scope: 'server' | 'cluster';
};

/** The way forward, whole. A cluster without maintenance window leaves out `lock` and `decide`, and so on: see `courseOf`. */
export const STAGES: readonly Stage[] = [
  { action: 'build', step: 'build', direction: 'forward', scope: 'cluster' },
  { action: 'schedule', step: 'schedule', direction: 'forward', scope: 'server' },
  { action: 'upload', step: 'upload', direction: 'forward', scope: 'server' },
  { action: 'exercise', step: 'upload', direction: 'forward', scope: 'server' },
  { action: 'drain', step: 'lock', direction: 'forward', scope: 'server' },
  { action: 'lock', step: 'lock', direction: 'forward', scope: 'server' },
  { action: 'switch', step: 'switch', direction: 'forward', scope: 'server' },
  { action: 'install', step: 'switch', direction: 'forward', scope: 'server' },
  { action: 'decide', step: 'switch', direction: 'forward', scope: 'server' },
  { action: 'migrate', step: 'migrate', direction: 'forward', scope: 'cluster' },
  { action: 'probe', step: 'unlock', direction: 'forward', scope: 'server' },
  { action: 'unlock', step: 'unlock', direction: 'forward', scope: 'server' },
  { action: 'verify', step: 'verify', direction: 'forward', scope: 'server' },
  { action: 'confirm', step: 'verify', direction: 'forward', scope: 'cluster' },
  { action: 'readd', step: 'verify', direction: 'forward', scope: 'server' },
  { action: 'collect', step: 'verify', direction: 'forward', scope: 'server' },
];

/** The way back, whole: lock again what was unlocked, take back the decision, switch to what was served before, unlock, tidy up. */
export const STAGES_BACK: readonly Stage[] = [
  { action: 'lock', step: 'lock', direction: 'back', scope: 'server' },
  { action: 'decide', step: 'switch', direction: 'back', scope: 'server' },
  { action: 'switch', step: 'switch', direction: 'back', scope: 'server' },
  { action: 'install', step: 'switch', direction: 'back', scope: 'server' },
  { action: 'unlock', step: 'unlock', direction: 'back', scope: 'server' },
  { action: 'readd', step: 'unlock', direction: 'back', scope: 'server' },
  { action: 'collect', step: 'unlock', direction: 'back', scope: 'server' },
];

/** Steps in the order in which people see them. */
export const STEPS: readonly StepName[] = ['build', 'schedule', 'upload', 'lock', 'switch', 'migrate', 'unlock', 'verify'];
