// Runs git in a mirror for reading: everything that simple-git has no streaming, no NUL-separated or no exit-status form of.
import { run, stream } from './child-process.ts';
import type { Call, Ended } from './child-process.ts';
import type { Readable } from 'node:stream';
import { DeployError } from '../core/errors.ts';
import type { Commit, Repository } from '../core/repository.ts';
import { repositoryError } from './failure.ts';
import { gitEnvironment } from './git-environment.ts';
import type { GitUrl } from './git-url.ts';

/** A remote and its bare mirror on this machine. */
export type Mirror = {
  readonly repository: Repository;
  /** For messages: `shop`, or `shop (submodule lib/x)`. */
  readonly title: string;
  readonly remote: GitUrl;
  /** Absolute directory of the bare mirror. */
  readonly directory: string;
  /** Absolute directory that is git's home. */
  readonly home: string;
  /** Beginning of the marks of the mirror's processes. */
  readonly mark: string;
  readonly state: MirrorState;
};

/** What this process knows of a mirror, so that it need not ask git each time. */
export type MirrorState = {
  /** A git may have been killed in the mirror: by a crash of the daemon, an abort, a time limit. */
  suspicious: boolean;
  /** The mirror is there, of this object format, and its remote is `remote`; `null`: to be looked into. */
  prepared: 'sha1' | 'sha256' | null;
  /** By ref of the mirror: commits that are in its history since the last fetch. */
  readonly contained: Map<string, Set<string>>;
  /** Commits that were found in the mirror. */
  readonly present: Set<string>;
  /** Commits that were read. */
  readonly commits: Map<string, Commit>;
  /** The remote's branches, as it last told them: name → object id. */
  heads: ReadonlyMap<string, string>;
  /** Commit → one that it comes after: what a fetch found when it moved a branch forward. */
  readonly after: Map<string, string>;
  /** How many fetches there were. */
  fetches: number;
};

/** So many are remembered of each kind; then everything is asked anew. */
const REMEMBERED = 1_000;

/** Of a mirror of which nothing is known yet. */
export const unknownState = (): MirrorState => ({
  suspicious: true,
  prepared: null,
  contained: new Map(),
  present: new Set(),
  commits: new Map(),
  heads: new Map(),
  after: new Map(),
  fetches: 0,
});

/** The mirror was made anew, or is going to be. */
export function forgetMirror(state: MirrorState): void {
  state.prepared = null;
  forgetAnswers(state);
}

function forgetAnswers({ contained, present, commits, after }: MirrorState): void {
  after.clear();
  contained.clear();
  present.clear();
  commits.clear();
}

/** Called now and then, so that years of commits do not stay in memory. */
export function forgetMuch(state: MirrorState): void {
  if ([state.present, state.commits, state.after].some(({ size }) => size > REMEMBERED)) forgetAnswers(state);
}

/** What git did in a mirror; never a word that a user chose, except after `refs/…` or a checked id. */
export type GitCall = {
  readonly tried: string;
  readonly args: readonly string[];
  readonly input?: string;
  readonly timeoutMs?: number;
  readonly environment?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
};

export const READ_TIMEOUT_MS = 120_000;
export const TRANSFER_TIMEOUT_MS = 600_000;

/** The mirror (not the remote) is damaged. Whoever holds the mirror may make it anew and try once more. */
export class DamagedMirror extends DeployError {}

let calls = 0;

/** A new mark for one child of this mirror. */
export const nextMark = (mark: string): string => `${mark}-${++calls}`;

function callOf(mirror: Mirror, call: GitCall): Call {
  return {
    tried: call.tried,
    file: 'git',
    args: call.args,
    cwd: mirror.directory,
    env: { ...gitEnvironment(mirror.home, mirror.directory, mirror.remote, nextMark(mirror.mark)), ...call.environment },
    ...(call.input === undefined ? {} : { input: call.input }),
    timeoutMs: call.timeoutMs ?? READ_TIMEOUT_MS,
    signal: call.signal,
  };
}

/** Runs git and returns how it ended; damage of the mirror is thrown. */
export async function tryGit(mirror: Mirror, call: GitCall): Promise<Ended & { readonly stdout: Buffer }> {
  const ended = await run(callOf(mirror, call));
  if (ended.exit !== 0 && isDamage(ended.stderr)) throw damaged(call.tried, ended.stderr);
  return ended;
}

/** Runs git, which must succeed, and returns its output. */
export async function git(mirror: Mirror, call: GitCall): Promise<Buffer> {
  const ended = await tryGit(mirror, call);
  if (ended.exit !== 0) throw repositoryError(call.tried, ended.stderr);
  return ended.stdout;
}

/** Runs git, which must succeed, while `consume` reads its output. */
export async function streamGit<T>(mirror: Mirror, call: GitCall, consume: (stdout: Readable) => Promise<T>): Promise<T> {
  const { result, ended } = await stream(callOf(mirror, call), consume);
  if (ended.exit === 0) return result;
  throw isDamage(ended.stderr) ? damaged(call.tried, ended.stderr) : repositoryError(call.tried, ended.stderr);
}

export function damaged(tried: string, output: string): DamagedMirror {
  const error = repositoryError(tried, output);
  return new DamagedMirror('repository', error.message, error.detail);
}

/** What git says (in English: LC_ALL is ours) when its own repository is damaged. Nothing of it comes from a remote that is unreachable. */
const DAMAGE = [
  /not a git repository/i,
  /bad config (?:line|file)|bad (?:numeric )?config value/i,
  /bad object|bad tree|bad ref for|bad signature|broken (?:link|ref|name)/i,
  /invalid sha1 pointer|does not point to a valid object|unable to (?:parse|read|find) (?:object|[0-9a-f]{40})/i,
  /object file .* is empty|(?:loose|packed) object .* corrupt|object corrupt|is corrupt|inflate|unknown object type/i,
  /packfile .* (?:cannot be|is far|does not match|claims)|pack has bad|index file .* (?:is too small|corrupt)|wrong index/i,
  /could not (?:read|parse|open) (?:object|commit|tree)|failed to (?:read|parse) (?:object|commit|tree)|missing (?:blob|tree|commit)/i,
  /did not send all necessary objects|unable to resolve reference|cannot lock ref .* (?:unable to resolve|reference broken)/i,
  /unable to create temporary file|unable to write (?:sha1|loose|object)|commit-graph|multi-pack-index/i,
];

/** Signs that it is something else: the remote's complaint, a full or read-only disk. Making the mirror anew would not help. */
const NO_DAMAGE =
  /remote:|Could not read from remote|remote end hung up|No space left|quota exceeded|Permission denied|Read-only file system/i;

export const isDamage = (output: string): boolean => !NO_DAMAGE.test(output) && DAMAGE.some((one) => one.test(output));
