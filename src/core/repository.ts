// A repository of the configuration, its branches, and what a hook tells about them.
import type { Forge } from './forge.ts';
import type { ReportSettings } from './notice.ts';

/** A Git or Subversion repository named in the configuration. */
export type Repository = {
  readonly name: string;
  readonly type: 'git' | 'svn';
  readonly url: string;
  /** Git: fetch and export submodules, from these hosts only (`null`: off). */
  readonly submodules: readonly string[] | null;
  /** Git: replace Large File Storage pointers by their content. */
  readonly lfs: boolean;
  /** Subversion: follow `svn:externals`, to these hosts only (`null`: off). */
  readonly externals: readonly string[] | null;
  /** Subversion over https with basic authentication; the password's file is read when it is needed. */
  readonly username: string | null;
  readonly passwordFile: string | null;
  /** Git over ssh: private key. */
  readonly identity: string | null;
  readonly knownHosts: string | null;
  /** The daemon asks the repository for its heads this often, for hooks that got lost. */
  readonly pollMs: number;
  /** Whose webhooks tell of it; `null`: only our own hooks do, which are always listened to. */
  readonly forge: Forge | null;
  /** Hooks and webhooks are taken from these addresses and networks (CIDR) only; empty: from everywhere. */
  readonly hookSources: readonly string[];
  /** Its forge is told of deployments. Absent: it is not. */
  readonly report?: ReportSettings;
};

/** What stands for the revision in the names of releases: the first line that a command prints, that of a file of the artifact, or Git's tag. */
export type VersionSource = { readonly command: string } | { readonly file: string } | 'tag';

/** How an artifact is made from an exported revision. */
export type Build = {
  /** Shell command run once in a clean export; `null`: the export is the artifact. */
  readonly command: string | null;
  /** Directory under the export that becomes the artifact; `.`: all of it. */
  readonly output: string;
  /** Directory of the repository that is exported; `.`: all of it. */
  readonly subdirectory: string;
  readonly timeoutMs: number;
  /** Directories under the export that survive between builds, for example `node_modules`. */
  readonly cache: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** May the build use the network? */
  readonly network: boolean;
  /** Absent: the short revision. */
  readonly version?: VersionSource;
  /** For this one build: without the caches of earlier ones, and not taken from them. */
  readonly fromScratch?: boolean;
};

/** One commit: what a deployment shows of its revision. `time` in milliseconds since 1970. */
export type Commit = {
  readonly revision: string;
  readonly author: string;
  readonly email: string;
  readonly message: string;
  readonly time: number;
};

/**
 * What a hook tells us. A hint, never an instruction: the daemon asks the repository itself.
 * `refs` are branch names as the configuration writes them (`servers/demo`, `trunk`), or what else was pushed (`refs/tags/v1`).
 */
export type Change = {
  /** The sender's id of this delivery, unique within `repository`. */
  readonly delivery: string;
  readonly repository: string;
  readonly refs: readonly ChangedRef[];
  /**
   * Subversion's hook does not know branches: it tells the changed paths (without slash at either end, cut to six components; '' is the root)
   * and leaves `refs` empty. A branch may have changed when it is one of the paths, lies under one, or one lies under it.
   * Neither refs nor paths: anything in the repository may have changed.
   */
  readonly paths?: readonly string[];
  /** Who pushed, as the hook's server knows them; `null`: unknown. */
  readonly actor: string | null;
  /** Who told us: `hook`, `poll`, `start`, a forge's name. */
  readonly source: string;
  /** The address that it came from. */
  readonly address?: string;
  /** URLs of the repository that a forge tells about. They choose nothing; they show that a webhook has another repository's address. */
  readonly about?: readonly string[];
  /** Why nobody needs to look: it is not about a push. Its one outcome is `ignored` for this reason. */
  readonly ignored?: string;
  /** Options of `git push -o` that are meant for us; they count for the refs that are named. */
  readonly options?: readonly string[];
  /** When it was pushed by the clock of the repository's machine, milliseconds since 1970; known where there are options. */
  readonly pushedAt?: number;
  /** Who asked that a delivery of earlier be looked into once more. */
  readonly replayedBy?: string;
};

/** `revision`: where the ref was moved to, as the sender says; it decides nothing but whose push a head is. */
export type ChangedRef = { readonly ref: string; readonly deleted: boolean; readonly revision?: string };

/** What came of one ref of one change; exactly one is recorded (promise I6). */
export type Outcome =
  | { readonly kind: 'deployment'; readonly cluster: string; readonly number: number }
  | { readonly kind: 'already-live'; readonly cluster: string; readonly release: string }
  | { readonly kind: 'already-requested'; readonly cluster: string; readonly number: number }
  | { readonly kind: 'ignored'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string; readonly cluster?: string }
  /** Who committed or pushed it asked for that. */
  | { readonly kind: 'skipped'; readonly cluster: string; readonly reason: string }
  | { readonly kind: 'held'; readonly cluster: string; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };
