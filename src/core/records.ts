// Projections: what the store keeps beside the journal so that lists and starts are quick. Each can be computed from the events.
import type { SharedPath } from './cluster.ts';
import type { DeploymentView } from './views.ts';
import type { Change, Outcome } from './repository.ts';

export type ReleaseRecord = {
  readonly id: string;
  readonly artifact: string;
  readonly revision: string;
  readonly branch: string;
  readonly repository: string;
  readonly author: string;
  readonly message: string;
  /** Number of the deployment that brought it. */
  readonly deployment: number;
  /** When it became live, milliseconds since 1970. */
  readonly at: number;
  /** The shared paths that it was brought with; missing in rows of an older daemon. */
  readonly shared?: readonly SharedPath[];
};

/** A server that was seen to differ from what the daemon put there. */
export type DriftedServer = {
  readonly server: string;
  /** One line. */
  readonly finding: string;
  readonly depth: 'tree' | 'content';
  readonly at: number;
};

/** What the daemon knows of a cluster between deployments. */
export type ClusterRecord = {
  readonly name: string;
  /** Releases that were live on the whole cluster, newest first; the first is what it serves. Bounded by `keep` + some. */
  readonly releases: readonly ReleaseRecord[];
  /** Names of the servers that are known to serve the first of `releases`. */
  readonly serving: readonly string[];
  /** Releases that were rolled back from: nobody goes back to them by default. Bounded. */
  readonly bad: readonly string[];
  /** Locked by a person: deployments wait. */
  readonly locked: { readonly by: string; readonly reason: string; readonly at: number } | null;
  /** After a roll back: the revision that must not come back by itself, and why. */
  readonly held: { readonly revision: string; readonly reason: string } | null;
  /** Servers that were seen to differ from what they were given. Bounded. */
  readonly drifted: readonly DriftedServer[];
  /** Number of the newest deployment that ended otherwise than `superseded`. */
  readonly lastDeployment: number | null;
};

export type DeploymentRecord = {
  readonly number: number;
  readonly cluster: string;
  readonly ended: boolean;
  /** As `show` prints it. While a deployment runs it is only as fresh as the last barrier; the events are the truth. */
  readonly view: DeploymentView;
};

export type DeliveryRecord = {
  readonly change: Change;
  readonly receivedAt: number;
  readonly outcomes: readonly { readonly ref: string; readonly revision: string | null; readonly outcome: Outcome }[];
  /** Every ref has its outcome. */
  readonly closed: boolean;
};

/** The head of a branch that has been dealt with: polls and hooks compare with it. `null`: the branch was deleted. */
export type HeadRecord = { readonly repository: string; readonly branch: string; readonly revision: string | null };
