// A deployment: bringing one cluster to one release. This is its state; only `evolve` changes it.
import type { Approval } from './approval.ts';
import type { CarriedBy } from './carrier.ts';
import type { Cluster } from './cluster.ts';
import type { Problem } from './errors.ts';
import type { ReleaseRecord } from './records.ts';
import type { Build, Commit, Repository } from './repository.ts';
import type { Shelf } from './retention.ts';
import type { Stage } from './step.ts';

/** How a deployment ended. `done`: every member serves the release. `rolled-back`: verification failed and all went back. */
export type Result = 'done' | 'failed' | 'aborted' | 'superseded' | 'rolled-back';

/** Where a deployment stands. `waiting`: in the cluster's queue. */
export type DeploymentState = 'waiting' | 'running' | 'going-back' | 'needs-operator' | 'ended';

/**
 * What a deployment is for. `deploy`: a revision; `roll-back`: a release that was live; `emergency`: the same, users first;
 * `catch-up`: servers that were left out come to what the cluster serves.
 */
export type Purpose = 'deploy' | 'roll-back' | 'emergency' | 'catch-up';

/** How far one server is within the stage `at`; on a later stage of the deployment it is `waiting`. */
export type MemberStatus = 'waiting' | 'running' | 'done' | 'failed';

export type Member = {
  /** Index of the stage that `status` speaks of. */
  at: number;
  status: MemberStatus;
  /** Excluded by the failure budget or lost on the way: later stages leave it out. `null`: a full member. */
  excluded: 'behind' | 'unreachable' | 'failed' | 'skipped' | null;
  problem: Problem | null;
  /** The release that the server serves now, as far as it told us; undefined: it did not yet. */
  release: string | null | undefined;
  /** The revision of that release, where another tool had brought it; empty: unknown. */
  foundRevision: string;
  /** What it served before this deployment's switch; undefined: it has not been asked to switch. */
  previous: string | null | undefined;
  /** The lock verb was started, and the unlock verb has not finished. */
  mayBeLocked: boolean;
  /** The switch was started, and no switch back has finished. */
  mayHaveSwitched: boolean;
  /** `drain` was started, and no `readd` has finished. */
  mayBeDrained: boolean;
  /** `install` was started on the way forward. */
  mayHaveInstalled: boolean;
  /** It had been left behind before this deployment began: should that go back, the server must not serve what it has. */
  wasBehind: boolean;
  /** The deployment's release is on the server, verified. */
  hasRelease: boolean;
  bytes: number;
  carrier: CarriedBy | null;
  warning: string | null;
};

export type StageProgress = Stage & {
  state: 'waiting' | 'running' | 'done' | 'failed' | 'skipped';
  startedAt: number | null;
  finishedAt: number | null;
  /** Servers that take part (1 for the scope `cluster`); known when the stage opens. */
  total: number;
  done: number;
  failed: number;
  running: number;
  /** Servers before this index have been started. */
  cursor: number;
  /** By server (0 for the scope `cluster`): when it was started and when it ended, in milliseconds since 1970; no entry: not yet. */
  starts: number[];
  ends: number[];
  /** Servers whose action failed here. */
  failures: number[];
};

export type Deployment = {
  readonly number: number;
  readonly cluster: Cluster;
  readonly repository: Repository;
  readonly branch: string;
  readonly revision: string;
  readonly build: Build;
  readonly purpose: Purpose;
  /** A release that was live before, to go to; `null`: a deployment of a revision. */
  readonly target: ReleaseRecord | null;
  readonly requestedBy: string;
  /** Who pushed the revision, where that is known; `null`: unknown, or the one who requested. */
  readonly pushedBy: string | null;
  readonly reason: string;
  /** Bring the release anew, under a new name. */
  readonly anew: boolean;
  /** It may begin at this time at the earliest, milliseconds since 1970; `null`: as soon as it is its turn. */
  readonly notBefore: number | null;
  readonly requestedAt: number;
  state: DeploymentState;
  result: Result | null;
  endedAt: number | null;
  /** Why it did not end as `done`, or why it waits for an operator. */
  problem: Problem | null;
  supersededBy: number | null;
  abortedBy: string | null;
  /** Who holds it: nothing new is started before the cutover. */
  pausedBy: string | null;
  commit: Commit | null;
  artifact: string | null;
  release: string | null;
  /** The releases of the cluster when this deployment began. */
  shelf: Shelf;
  /** `null`: it needs nobody's approval. */
  readonly approval: Approval | null;
  /** The stages, done and to come; going back appends to it. */
  course: StageProgress[];
  /** Index into `course` of the open stage; -1: not begun. */
  at: number;
  members: Member[];
  /** How many members the failure budget has excluded. */
  excluded: number;
  /** All members serve the release, unlocked: it is the cluster's unless verification takes it back. */
  live: boolean;
  /** On the way back: how the deployment will end. */
  ending: Result | null;
};
