// A cluster: servers that are deployed together, with everything the configuration says about them.
import type { FilesSource, SecretReference } from './files.ts';
import type { Server } from './server.ts';

/** How many servers may fail or be unreachable before the cutover without stopping the others. */
export type FailureBudget = { readonly servers: number } | { readonly percent: number };

/** A shell command of the configuration. It is run by `sh` on a server, in the directory of the release. */
export type Command = {
  readonly run: string;
  readonly timeoutMs: number;
  /** `migrate` only: the name of the server that runs it, or `daemon`; `null`: the cluster's first server. */
  readonly on: string | null;
};

export type Maintenance = {
  /** HTML that visitors get while the server is locked. */
  readonly page: string;
  /** A lock ends by itself after this time, even if the daemon never comes back. */
  readonly lockTimeoutMs: number;
  /** How long `lock` waits for bots that hold the shared lock. */
  readonly botsTimeoutMs: number;
};

export type Verification = {
  /** URLs; `{host}` and `{server}` stand for the server's host and name. */
  readonly http: readonly string[];
  /** The status code a healthy server answers with. */
  readonly expect: number;
  readonly timeoutMs: number;
};

/** How ssh finds its keys; `null`: the daemon's own files and the user's defaults. */
export type SshSettings = {
  readonly identity: string | null;
  readonly knownHosts: string | null;
};

/**
 * A path that outlives releases. Lives in `shared/` and is linked into each release. `seed`: what of the release it begins as, where a
 * server does not have it yet.
 */
export type SharedPath = { readonly path: string; readonly kind: 'file' | 'directory'; readonly seed?: string };

/** For the simulated transport: how its servers behave. */
export type Simulation = {
  /** Longest time of one verb; each takes a random part of it. */
  readonly delayMs: number;
  /** Chance from 0 to 1 that a verb fails. */
  readonly failures: number;
};

/**
 * A set of servers, deployed together, with its settings resolved (defaults filled in, patterns replaced).
 * A deployment keeps the value it started with.
 */
export type Cluster = {
  readonly name: string;
  readonly project: string;
  /** development, test, preproduction, gray, production, or any other word. */
  readonly environment: string;
  readonly servers: readonly Server[];
  /** At most this many servers are in `upload` at a time. */
  readonly concurrency: number;
  /** At most this many connections are being opened at a time. */
  readonly connections: number;
  readonly maxFailures: FailureBudget;
  readonly shared: readonly SharedPath[];
  /** Where files from outside the repository come from. Absent: there are none. */
  readonly files?: FilesSource;
  /** For the templates among them. */
  readonly variables?: Readonly<Record<string, string>>;
  readonly secrets?: Readonly<Record<string, SecretReference>>;
  /** `null`: no maintenance window; `lock` is skipped, the barriers stay. */
  readonly maintenance: Maintenance | null;
  readonly commands: {
    readonly lock: Command | null;
    readonly migrate: Command | null;
    readonly unlock: Command | null;
    readonly flush: Command | null;
  };
  readonly verify: Verification | null;
  /** How many releases that were live stay on the servers. */
  readonly keep: number;
  /** May a branch head that is not a descendant of the live revision be deployed? */
  readonly forcePush: boolean;
  readonly ssh: SshSettings;
  readonly simulation: Simulation;
};

/** What a cluster as a whole is doing. */
export type ClusterState =
  | 'idle'
  | 'building'
  | 'scheduled'
  | 'uploading'
  | 'locking'
  | 'switching'
  | 'migrating'
  | 'unlocking'
  | 'verifying'
  | 'rolling-back'
  | 'paused'
  | 'needs-operator';
