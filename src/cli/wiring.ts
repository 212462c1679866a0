// What the commands need from outside: the terminal they run in, and the parts of the product that they may not import themselves.
import type { Readable, Writable } from 'node:stream';
import type { CheckResult } from '../core/check.ts';
import type { Branch } from '../core/mapping.ts';

/** Standard output or standard error. `columns` and `rows` are known on a terminal only. */
export type CommandStream = Writable & {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
};

/** Standard input. On a terminal what is typed can be kept from being shown. */
export type CommandInput = Readable & { readonly isTTY?: boolean | undefined; setRawMode?(isRaw: boolean): unknown };

/** The surroundings of one command. */
export type CommandIo = {
  readonly stdout: CommandStream;
  readonly stderr: CommandStream;
  /** Left out: there is none. */
  readonly stdin?: CommandInput;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
};

/** What was found out about one server by asking it. */
export type ServerCheck = CheckResult & { readonly cluster: string; readonly server: string };

/** What was found out about a cluster as a whole. */
export type ClusterCheck = CheckResult & { readonly cluster: string };

export type RepositoryResult = CheckResult & { readonly repository: string };

/** What the lint says about the migrations in a directory. */
export type LintReport = {
  readonly cluster: string;
  /** Absolute. */
  readonly directory: string;
  readonly files: number;
  /** What the cluster's deployments do about grave findings. */
  readonly level: 'off' | 'warn' | 'refuse';
  /** Grave ones are those that a deployment may refuse; what cannot be run at all is one, too. */
  readonly findings: readonly { file: string; line: number; rule: string; message: string; isGrave: boolean }[];
};

/** A hook secret, for the person who enters it somewhere. */
export type HookSecret = {
  readonly repository: string;
  readonly forge: string | null;
  /** Where its notices go. */
  readonly url: string;
  readonly secret: string;
  /** How many secrets are in force. */
  readonly inForce: number;
  /** What to do with it, line by line. */
  readonly lines: readonly string[];
};

/** `tls`: absolute paths. `behindProxy`: addresses and networks. */
export type DaemonStart = {
  readonly config: string;
  readonly data: string;
  readonly listen: string;
  readonly tls: { readonly certificate: string; readonly key: string } | null;
  readonly behindProxy: readonly string[];
  readonly ready: (url: string) => void;
};

/** `config`, `data`, `dir` and `path` are absolute. Everything rejects with DeployError. */
export type CliWiring = {
  readonly version: string;
  /** Runs until the process is told to stop. Calls `ready` once, with the address, when requests are answered. */
  startDaemon(options: DaemonStart): Promise<void>;
  /** Rejects with DeployError `configuration` when the file is not valid. */
  checkConfiguration(file: string): Promise<{ text: string; warnings: string[] }>;
  /**
   * Connects to every server of the configuration; several findings about one are possible. `cluster` null: of all clusters. `branches`: those
   * that exist, for clusters of patterns. Rejects with `not-found` when there is no such cluster.
   */
  checkServers(file: string, data: string, which: { cluster: string | null; branches: readonly Branch[] }): Promise<ServerCheck[]>;
  /** Looks for the files and secrets of clusters that have any. `which` as above. */
  checkOutside(file: string, which: { cluster: string | null; branches: readonly Branch[] }): Promise<ClusterCheck[]>;
  /** Asks every repository of the configuration for its branches, and looks for the hooks of those on this machine. */
  checkRepositories(file: string): Promise<{ results: RepositoryResult[]; branches: Branch[] }>;
  /** Makes a first configuration and the data directory; returns lines for the person. */
  initialise(options: { config: string; data: string; dir: string }): Promise<string[]>;
  /** `repository` null: the configured repository whose URL is `path`. */
  installHooks(options: { path: string; repository: string | null; url: string; config: string; data: string }): Promise<string[]>;
  /** The newest hook secret of a repository, made if there is none, and what to enter at its forge. `url`: the daemon's, as senders reach it. */
  hookSecret(options: {
    repository: string;
    rotate: boolean;
    retire: boolean;
    url: string;
    config: string;
    data: string;
  }): Promise<HookSecret>;
  /** Fetches and pins host keys. `cluster` null: of all clusters. */
  trustServers(options: { config: string; data: string; cluster: string | null }): Promise<string[]>;
  /** Reads the files that `directory` (absolute; `null`: the cluster's `migrations.directory` in `dir`) has now. */
  lintMigrations(options: { config: string; cluster: string; directory: string | null; dir: string }): Promise<LintReport>;
};
