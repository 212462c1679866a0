// The port to one server: what the steps may ask of it. Behind it stand ssh, local and simulated servers.
import type { Cluster, Command } from './cluster.ts';
import type { ProvidedFile } from './files.ts';
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
  /** The packs that the server can unpack; empty: none at all, so rsync has to carry everything. */
  readonly unpacks: readonly Compression[];
  /** SHA-256 (hex) over the lines of `treeLines` of the current release; `null`: not asked for, there is none, or it took too long. */
  readonly tree: string | null;
};

/** What a server shows when it is looked at. */
export type Inspection = {
  /** What `current` is: a link to a release, to one that is `gone`, out of releases/, no link at all, or nothing. */
  readonly pointer: 'release' | 'gone' | 'elsewhere' | 'directory' | 'none';
  /** The release that it names; `null`: it names none. */
  readonly current: string | null;
  /** What the link says. From the server: to be escaped. */
  readonly target: string | null;
  /** Artifact that the current release was verified against; `null`: there is no record of it. */
  readonly artifact: string | null;
  /** As `treeLines` and `contentLines` of core/manifest.ts have them, SHA-256 (hex); `null`: not looked at, or it took too long. */
  readonly tree: string | null;
  readonly content: string | null;
  /** Token of the lock, and the time until it ends by itself. */
  readonly lock: string | null;
  readonly lockLeftMs: number;
  /** Is the maintenance flag there? */
  readonly maintenance: boolean;
  readonly freeBytes: number;
  readonly freeInodes: number;
  readonly rsync: string | null;
  /** Hash of the agent's script. */
  readonly agent: string;
  /** The server's clock minus the daemon's, at least; 0: no difference can be seen. */
  readonly skewMs: number;
};

/** What a release should be: the lines of `treeLines` and `contentLines`, each joined to one text, and their hashes. */
export type ReleaseShape = {
  readonly tree: string;
  readonly content: string;
  readonly treeHash: string;
  readonly contentHash: string;
};

/** How a release differs: the first lines of both trees that the other lacks (see core/differences.ts), and how many paths there are. */
export type Differences = { readonly total: number; readonly lines: readonly string[] };

/** What a place cannot do, and which shared paths are not there yet. */
export type Examination = {
  readonly lacks: readonly Ability[];
  readonly missing: readonly string[];
  /** Can a second session be opened on the connection, as rsync needs it? */
  readonly secondSession: boolean;
};

export const ABILITIES = ['write', 'hard-links', 'symbolic-links', 'rename', 'modes', 'times', 'locks', 'one-file-system'] as const;
export type Ability = (typeof ABILITIES)[number];

/**
 * A symbolic link that Lockstep makes in a release: `path` in it → `target`, a relative path to `shared/…` or to `.lockstep/files/…`.
 * What a link of the kind `directory` leads to is made if it is not there; of the others only the directory around it.
 */
export type ReleaseLink = {
  readonly path: string;
  readonly target: string;
  readonly kind: 'file' | 'directory' | 'seeded' | 'provided';
};

/**
 * Prepares `.lockstep/incoming/<release>`: a hard-linked clone of the sealed release `base` (or, with `null`, an empty directory)
 * from which `remove` and the base's links to provided files were unlinked; then `links` are made, with their targets in `shared/` created.
 */
export type StageRequest = {
  readonly release: string;
  readonly artifact: string;
  readonly base: string | null;
  readonly remove: readonly string[];
  readonly links: readonly ReleaseLink[];
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
  /** For who looks at the server without the daemon: kept beside the release's record. */
  readonly revision?: string;
  /** What it was cloned from: the unchanged files' lines of the release's list of hashes come from there. */
  readonly base?: string | null;
};

export const COMPRESSIONS = ['none', 'gzip', 'zstd'] as const;
export type Compression = (typeof COMPRESSIONS)[number];

/** New files, links and directories of a tree as a tar: made once, the same bytes for every server. */
export type Pack = {
  readonly compression: Compression;
  readonly bytes: number;
  /** All of it, in pieces. Each call reads from the beginning. Rejects with DeployError `artifact` if it is no longer there. */
  read(): AsyncIterable<Uint8Array>;
};

/**
 * A pack as what differs from `files` of a sealed release that the receiver has: their contents, one after the other, are what
 * `zstd --patch-from` refers to. Only for a shipment whose pack is not compressed.
 */
export type Patch = { readonly release: string; readonly files: readonly string[]; readonly pack: Pack };

/**
 * Everything that makes a release of a clone of its base (or of nothing), the same for every server that stands there. One object for all
 * of them: what is sent for it is made once.
 */
export type Shipment = {
  /** To be unlinked from the clone before the pack is unpacked; links that are to be made, too. Files that the pack replaces need not be named. */
  readonly remove: readonly string[];
  /** Directories of the base on the way to what is removed or new: none of them may have become something else. None has a line break. */
  readonly through: readonly string[];
  readonly links: readonly ReleaseLink[];
  readonly pack: Pack;
  /** As in SealRequest. */
  readonly tree: string;
  /**
   * The same for the base: where a server has a clone of just this tree, and knows that nobody touched it, it does not list all of it again.
   * `null`: there is no base.
   */
  readonly baseTree: string | null;
  /** What is read on the server: each file that has a line in `hashes` (`listed`), or `files`. */
  readonly files: readonly string[];
  /** `listed`, or SHA-256 (hex) over the lines `<sha256>  ./<path>\0` of `files` in the given order. */
  readonly content: string;
  /** Lines for the release's list of hashes, one for each file that is sent or gone: see `hashLines` in core/shipment.ts. */
  readonly hashes: readonly string[];
};

/** Makes `releases/<release>` of a clone of `base` (`null`: of nothing) in one go: stage, send and seal. */
export type UnpackRequest = {
  readonly release: string;
  readonly artifact: string;
  readonly base: string | null;
  readonly revision: string;
  readonly shipment: Shipment;
  /** The lock of the cutover, which is prepared, as `ready` does; `null`: there will be none. */
  readonly token: string | null;
  /** See ReadyRequest. */
  readonly isBrief?: boolean;
  /** A relay has brought the shipment: it is taken from the server's own disk, and only control is sent. Absent: it is sent. */
  readonly stored?: boolean;
};

/** `clone`: it was ready, it was made now, or there was no base. `bytes`: sent to the server. */
export type Unpacked = { readonly state: 'unpacked' | 'sealed'; readonly clone: 'ahead' | 'now' | 'none'; readonly bytes: number };

/** Files for `.lockstep/files/<release>`, all that it has: others that lie there are removed. */
export type ProvideRequest = { readonly release: string; readonly files: readonly ProvidedFile[] };

/** `shared/<path>` begins as a copy of `seed`, a file or directory of the sealed release. */
export type Seed = { readonly path: string; readonly seed: string };

export type ReadyRequest = {
  readonly token: string;
  /** `null`: none. */
  readonly release: string | null;
  /** Do only `lock`, `switch` and `decide` come before `unlock`? Then the server need not let anybody else in between. */
  readonly isBrief?: boolean;
};

export type LockRequest = {
  readonly page: string;
  readonly timeoutMs: number;
  /** 0: bots are not waited for. */
  readonly botsTimeoutMs: number;
};

export type Decision = {
  /** `null`: none. */
  readonly release: string | null;
  readonly timeoutMs: number;
  /** Does it have to survive a power cut before the verb answers? Otherwise a moment later. */
  readonly durable: boolean;
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
  /** Connects ahead of the first verb, which otherwise does it; that it failed, the first verb tells. */
  connect(signal: AbortSignal): void;
  /**
   * Connects (if it must) and asks the server for its state. `untrusted`: the host key is unknown or changed. `look` at its tree, and say what it is;
   * or at the clone that an upload will start from, for that upload.
   */
  hello(signal: AbortSignal, look?: 'tree' | 'clone'): Promise<Greeting>;
  /**
   * Looks at the server. Changes nothing, replaces no other daemon, and keeps no deployment waiting. `state` is cheap; `tree` lists the
   * current release, `content` reads all of its files.
   */
  inspect(depth: 'state' | 'tree' | 'content', signal: AbortSignal): Promise<Inspection>;
  /** SHA-256 (hex) over the lines of `treeLines` of a release; `null`: it is not there, or that took too long. Changes nothing. */
  tree(release: string, signal: AbortSignal): Promise<string | null>;
  /** Names what differs in a release, also without changing anything. `not-found`. */
  compare(release: string, shape: ReleaseShape, depth: 'tree' | 'content', signal: AbortSignal): Promise<Differences>;
  /**
   * Copies what differs in the current release to `.lockstep/saved/<saved>/` and names it; `null`: there was nothing to copy.
   * `conflict`: the server serves another release.
   */
  save(op: string, release: string, shape: ReleaseShape, signal: AbortSignal): Promise<Differences & { readonly saved: string | null }>;
  /** Tries out what deployments need. `shared`: paths that should be in `shared/`. */
  examine(shared: readonly string[], signal: AbortSignal): Promise<Examination>;
  /** `sealed`: this release with this artifact is already in `releases/`. `conflict`: the release exists with another artifact. */
  stage(op: string, request: StageRequest, signal: AbortSignal): Promise<'staged' | 'sealed'>;
  /** Returns the bytes that went over the wire, both directions. */
  send(request: SendRequest, signal: AbortSignal): Promise<{ readonly bytes: number }>;
  /** `mismatch`: the files are not what they should be; nothing was renamed. */
  seal(op: string, request: SealRequest, signal: AbortSignal): Promise<void>;
  /**
   * Brings a release in one round trip; `sealed`: it was there already. `mismatch`: the result is not what it should be, or the base is not
   * there; what there is lies in `.lockstep/incoming/<release>` for a repair. `conflict` as `stage`. `not-found`: it should be `stored`, but
   * what a relay brought is not there, or not what it should be.
   */
  unpack(op: string, request: UnpackRequest, signal: AbortSignal): Promise<Unpacked>;
  /**
   * For a relay: keeps a shipment for an hour, to hand it on. Returns the bytes that were sent: 0 if it was there. `patch`: sent in place of
   * the pack, and the server makes the pack of it; `mismatch`: it could not.
   */
  store(shipment: Shipment, signal: AbortSignal, patch?: Patch): Promise<{ readonly bytes: number }>;
  /** What `store` keeps is needed no more. */
  drop(shipment: Shipment, signal: AbortSignal): Promise<void>;
  /** For a server whose relay will hand it this shipment: nothing is taken from a relay that was not announced here. */
  expect(shipment: Shipment, signal: AbortSignal): Promise<void>;
  /**
   * For a relay: hands a shipment that it keeps to another server, over a connection of its own. `null`: that server has it; else why it
   * has not, in the words of the relay. What it says is not to be relied on. `untrusted`: the daemon knows no host key of that server.
   */
  hand(shipment: Shipment, to: Server, identity: string | null, signal: AbortSignal): Promise<string | null>;
  /** For a relay: could it hand something to that server? Changes nothing. Answers as `hand`. */
  reach(to: Server, identity: string | null, signal: AbortSignal): Promise<string | null>;
  /** Puts a release's files where its links lead, each by one rename: never a mix of two contents, also where the release is served. */
  provide(op: string, request: ProvideRequest, signal: AbortSignal): Promise<void>;
  /** Paths of the files that a release was given; `null`: it was given none, not even an empty set. */
  provided(release: string, signal: AbortSignal): Promise<readonly string[] | null>;
  /** Copies each seed to a shared path that is not there yet. What is there is never touched. */
  seed(op: string, release: string, seeds: readonly Seed[], signal: AbortSignal): Promise<void>;
  /**
   * Is a sealed release still what it was? `damaged`: no, or it is not there; it counts as a release no more, and can be staged again.
   * `conflict`: it is damaged, and the server serves it.
   */
  verify(request: SealRequest, signal: AbortSignal): Promise<'intact' | 'damaged'>;
  /** Points `next`, the second name of a release, to a sealed one. `not-found`. */
  preview(op: string, release: string, signal: AbortSignal): Promise<void>;
  /** Prepares what the cutover needs, where nobody waits for it and nobody sees it. */
  ready(op: string, request: ReadyRequest, signal: AbortSignal): Promise<void>;
  /** Raises the maintenance flag, then waits for the bots. `timeout`: a bot did not end. `conflict`: locked by a later deployment. */
  lock(op: string, token: string, request: LockRequest, signal: AbortSignal): Promise<void>;
  /** Prolongs the lock, and says which release the server takes by itself if the lock's time ends. `lock-lost`: it is not held. */
  decide(op: string, token: string, decision: Decision, signal: AbortSignal): Promise<void>;
  /**
   * Points `current` to a sealed release (`null`: removes it, for a server that had none) and returns what it pointed to before
   * this operation. `token`: the lock that must be held, `null`: none. `lock-lost`, `not-found`.
   */
  switch(op: string, token: string | null, release: string | null, signal: AbortSignal): Promise<{ readonly previous: string | null }>;
  /** Takes the maintenance flag away. Already unlocked is success. */
  unlock(op: string, token: string, signal: AbortSignal): Promise<void>;
  /** Runs a command at most once for this `op`. `ambiguous`: it was started before, and nobody knows how it ended. */
  run(op: string, request: RunRequest, signal: AbortSignal): Promise<RunResult>;
  /**
   * Removes releases other than `keep` and the current one, and left-overs of uploads. Returns warnings (what could not be removed).
   * `cloneAhead`: then prepares the clone that the next upload starts from, at idle priority, if there is room; else there is none.
   */
  collect(keep: readonly string[], signal: AbortSignal, cloneAhead?: boolean): Promise<readonly string[]>;
  /** Ends the conversation and everything that belongs to it on this machine. Idempotent. */
  close(): Promise<void>;
};

/** Makes channels. Opening is lazy: no connection is made before the first verb. */
export type Transport = {
  channel(server: Server, settings: ChannelSettings): Channel;
  /**
   * A channel to this server will probably be wanted within half a minute: its connection is made now, where that takes a moment, and closed
   * if nobody wanted it; and the server begins to look at the clone that an upload will start from. What could not be done, the channel will tell.
   */
  connectAhead?(server: Server, settings: ChannelSettings): void;
};

export type ChannelSettings = {
  /** The epoch of this daemon; the server refuses older ones. */
  readonly epoch: number;
  readonly cluster: Cluster;
  /**
   * The name of a further conversation with a server, beside that of the deployment's own steps: for what others do not depend on. It is given
   * up soon when the connection breaks. Absent: it is the deployment's own.
   */
  readonly lane?: string;
};
