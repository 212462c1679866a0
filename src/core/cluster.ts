// A cluster: servers that are deployed together, with everything the configuration says about them.
import type { FilesSource, SecretReference } from './files.ts';
import type { Server } from './server.ts';
import type { Zone } from './zone.ts';

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
  readonly password: SecretReference | null;
  /** `before-lock`: when all servers are uploaded and nothing is locked yet, for changes that the release before can live with. */
  readonly when: 'after-switch' | 'before-lock';
  /** What is done about destructive statements: nothing, a warning in the log, or no deployment. */
  readonly lint: 'off' | 'warn' | 'refuse';
};

/** When a check is made: under the release's second name before anything changes, behind the maintenance page, or when users are back. */
export type CheckTime = 'before-switch' | 'before-unlock' | 'after-unlock';

/** One HTTP request and what a healthy server answers. In its texts `{host}`, `{server}`, `{release}` and `{revision}` are filled in. */
export type HttpCheck = {
  readonly url: string;
  /** `host:port` to connect to instead of the URL's; the request still names the URL's host. `null`: the URL's own. */
  readonly address: string | null;
  readonly status: number;
  /** Text that the body must hold; `null`: any body. */
  readonly body: string | null;
  /** Headers, in lower case, and text that each must hold. */
  readonly headers: Readonly<Record<string, string>>;
  /** Longest time to the end of the body; `null`: the verification's time limit. */
  readonly latencyMs: number | null;
  readonly when: CheckTime;
  /** How often it is asked in a row: more than once warms caches up. */
  readonly times: number;
};

export type Verification = {
  /** Asked of every server. */
  readonly http: readonly HttpCheck[];
  /** Asked once for the cluster, when every server is well. */
  readonly cluster: readonly HttpCheck[];
  /** Run on every server after the unlock; anything but exit status 0 is a bad sign. */
  readonly heartbeat: Command | null;
  /** A server has this long to become well. */
  readonly timeoutMs: number;
  /** For so long after that it must stay well; 0: one good answer is enough. */
  readonly watchMs: number;
  /** File on the servers (from the server's path) whose end goes into the record of a failure; `null`: none. */
  readonly log: string | null;
};

/**
 * Two links, `a` and `b`, in the servers' path. A web server's configuration names one of them as root; at the switch the other one is pointed
 * to the new release, and the configuration is made to name that.
 */
export type AbLayout = {
  readonly a: string;
  readonly b: string;
  /** The web server's configuration; a relative path counts from the server's path. */
  readonly config: string;
  /** Shell command that ends with 0 if the configuration is right. */
  readonly test: string;
  /** Shell command that makes the web server read it. */
  readonly reload: string;
};

/** What becomes of a server that was left out of a deployment, until it has caught up. */
export type BehindPolicy = 'lock' | 'drain' | 'serve';

/** How ssh finds its keys, `null`: the daemon's own files and the user's defaults; and how long idle connections are kept open. */
export type SshSettings = {
  readonly identity: string | null;
  readonly knownHosts: string | null;
  readonly keepMs: number;
};

/** How files that somebody changed on a server are looked for, and what a deployment does about them. */
export type DriftSettings = {
  /** How often every server is looked at; `null`: never. */
  readonly checkMs: number | null;
  /** `warn`: go on and say so; `refuse`: the server fails; `save`: set the changed files aside first. */
  readonly onDeploy: 'warn' | 'refuse' | 'save';
};

/**
 * A path that outlives releases. Lives in `shared/` and is linked into each release. `seed`: what of the release it begins as, where a
 * server does not have it yet.
 */
export type SharedPath = { readonly path: string; readonly kind: 'file' | 'directory'; readonly seed?: string };

/** How releases come to the servers. */
export type TransferSettings = {
  /** `auto`: see core/carrier.ts. */
  readonly carrier: 'auto' | 'rsync';
  /** Does each server prepare the clone that its next release is made in? */
  readonly cloneAhead: boolean;
};

/** Deployments wait until others approve them. `by`: as in `permissions`. */
export type ApprovalSettings = { readonly needed: number; readonly by: readonly string[]; readonly expiresMs: number };

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
  /** What becomes of servers that the failure budget leaves behind, as far as they can be reached. */
  readonly behind: BehindPolicy;
  readonly shared: readonly SharedPath[];
  /** Where files from outside the repository come from. Absent: there are none. */
  readonly files?: FilesSource;
  /** For the templates among them. */
  readonly variables?: Readonly<Record<string, string>>;
  readonly secrets?: Readonly<Record<string, SecretReference>>;
  /** `null`: web servers serve `current`. */
  readonly layout: AbLayout | null;
  /** `null`: no maintenance window; `lock` is skipped, the barriers stay. */
  readonly maintenance: Maintenance | null;
  readonly commands: {
    /** Takes the server out of the load balancer, before its lock. */
    readonly drain: Command | null;
    readonly lock: Command | null;
    /** After the switch, in the release that is served from now on: crontab, service files. */
    readonly install: Command | null;
    readonly migrate: Command | null;
    readonly unlock: Command | null;
    readonly flush: Command | null;
    /** Puts the server back into the load balancer, when it is well. */
    readonly readd: Command | null;
  };
  /** `null`: none, or a command of one's own (`commands.migrate`); never both. */
  readonly migrations: MigrationSettings | null;
  readonly verify: Verification | null;
  /** How many releases that were live and are good stay on the servers. */
  readonly keep: number;
  /** How many failed and bad ones stay there, to be looked at. */
  readonly keepFailed: number;
  /** May a branch head that is not a descendant of the live revision be deployed? */
  readonly forcePush: boolean;
  readonly drift: DriftSettings;
  /** Absent: none are needed. */
  readonly approvals?: ApprovalSettings;
  /** File of the keys of which one must have signed the commit (Git). Absent: commits need no signature. */
  readonly allowedSigners?: string;
  readonly ssh: SshSettings;
  /** Absent in deployments of an older daemon; see `transferSettings` in core/carrier.ts. */
  readonly transfer?: TransferSettings;
  /** By name. Absent: the daemon sends every pack itself, as fast as it can. */
  readonly zones?: Readonly<Record<string, Zone>>;
  /** Where a server catches up alone: the relays of its zone that serve what the cluster serves. They take no part. */
  readonly neighbours?: readonly Server[];
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
