// The events: the only truth. State is what `evolve` makes of them, in order.
import type { CarriedBy } from './carrier.ts';
import type { Cluster } from './cluster.ts';
import type { Problem } from './errors.ts';
import type { ReleaseRecord } from './records.ts';
import type { Purpose } from './deployment.ts';
import type { Build, Change, Commit, Outcome, Repository } from './repository.ts';
import type { Shelf } from './retention.ts';

/** What is asked of a cluster: this revision of this branch, built so. A deployment keeps the values it was requested with. */
export type Order = {
  readonly cluster: Cluster;
  readonly repository: Repository;
  readonly branch: string;
  readonly revision: string;
  readonly build: Build;
  readonly requestedBy: string;
  /** Who pushed the revision, where that is known and somebody else. */
  readonly pushedBy?: string;
  /** Why: `push`, `poll`, `by hand`, … */
  readonly reason: string;
  /** Bring the release anew and under a new name, even if it is there already: it may be damaged. */
  readonly anew?: boolean;
  /** It may begin at this time at the earliest, milliseconds since 1970. */
  readonly notBefore?: number;
};

/** An event about one deployment. `server` is an index into the deployment's servers; `null`: the whole cluster. */
export type DeploymentEvent =
  | ({
      readonly type: 'requested';
      readonly purpose: Purpose;
      /** A release that was live before, to go to. Nothing is built. */
      readonly target?: ReleaseRecord;
    } & Order)
  | { readonly type: 'superseded'; readonly by: number }
  /** The deployment left the queue, and found these releases on the cluster; `behind`: names of servers that had been left behind. */
  | { readonly type: 'began'; readonly shelf: Shelf; readonly behind: readonly string[] }
  /** An effect is about to be performed. Durable before it is. */
  | { readonly type: 'started'; readonly stage: number; readonly server: number | null }
  | { readonly type: 'finished'; readonly stage: number; readonly server: number | null; readonly facts: Facts }
  | {
      readonly type: 'failed';
      readonly stage: number;
      readonly server: number | null;
      readonly problem: Problem;
    }
  | { readonly type: 'abort-requested'; readonly by: string }
  /** Somebody else approves that it begins, or does not; or nobody did in time. */
  | { readonly type: 'approved'; readonly by: string }
  | { readonly type: 'rejected'; readonly by: string; readonly reason: string }
  | { readonly type: 'approval-expired' }
  | { readonly type: 'paused'; readonly by: string }
  | { readonly type: 'resumed'; readonly by: string }
  /** The server is left out from here on. */
  | { readonly type: 'skipped'; readonly server: number; readonly by: string }
  /** An operator says whether a migration that may have half run counts as done. */
  | { readonly type: 'settled'; readonly done: boolean; readonly by: string };

/** What an effect found out. Which fields are there depends on the action. */
export type Facts = {
  readonly commit?: Commit;
  /** build: the artifact's id and the release's name. */
  readonly artifact?: string;
  readonly release?: string;
  /** schedule: the release the server serves; switch: what it served before. */
  readonly current?: string | null;
  /** schedule: the revision of that release, if another tool left it there and says. */
  readonly revision?: string;
  /** upload: bytes over the wire, and how they came. */
  readonly bytes?: number;
  readonly carrier?: CarriedBy;
  /** Something that did not fail the step but should be seen. */
  readonly warning?: string;
};

/** An event that belongs to no deployment. */
export type DaemonEvent =
  | { readonly type: 'daemon-started'; readonly epoch: number; readonly version: string }
  | { readonly type: 'configuration-loaded'; readonly problem: string | null }
  | { readonly type: 'change-received'; readonly change: Change }
  | {
      readonly type: 'outcome-recorded';
      readonly delivery: string;
      readonly repository: string;
      readonly ref: string;
      readonly revision: string | null;
      readonly outcome: Outcome;
    }
  | { readonly type: 'cluster-locked'; readonly cluster: string; readonly by: string; readonly reason: string }
  /** The head of the cluster's branch is not deployed, because who committed or pushed it said so. */
  | { readonly type: 'head-skipped'; readonly cluster: string; readonly branch: string; readonly revision: string; readonly reason: string }
  | { readonly type: 'hold-released'; readonly cluster: string; readonly by: string }
  | { readonly type: 'cluster-unlocked'; readonly cluster: string; readonly by: string }
  /** A server was seen to differ from what the daemon put there; recorded when that changes, not at every look. */
  | {
      readonly type: 'drift-found';
      readonly cluster: string;
      readonly server: string;
      readonly finding: string;
      /** What was looked at. */
      readonly depth: 'tree' | 'content';
    }
  | { readonly type: 'drift-ended'; readonly cluster: string; readonly server: string };

/** An event with its place in the journal. `number` rises by one; `at` is milliseconds since 1970 (for people, never for order). */
export type Recorded = { readonly number: number; readonly at: number } & (
  { readonly deployment: number; readonly event: DeploymentEvent } | { readonly deployment: null; readonly event: DaemonEvent }
);
