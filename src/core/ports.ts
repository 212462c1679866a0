// The other ports: what the engine and the steps ask of version control, builds, and the store.
import type { Artifact, ManifestEntry } from './artifact.ts';
import type { AuditEntry, AuditMark, AuditQuery, AuditVerdict, TimedNote } from './audit.ts';
import type { Between, BetweenLimits } from './between.ts';
import type { Channel, Compression, Inspection, Pack, ReleaseLink } from './channel.ts';
import type { Cluster, MigrationSettings } from './cluster.ts';
import type { Decision } from './decide.ts';
import type { Deployment } from './deployment.ts';
import type { Finding } from './drift.ts';
import type { EndedRecord } from './ended.ts';
import type { Facts, Recorded } from './event.ts';
import type { ProvidedFile, SecretReference } from './files.ts';
import type { Effect } from './next.ts';
import type { Server } from './server.ts';
import type { State } from './state.ts';
import type { Build, Commit, Repository } from './repository.ts';
import type { Outbox } from './outbox.ts';
import type { ClusterRecord, DeliveryRecord, DeploymentRecord, HeadRecord } from './records.ts';
import type { DeploymentTimes } from './times.ts';

/**
 * One repository, as the daemon uses it. Everything rejects with DeployError `repository` (cannot be reached, no such revision)
 * or `hostile-tree` (a tree that must not be exported, with the reason).
 */
export type VersionControl = {
  /**
   * Asks the repository itself for the heads of its branches: branch name (`servers/demo`, `trunk`) → revision.
   * Git: all of refs/heads. Subversion: the children of the directories that `branches` name, revision = last changed.
   * `branches` are the names and patterns (`servers/{developer}`) of the configuration.
   */
  heads(branches: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
  /**
   * Somebody says that the branch has moved: brings its head into the local mirror, and says which revision it is. `null`: that could not be told
   * so (no copy of the branch yet, no such branch any more, no answer), and `heads` has to be asked; so it is with Subversion. Never rejects.
   */
  tip?(branch: string, signal: AbortSignal): Promise<string | null>;
  /** Brings the branch's head into the local mirror (Git) and describes the revision. `revision` must belong to the branch. */
  commit(branch: string, revision: string, signal: AbortSignal): Promise<Commit>;
  /** Is `older` an ancestor of (or equal to) `newer`? Subversion: the same branch and a lower number. */
  isAncestor(older: string, newer: string, signal: AbortSignal): Promise<boolean>;
  /**
   * Who signed the revision, of those whose keys `allowedSigners` (a file) holds; `null`: nobody of them. Subversion has no signatures.
   * Rejects with `configuration` when the file cannot be read.
   */
  signer(branch: string, revision: string, allowedSigners: string, signal: AbortSignal): Promise<string | null>;
  /**
   * Commits and changed files between two revisions of a branch; Git: brings `head` into the mirror, as `commit` does. `base` null: the
   * newest commits up to `head`.
   */
  between(branch: string, base: string | null, head: string, limits: BetweenLimits, signal: AbortSignal): Promise<Between>;
  /** Writes exactly the revision's tree (or its `subdirectory`) into `directory`, which is empty. Files 0644/0755. */
  export(branch: string, revision: string, subdirectory: string, directory: string, signal: AbortSignal): Promise<void>;
  /**
   * Writes what of the revision's tree is not as it was at `since` into `directory`, which is empty; returns the paths of `since` that are no
   * more or were replaced. `since.entries` are the whole tree of then; the whole tree of now is checked as `export` checks it. `null`: that
   * cannot be told, and nothing was written; so it is with Subversion.
   */
  exportChanges?(
    branch: string,
    revision: string,
    since: { readonly revision: string; readonly entries: readonly ManifestEntry[] },
    subdirectory: string,
    directory: string,
    signal: AbortSignal,
  ): Promise<readonly string[] | null>;
  /** The tag at the revision; else, as `git describe` says it, the last one before and how far away it is. Subversion has none: `r17`. */
  tag(branch: string, revision: string, signal: AbortSignal): Promise<string>;
};

export type OpenVersionControl = (repository: Repository) => VersionControl;

export type BuildRequest = {
  readonly repository: Repository;
  readonly branch: string;
  readonly commit: Commit;
  readonly build: Build;
  /** Receives the build's output as it comes. */
  readonly log: (chunk: string) => void;
};

/** An artifact, and what the build says its version is; `null`: the build does not say. */
export type Built = Artifact & { readonly version: string | null };

/**
 * Makes artifacts. The same revision with the same build settings is the same artifact and is never built twice, also when asked twice
 * at the same time; it keeps its version. Rejects with DeployError `build` (with the tail of the log), `artifact`, `hostile-tree`, `disk`, `aborted`.
 */
export type Builder = {
  build(request: BuildRequest, signal: AbortSignal): Promise<Built>;
};

/** The artifacts on the daemon's machine. */
export type Artifacts = {
  /** `null`: there is none of that id (any more). */
  find(id: string): Promise<Artifact | null>;
  /** When nobody waits: prepares what the next artifacts are made in. */
  prepare(): Promise<void>;
  /** Removes artifacts other than these; returns how many. */
  collect(keep: ReadonlySet<string>): Promise<number>;
};

/** `entries` of the artifact in `directory`, and `links` beside them. `bytes`: of their files, as the manifest has them. */
export type PackRequest = {
  readonly directory: string;
  readonly entries: readonly ManifestEntry[];
  readonly links: readonly ReleaseLink[];
  readonly bytes: number;
  readonly compression: Compression;
};

/** Packs parts of artifacts for the way to the servers. */
export type Packer = {
  /** What is best for so many bytes that so many servers get, out of what a server can read. */
  choose(possible: readonly Compression[], bytes: number, servers: number): Compression;
  /** The pack can be read until nobody has read it for ten minutes. Rejects with DeployError `artifact`, `disk`. */
  pack(request: PackRequest): Promise<Pack>;
  /** What differs from the contents of `files` of a directory, one after the other, as `zstd --patch-from` has it. Rejects as `pack`. */
  patch(pack: Pack, directory: string, files: readonly string[]): Promise<Pack>;
};

/**
 * Reads a secret from where the configuration says that it stands, at the moment it is needed. `what`: for messages, such as `the URL of
 * notices.targets.team`. Rejects with DeployError `configuration` (without any of the value) or `aborted`.
 */
export type ReadSecret = (reference: SecretReference, what: string, signal: AbortSignal) => Promise<string>;

/** Files and secrets from outside the repository, as the steps ask for them. */
export type OutsideFiles = {
  /**
   * Reads them, once for a deployment: whoever asks again gets the same, also the same failure. Its secrets are masked from then on.
   * Rejects with DeployError `configuration` (says which file and line, which reference), `repository`, `hostile-tree`, `disk`, `aborted`.
   */
  read(deployment: Deployment, signal: AbortSignal): Promise<void>;
  /** The files of one server, in byte order of their paths. Rejects like `read`, which it waits for. */
  render(deployment: Deployment, server: Server, signal: AbortSignal): Promise<readonly ProvidedFile[]>;
  /** The deployment has ended: its files and secrets leave the memory. */
  forget(deployment: number): void;
};

/** Takes the secrets of running deployments out of what people may read. Values of fewer than 6 characters are not masked. */
export type Masking = {
  /** For a whole text; at its ends also for a part of a secret that was cut there. */
  mask(text: string): string;
  /** For texts that follow each other in one log: what may be the beginning of a secret is held back until the next one comes. */
  follow(log: number, text: string): string;
  /** What was held back. */
  end(log: number): string;
};

/** What the built-in migrations of one deployment are about. */
export type MigrationRequest = {
  readonly settings: MigrationSettings;
  /** Number of the deployment, and the name that only this deployment of this daemon has (`tokenOf`). */
  readonly deployment: number;
  readonly token: string;
  /** Adds a line to the deployment's log. */
  readonly log: (line: string) => void;
};

/**
 * Built-in migrations: the SQL files of an artifact, each executed exactly once in the cluster's database, recorded there in the table
 * `lockstep_migrations`. All reject with DeployError: `configuration` (URL, password), `unreachable` (the database), and what is named.
 */
export type Migrations = {
  /**
   * Before any server is touched: connects, makes the table if it is missing, compares checksums, lints the files that would run.
   * `refused`: an executed file was changed, a file cannot be run as it is, or the lint says no; `conflict`: a file is marked as running.
   */
  check(request: MigrationRequest, artifact: Artifact, signal: AbortSignal): Promise<void>;
  /**
   * Executes the files that have not been executed, in order. Performed again after a crash it goes on where it was. `migration`: a file
   * failed and nothing of it is in the database; `conflict`: somebody else holds the lock; `ambiguous`: nobody knows whether a statement was
   * executed, or earlier statements of a file that failed are committed: never run again before `settle`.
   */
  run(request: MigrationRequest, artifact: Artifact, signal: AbortSignal): Promise<void>;
  /** The file that this deployment left running counts as executed, or its record is removed. Idempotent. `conflict`: it is running. */
  settle(request: MigrationRequest, done: boolean, signal: AbortSignal): Promise<void>;
  /** Names of the files of an artifact that would run now. Changes nothing. */
  pending(settings: MigrationSettings, artifact: Artifact, signal: AbortSignal): Promise<readonly string[]>;
};

/** What one turn of the engine makes durable, in one transaction. */
export type Batch = {
  readonly events: readonly Recorded[];
  readonly deployments: readonly DeploymentRecord[];
  readonly clusters: readonly ClusterRecord[];
  readonly deliveries: readonly DeliveryRecord[];
  readonly heads: readonly HeadRecord[];
  readonly audit: readonly TimedNote[];
  /** Of deployments that ended in this turn; absent: none did. */
  readonly ended?: readonly Ended[];
};

/** What is kept of an ended deployment beside its view. */
export type Ended = { readonly record: EndedRecord; readonly times: DeploymentTimes };

/** `since`: ended at or after this time, milliseconds since 1970. */
export type EndedQuery = { readonly cluster?: string; readonly since?: number; readonly limit: number };

/** Of all repositories, or of one. */
export type DeliveryQuery = { readonly repository?: string; readonly limit: number };

export type HistoryQuery = { readonly cluster?: string; readonly before?: number; readonly limit: number };

/**
 * The journal and its projections. `append` resolves when the batch would survive a power loss. It rejects with DeployError `store` when it
 * is certain that nothing of it was kept (it may then be tried again), with `ambiguous` when nobody knows (its fsync failed), and with
 * `store-closed` after an I/O error: then only a new start reads what is really on the disk. The journal is never rewritten.
 */
export type Store = Outbox & {
  append(batch: Batch): Promise<void>;
  /** Events with numbers above `after`, oldest first; of one deployment if named. */
  events(query: { readonly after: number; readonly limit: number; readonly deployment?: number }): Promise<readonly Recorded[]>;
  /** Number of the newest event; 0: none. */
  lastEvent(): Promise<number>;
  /** Highest deployment number given so far; 0: none. */
  lastDeployment(): Promise<number>;
  clusters(): Promise<readonly ClusterRecord[]>;
  heads(): Promise<readonly HeadRecord[]>;
  deployment(number: number): Promise<DeploymentRecord | null>;
  /** Deployments that have not ended, oldest first. */
  unfinished(): Promise<readonly DeploymentRecord[]>;
  /** Newest first. */
  history(query: HistoryQuery): Promise<readonly DeploymentRecord[]>;
  /** Newest first; without those that never began. */
  ended(query: EndedQuery): Promise<readonly EndedRecord[]>;
  /** The times of an ended deployment; `null`: not kept. */
  times(deployment: number): Promise<DeploymentTimes | null>;
  /** The times of a cluster's newest ended deployments, newest first. */
  timesOf(cluster: string, limit: number): Promise<readonly DeploymentTimes[]>;
  delivery(repository: string, id: string): Promise<DeliveryRecord | null>;
  /** Newest first. Only the newest 10,000 are kept. */
  deliveries(query: DeliveryQuery): Promise<readonly DeliveryRecord[]>;
  /** Deliveries that have no final outcome yet. */
  openDeliveries(): Promise<readonly DeliveryRecord[]>;
  audit(query: AuditQuery): Promise<readonly AuditEntry[]>;
  /** Reads the whole chain. `expected`: an entry that was seen earlier and kept elsewhere. */
  verifyAudit(expected: AuditMark | null): Promise<AuditVerdict>;
  /** Raised once at each start; greater than every epoch before. */
  raiseEpoch(): Promise<number>;
  close(): Promise<void>;
};

/** Does one effect in the world. Idempotent: performed again after a crash it finds what was done. Rejects with DeployError. */
export type Perform = (effect: Effect, deployment: Deployment, signal: AbortSignal) => Promise<Facts>;

/** One server compared with what the cluster's record says; `facts` null: it could not be looked at, and the finding says why. */
export type Inspect = (
  channel: Channel,
  cluster: Cluster,
  record: ClusterRecord,
  depth: 'tree' | 'content',
  signal: AbortSignal,
) => Promise<{ readonly facts: Inspection | null; readonly findings: readonly Finding[] }>;

/** Events that have become durable, in order, with the deployment they belong to (in its state after the whole turn). */
export type Listener = (published: readonly { readonly recorded: Recorded; readonly deployment: Deployment | null }[]) => void;

/** The engine, as those see it who ask it for something. */
export type Engine = {
  readonly state: State;
  /**
   * Decides on the state as it is at its turn. Resolves when the events are durable; rejects with what `decide` throws, or with
   * DeployError `store` when the journal cannot be written now (nothing was accepted).
   */
  request<T>(decide: (state: State) => Decision<T>): Promise<T>;
  /** `null`: well; otherwise why nothing new is accepted. */
  storeProblem(): string | null;
  /** Number of the newest durable event. */
  lastEvent(): number;
};
