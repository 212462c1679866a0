// The port to one server: what the steps may ask of it. Behind it stand ssh, local and simulated servers.
import type { Command } from './cluster.ts';
import type { Server } from './server.ts';

/** What a server reports when a channel to it opens. */
export type Greeting = {
  /** Release that `current` points to; `null`: none. */
  readonly current: string | null;
  /** Releases sealed on the server, with the artifact id (manifest hash) each was verified against. */
  readonly sealed: readonly { readonly release: string; readonly artifact: string }[];
  /** Releases that were there before Lockstep came, and can be served again. */
  readonly adopted: readonly string[];
  /** Token of the lock that is held; `null`: unlocked. */
  readonly lock: string | null;
  /** What the file REVISION says in a release that is served and came from another tool (Capistrano, Deployer). */
  readonly revision: string | null;
  readonly freeBytes: number;
  readonly freeInodes: number;
  /** For example `3.2.7`; `null`: there is no rsync on the server. */
  readonly rsync: string | null;
};

/** Symbolic links of `shared` paths in a release: `path` in the release → `target`, a relative path to `shared/…`. */
export type SharedLink = { readonly path: string; readonly target: string; readonly kind: 'file' | 'directory' };

/**
 * Prepares `.lockstep/incoming/<release>`: a hard-linked clone of the sealed release `base` (or, with `null`, an empty directory)
 * from which `remove` was unlinked; then `links` are made, with their targets in `shared/` created.
 */
export type StageRequest = {
  readonly release: string;
  readonly artifact: string;
  readonly base: string | null;
  readonly remove: readonly string[];
  readonly links: readonly SharedLink[];
};

/** Sends files of a local directory into `.lockstep/incoming/<release>`. */
export type SendRequest = {
  readonly release: string;
  /** Absolute local directory of the artifact. */
  readonly directory: string;
  /** Paths to send (files, links, empty directories); `null`: everything. */
  readonly files: readonly string[] | null;
  /** Paths of the artifact that must not be sent (they are shared). */
  readonly except: readonly string[];
  /** Compare what is there by content and delete what does not belong: the repair of a damaged tree. */
  readonly repair: boolean;
};

/**
 * Verifies `.lockstep/incoming/<release>` and, if it is right, makes it durable and renames it to `releases/<release>`.
 * `content`: SHA-256 (hex) over the lines `<sha256>  <path>\0` of `files` in the given order (sha256sum -z prints them).
 * `tree`: SHA-256 (hex) over the sorted lines of `treeLines` in core/manifest.ts.
 */
export type SealRequest = {
  readonly release: string;
  readonly artifact: string;
  readonly files: readonly string[];
  readonly content: string;
  readonly tree: string;
};

export type LockRequest = {
  readonly page: string;
  readonly timeoutMs: number;
  /** 0: bots are not waited for. */
  readonly botsTimeoutMs: number;
};

export type RunRequest = {
  /** What it is for, in messages: `migrate`, `flush`, … */
  readonly name: string;
  readonly command: Command;
  /** Release in whose directory it runs; empty: the server's path itself. */
  readonly release: string;
  /** Environment for the command, e.g. LOCKSTEP_RELEASE; no value may hold a line break. */
  readonly environment: Readonly<Record<string, string>>;
};

/** The end of a command: exit status (124: it took too long; 128 + n: killed by signal n) and the last 16 KiB of what it printed. */
export type RunResult = { readonly exit: number; readonly output: string };

/**
 * One long-lived conversation with one server, kept for a whole deployment. Every verb takes the operation id `op` under which the
 * server records what was done: asked again with the same id, it answers as before and does nothing. A verb on a broken channel opens
 * a new one and asks again, until `signal` or its time limit ends it. All verbs reject with DeployError: `unreachable`, `timeout`,
 * `fenced` (a newer daemon has taken over; nothing was done), `disk`, `bad-answer`, and what is named at the verb.
 */
export type Channel = {
  readonly server: Server;
  /** Connects (if it must) and asks the server for its state. `untrusted`: the host key is unknown or changed. */
  hello(signal: AbortSignal): Promise<Greeting>;
  /** `sealed`: this release with this artifact is already in `releases/`. `conflict`: the release exists with another artifact. */
  stage(op: string, request: StageRequest, signal: AbortSignal): Promise<'staged' | 'sealed'>;
  /** Returns the bytes that went over the wire, both directions. */
  send(request: SendRequest, signal: AbortSignal): Promise<{ readonly bytes: number }>;
  /** `mismatch`: the files are not what they should be; nothing was renamed. */
  seal(op: string, request: SealRequest, signal: AbortSignal): Promise<void>;
  /**
   * Is a sealed release still what it was? `damaged`: no, or it is not there; it counts as a release no more, and can be staged again.
   * `conflict`: it is damaged, and the server serves it.
   */
  verify(request: SealRequest, signal: AbortSignal): Promise<'intact' | 'damaged'>;
  /** Points `next`, the second name of a release, to a sealed one. `not-found`. */
  preview(op: string, release: string, signal: AbortSignal): Promise<void>;
  /** Raises the maintenance flag, then waits for the bots. `timeout`: a bot did not end. `conflict`: locked by a later deployment. */
  lock(op: string, token: string, request: LockRequest, signal: AbortSignal): Promise<void>;
  /** Prolongs the lock, and says which release the server takes by itself if the lock's time ends. `lock-lost`: it is not held. */
  decide(op: string, token: string, release: string | null, timeoutMs: number, signal: AbortSignal): Promise<void>;
  /**
   * Points `current` to a sealed release (`null`: removes it, for a server that had none) and returns what it pointed to before
   * this operation. `token`: the lock that must be held, `null`: none. `lock-lost`, `not-found`.
   */
  switch(op: string, token: string | null, release: string | null, signal: AbortSignal): Promise<{ readonly previous: string | null }>;
  /** Takes the maintenance flag away. Already unlocked is success. */
  unlock(op: string, token: string, signal: AbortSignal): Promise<void>;
  /** Runs a command at most once for this `op`. `ambiguous`: it was started before, and nobody knows how it ended. */
  run(op: string, request: RunRequest, signal: AbortSignal): Promise<RunResult>;
  /** Removes releases other than `keep` and the current one, and left-overs of uploads. Returns warnings (what could not be removed). */
  collect(keep: readonly string[], signal: AbortSignal): Promise<readonly string[]>;
  /** Ends the conversation and everything that belongs to it on this machine. Idempotent. */
  close(): Promise<void>;
};

/** Makes channels. Opening is lazy: no connection is made before the first verb. */
export type Transport = {
  channel(server: Server, settings: ChannelSettings): Channel;
};

export type ChannelSettings = {
  /** The epoch of this daemon; the server refuses older ones. */
  readonly epoch: number;
  readonly cluster: import('./cluster.ts').Cluster;
};
