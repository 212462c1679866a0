// Projections: what the store keeps beside the journal so that lists and starts are quick. Each can be computed from the events.
import type { SharedPath } from './cluster.ts';
import type { DeploymentView } from './views.ts';
import type { Change, Outcome } from './repository.ts';
import type { ServerState } from './server.ts';

export type ReleaseRecord = {
  readonly id: string;
  /** Id of its artifact; `null`: it was on the servers before Lockstep came, and only they have it. */
  readonly artifact: string | null;
  readonly revision: string;
  readonly branch: string;
  readonly repository: string;
  readonly author: string;
  readonly message: string;
  /** Number of the deployment that brought it. */
  readonly deployment: number;
  /** When it became live, or when its deployment ended; milliseconds since 1970. */
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

/**
 * What is known of a release on a cluster. `sealed`: uploaded, never switched to; `live`: served now; `good`: was live and well;
 * `failed`: its deployment went back before users met it; `bad`: it was live and was rolled back from.
 */
export type ReleaseState = 'sealed' | 'live' | 'good' | 'failed' | 'bad';

/** A release that was uploaded, and was never the cluster's. */
export type Attempt = { readonly release: ReleaseRecord; readonly state: 'sealed' | 'failed' | 'bad'; readonly reason: string };

/** What the daemon knows of one server between deployments. */
export type ServerRecord = {
  readonly name: string;
  /** The release that it serves, as far as it told us. */
  readonly release: string | null;
  readonly state: ServerState;
  readonly error: string | null;
  /** It was left out of a deployment, or lost on the way, and waits to catch up. */
  readonly isBehind: boolean;
};

/** What the daemon knows of a cluster between deployments. */
export type ClusterRecord = {
  readonly name: string;
  /** Releases that were live on the cluster, newest first; the first is what it serves. Bounded by `keep` + some. */
  readonly releases: readonly ReleaseRecord[];
  /** Releases that never became the cluster's, newest first. Bounded. */
  readonly attempts: readonly Attempt[];
  /** Names of servers that lack a release, for releases that not all servers have. */
  readonly missing: Readonly<Record<string, readonly string[]>>;
  readonly servers: readonly ServerRecord[];
  /** Those of `releases` that were rolled back from, and when (milliseconds since 1970): nobody goes back to them by default. */
  readonly bad: Readonly<Record<string, number>>;
  /** Locked by a person: deployments wait. */
  readonly locked: { readonly by: string; readonly reason: string; readonly at: number } | null;
  /** After a roll back: the revision that must not come back by itself, and why. */
  readonly held: { readonly revision: string; readonly reason: string } | null;
  /** The newest head that is not deployed because who committed or pushed it said so; a later deployment ends it. */
  readonly skipped: { readonly branch: string; readonly revision: string; readonly reason: string; readonly at: number } | null;
  /** Servers that were seen to differ from what they were given. Bounded. */
  readonly drifted: readonly DriftedServer[];
  /** Number of the newest deployment of the whole cluster that ended otherwise than `superseded`. */
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
