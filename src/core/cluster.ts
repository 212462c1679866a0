// A cluster: servers that are deployed together, with everything the configuration says about them.
import type { SecretSource } from './secret-source.ts';
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

/** Built-in migrations: SQL files of the release, each executed exactly once in the cluster's database, by the daemon itself. */
export type MigrationSettings = {
  /** In the artifact, without a slash at the end. */
  readonly directory: string;
  /** URL without a password; see `parseDatabaseUrl`. */
  readonly database: string;
  readonly password: SecretSource | null;
  /** `before-lock`: when all servers are uploaded and nothing is locked yet, for changes that the release before can live with. */
  readonly when: 'after-switch' | 'before-lock';
  /** What is done about destructive statements: nothing, a warning in the log, or no deployment. */
  readonly lint: 'off' | 'warn' | 'refuse';
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

/** A path that outlives releases. Lives in `shared/` and is linked into each release. */
export type SharedPath = { readonly path: string; readonly kind: 'file' | 'directory' };

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
  /** `null`: no maintenance window; `lock` is skipped, the barriers stay. */
  readonly maintenance: Maintenance | null;
  readonly commands: {
    readonly lock: Command | null;
    readonly migrate: Command | null;
    readonly unlock: Command | null;
    readonly flush: Command | null;
  };
  /** `null`: none, or a command of one's own (`commands.migrate`); never both. */
  readonly migrations: MigrationSettings | null;
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
