// The bare mirror of a Git repository: made, fetched into, healed. Talks to the remote through simple-git.
import { lstat, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { simpleGit } from 'simple-git';
import type { SimpleGit } from 'simple-git';
import { DeployError } from '../core/errors.ts';
import {
  damaged,
  DamagedMirror,
  forgetMirror,
  forgetMuch,
  git,
  isDamage,
  nextMark,
  READ_TIMEOUT_MS,
  TRANSFER_TIMEOUT_MS,
  tryGit,
} from './git-command.ts';
import type { Mirror } from './git-command.ts';
import { GIT_VARIABLES, gitEnvironment, writeGitHome } from './git-environment.ts';
import { endReader } from './git-reader.ts';
import { lastLine, repositoryError, tail } from './failure.ts';
import { endMarked } from './marked-processes.ts';
import { isBranchName, isObjectId, shortHash } from './names.ts';

const FETCHES_PER_MAINTENANCE = 20;

/** More than this of one git's output is not kept: some 500,000 branches. */
const OUTPUT_MAX = 64 * 1024 * 1024;

/**
 * Asks the remote for its branches: name → object id. Needs no mirror, so it never waits for a fetch. Names that we could not hand to
 * git again are left out. Throws DeployError `repository` or `configuration`.
 */
export async function listHeads(mirror: Mirror, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  await writeGitHome(mirror.home, mirror.repository, mirror.remote);
  const tried = `asking ${mirror.title} (${mirror.remote.url}) for its branches`;
  // No GIT_DIR: outside of any repository, which the ceiling makes sure of.
  const { GIT_DIR, ...environment } = gitEnvironment(mirror.home, mirror.directory, mirror.remote, nextMark(`${mirror.mark}heads`));
  const env = { ...environment, GIT_CEILING_DIRECTORIES: join(GIT_DIR ?? mirror.directory, '..') };
  const listing = await talk({ tried, directory: mirror.home, env, timeoutMs: READ_TIMEOUT_MS, signal }, (remote) =>
    remote.listRemote(['--heads', '--refs', mirror.remote.url]),
  );
  const heads = new Map<string, string>();
  for (const line of listing.split('\n')) {
    const [id = '', ref = ''] = line.split('\t');
    const name = ref.startsWith('refs/heads/') ? ref.slice('refs/heads/'.length) : '';
    if (isObjectId(id) && isBranchName(name)) heads.set(name, id);
  }
  mirror.state.heads = heads;
  return heads;
}

/**
 * Works in the mirror. Before, when a git may have been killed in it, its processes are ended and its stale locks removed; when the work
 * finds the mirror damaged, the mirror is made anew and the work done once more. The caller serialises calls on one mirror.
 */
export async function inMirror<T>(mirror: Mirror, work: () => Promise<T>): Promise<T> {
  const attempt = async (): Promise<T> => {
    if (mirror.state.suspicious) await recover(mirror);
    mirror.state.suspicious = true;
    const result = await work();
    mirror.state.suspicious = false;
    return result;
  };
  try {
    return await attempt();
  } catch (error) {
    if (!(error instanceof DamagedMirror)) throw error;
    const aside = `${mirror.directory}.damaged`;
    await rm(aside, { recursive: true, force: true });
    endReader(mirror);
    await rename(mirror.directory, aside);
    forgetMirror(mirror.state);
    const result = await attempt().catch((again: unknown) => {
      throw again instanceof DamagedMirror ? new DeployError('repository', again.message, again.detail, again) : again;
    });
    await rm(aside, { recursive: true, force: true });
    return result;
  }
}

/**
 * Brings a branch's head into the mirror, unless the mirror's copy of the branch contains `revision` already. Throws DeployError
 * `repository` when the branch or the revision is not there, `hostile-tree` when git finds objects that would do harm.
 */
export async function bringBranch(mirror: Mirror, branch: string, revision: string, signal: AbortSignal): Promise<void> {
  if (!isBranchName(branch))
    throw new DeployError('repository', `${JSON.stringify(branch)} cannot be the name of a branch of ${mirror.title}.`);
  const ref = mirrorRef(branch);
  await prepare(mirror, revision.length === 64 ? 'sha256' : 'sha1', signal);
  const before = await tipOf(mirror, ref);
  // The remote has just told of a commit that the mirror's copy does not end with: no need to ask git whether it is in there.
  const isNews = before !== null && before !== revision && mirror.state.heads.get(branch) === revision;
  if (!isNews && (await isContained(mirror, revision, ref, signal))) return;
  await fetchBranch(mirror, branch, before, signal);
  if (await isContained(mirror, revision, ref, signal)) return;
  const head = (await git(mirror, { tried: `reading ${branch} of ${mirror.title}`, args: ['rev-parse', '--verify', ref], signal }))
    .toString()
    .trim();
  throw new DeployError(
    'repository',
    `revision ${revision} is not on branch ${branch} of ${mirror.title}, whose head is ${head} now. ` +
      `If the branch was force-pushed meanwhile, its new head is deployed by itself; else name a revision of the branch.`,
  );
}

/**
 * Brings the head of a branch that the mirror has a copy of, whatever it is by now, and returns its id; `null`: there is no such copy, or nothing
 * is known of the mirror yet. Throws as `bringBranch`.
 */
export async function refreshBranch(mirror: Mirror, branch: string, signal: AbortSignal): Promise<string | null> {
  if (!isBranchName(branch) || mirror.state.prepared === null) return null;
  const before = await tipOf(mirror, mirrorRef(branch));
  return before === null ? null : await fetchBranch(mirror, branch, before, signal);
}

/** `before`: what the mirror's copy of the branch ended with. Returns what it ends with now, as `tipOf`. */
async function fetchBranch(mirror: Mirror, branch: string, before: string | null, signal: AbortSignal): Promise<string | null> {
  const ref = mirrorRef(branch);
  const tried = `fetch of ${branch} from ${mirror.title} (${mirror.remote.url})`;
  const moved = await fetchRefs(mirror, tried, [`+refs/heads/${branch}:${ref}`], signal);
  mirror.state.contained.delete(ref);
  const tip = await tipOf(mirror, ref);
  if (before !== null && tip !== null && moved !== null && before.startsWith(moved.from) && tip.startsWith(moved.to))
    mirror.state.after.set(tip, before);
  return tip;
}

/** `isIn` for a ref of the mirror; what was found holds until the ref is fetched again. */
async function isContained(mirror: Mirror, revision: string, ref: string, signal: AbortSignal): Promise<boolean> {
  const known = mirror.state.contained.get(ref) ?? new Set();
  if (known.has(revision)) return true;
  if ((await tipOf(mirror, ref)) !== revision && !(await isIn(mirror, revision, ref, signal))) return false;
  mirror.state.contained.set(ref, known.add(revision));
  mirror.state.present.add(revision);
  return true;
}

/**
 * What a ref of the mirror points to; `null`: git has it elsewhere than in a file of its own (`git help gitrepository-layout`), or there is none.
 * A fetch writes such files.
 */
async function tipOf(mirror: Mirror, ref: string): Promise<string | null> {
  const text = (await readFile(join(mirror.directory, ref), 'utf8').catch(() => '')).trim();
  return isObjectId(text) ? text : null;
}

/** Brings all tags into the mirror, as they are at the remote now. */
export async function bringTags(mirror: Mirror, signal: AbortSignal): Promise<void> {
  const tried = `fetch of the tags of ${mirror.title} (${mirror.remote.url})`;
  await fetchRefs(mirror, tried, ['+refs/tags/*:refs/tags/*'], signal, ['--prune']);
}

/** Brings the commit of a submodule into the mirror, from wherever the remote has it. */
export async function bringCommit(mirror: Mirror, id: string, signal: AbortSignal): Promise<void> {
  await prepare(mirror, id.length === 64 ? 'sha256' : 'sha1', signal);
  if (await hasCommit(mirror, id, signal)) return;
  const tried = `fetch of ${id} from ${mirror.title} (${mirror.remote.url})`;
  // Kept under a ref of its own, so that the mirror's housekeeping never removes it. Servers may refuse ids: then the branches and tags.
  const direct = await fetchRefs(mirror, tried, [`+${id}:refs/lockstep/pinned/${id}`], signal).catch((error: unknown) => {
    if (error instanceof DamagedMirror || signal.aborted || !(error instanceof DeployError) || error.code !== 'repository') throw error;
    return error;
  });
  if (await hasCommit(mirror, id, signal)) return;
  await fetchRefs(mirror, tried, ['+refs/heads/*:refs/lockstep/heads/*', '+refs/tags/*:refs/lockstep/tags/*'], signal);
  if (await hasCommit(mirror, id, signal)) return;
  throw new DeployError(
    'repository',
    `${tried} failed: the remote has no such commit. Push it there.`,
    direct instanceof DeployError ? direct.detail : null,
  );
}

/** Is commit `older` in the history of `newer` (an id or one of our refs)? An unknown commit is in no history. */
export async function isIn(mirror: Mirror, older: string, newer: string, signal: AbortSignal): Promise<boolean> {
  const ended = await tryGit(mirror, {
    tried: `comparing commits of ${mirror.title}`,
    args: ['merge-base', '--is-ancestor', older, newer],
    signal,
  });
  return ended.exit === 0;
}

export async function hasCommit(mirror: Mirror, id: string, signal: AbortSignal): Promise<boolean> {
  if (mirror.state.present.has(id)) return true;
  const ended = await tryGit(mirror, {
    tried: `reading commit ${id} of ${mirror.title}`,
    args: ['cat-file', '-e', `${id}^{commit}`],
    signal,
  });
  if (ended.exit === 0) mirror.state.present.add(id);
  return ended.exit === 0;
}

/**
 * Where the mirror keeps a branch. Flat and hashed: a branch `a` that is replaced by `a/b`, very long names and names that differ only
 * in case would be in each other's way as files of refs/heads.
 */
const mirrorRef = (branch: string): string => `refs/lockstep/branch/${shortHash(branch)}`;

/** Makes the mirror if there is none (or one of another hash function), and points it to the remote. */
export async function prepare(mirror: Mirror, format: 'sha1' | 'sha256', signal: AbortSignal): Promise<void> {
  const { state } = mirror;
  const isThere = await exists(mirror.directory);
  if (isThere && state.prepared === format) return;
  endReader(mirror);
  forgetMirror(state);
  await writeGitHome(mirror.home, mirror.repository, mirror.remote);
  const tried = `preparing the mirror of ${mirror.title} in ${mirror.directory}`;
  if (isThere) {
    const found = await git(mirror, { tried, args: ['rev-parse', '--show-object-format'], signal });
    if (found.toString().trim() !== format) {
      await rm(mirror.directory, { recursive: true, force: true });
    }
  }
  if (!(await exists(mirror.directory))) {
    // Made aside and renamed, so that a crash leaves no half of a mirror.
    const aside = `${mirror.directory}.new`;
    await rm(aside, { recursive: true, force: true });
    await mkdir(aside, { recursive: true, mode: 0o700 });
    await talk({ tried, directory: aside, env: environmentOf(mirror, aside), timeoutMs: READ_TIMEOUT_MS, signal }, async (local) => {
      await local.init(true, [`--object-format=${format}`]);
      await local.addRemote('origin', mirror.remote.url);
    });
    await rename(aside, mirror.directory);
    state.prepared = format;
    return;
  }
  await talk(
    { tried, directory: mirror.directory, env: environmentOf(mirror, mirror.directory), timeoutMs: READ_TIMEOUT_MS, signal },
    (local) => local.remote(['set-url', 'origin', mirror.remote.url]),
  );
  state.prepared = format;
}

/**
 * Returns from what to what the one ref that changed was moved forward, as beginnings of object ids; `null`: it was not that, or several.
 * `git fetch` prints `from..to` for that only, and `+ from...to` where commits were taken back.
 */
async function fetchRefs(
  mirror: Mirror,
  tried: string,
  refspecs: readonly string[],
  signal: AbortSignal,
  more: readonly string[] = [],
): Promise<{ readonly from: string; readonly to: string } | null> {
  forgetMuch(mirror.state);
  await writeGitHome(mirror.home, mirror.repository, mirror.remote);
  // Verbose, because simple-git waits 50 ms for the output of a git that prints nothing.
  const fixed = ['--verbose', '--no-tags', '--no-recurse-submodules', '--no-write-fetch-head', '--refmap='];
  // Whether the mirror should be packed anew is asked now and then: the question takes as long as a tenth of a fetch.
  const seldom = mirror.state.fetches++ % FETCHES_PER_MAINTENANCE === 0 ? [] : ['--no-auto-maintenance'];
  const options = [...fixed, ...seldom, ...more, 'origin', ...refspecs];
  const { updated } = await talk(
    { tried, directory: mirror.directory, env: environmentOf(mirror, mirror.directory), timeoutMs: TRANSFER_TIMEOUT_MS, signal },
    (remote) => remote.fetch(options),
  );
  const [only] = updated;
  return updated.length === 1 && only !== undefined && [only.from, only.to].every((id) => /^[0-9a-f]{7,64}$/.test(id)) ? only : null;
}

const environmentOf = (mirror: Mirror, gitDir: string): Record<string, string> =>
  gitEnvironment(mirror.home, gitDir, mirror.remote, nextMark(mirror.mark));

type Talk = {
  readonly tried: string;
  readonly directory: string;
  readonly env: Record<string, string>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
};

/** One conversation through simple-git, which spawns git by itself: what it started is ended by its mark when time is up. */
async function talk<T>(call: Talk, task: (git: SimpleGit) => PromiseLike<T>): Promise<T> {
  const tooMuch = new AbortController();
  const signal = AbortSignal.any([call.signal, tooMuch.signal, AbortSignal.timeout(call.timeoutMs)]);
  const mark = call.env['LOCKSTEP_VCS'] ?? '';
  const endings: Promise<void>[] = [];
  const end = (): void => void endings.push(endMarked(mark));
  signal.addEventListener('abort', end, { once: true });
  try {
    let size = 0;
    const client = simpleGit({
      baseDir: call.directory,
      abort: signal,
      maxConcurrentProcesses: 1,
      // By itself simple-git takes a git that was killed, or failed without a word, for one that has told all there is.
      errors: (error, { exitCode, stdErr }) =>
        error ?? (exitCode === 0 ? undefined : Buffer.concat([...stdErr, Buffer.from(`git ended with ${exitCode}`)])),
      allowEnvironment: [...GIT_VARIABLES, 'GIT_CEILING_DIRECTORIES'],
    })
      .env(call.env)
      .outputHandler((_command, stdout, stderr) => {
        const count = (chunk: Buffer): void => {
          size += chunk.length;
          if (size > OUTPUT_MAX) tooMuch.abort();
        };
        stdout.on('data', count);
        stderr.on('data', count);
      });
    return await task(client);
  } catch (error) {
    const output = error instanceof Error ? error.message : String(error);
    if (call.signal.aborted) throw new DeployError('aborted', `${call.tried} was stopped.`);
    if (tooMuch.signal.aborted) throw new DeployError('repository', `${call.tried} failed: git printed more than ${OUTPUT_MAX} bytes.`);
    if (signal.aborted) {
      const seconds = Math.round(call.timeoutMs / 1000);
      throw new DeployError(
        'repository',
        `${call.tried} failed: no end after ${seconds} s. Check that the repository answers, then deploy again.`,
        tail(output),
        error,
      );
    }
    if (/spawn git ENOENT/.test(output))
      throw new DeployError('configuration', `${call.tried} failed: git is not installed on this machine. Install it and deploy again.`);
    if (/fsck error/.test(output)) {
      throw new DeployError(
        'hostile-tree',
        `${call.tried} was refused: ${lastFsckLine(output)}. Remove it from the history of the branch.`,
        tail(output),
        error,
      );
    }
    if (/couldn't find remote ref/i.test(output)) {
      throw new DeployError(
        'repository',
        `${call.tried} failed: there is no such branch (any more). Push it again, or take it out of the configuration.`,
        tail(output),
        error,
      );
    }
    throw isDamage(output) ? damaged(call.tried, output) : repositoryError(call.tried, output, error);
  } finally {
    signal.removeEventListener('abort', end);
    await Promise.all(endings);
  }
}

const lastFsckLine = (output: string): string =>
  lastLine(output.split('\n').find((line) => /error: object|warning in|error in/.test(line)) ?? output);

/** Ends what an earlier daemon or an aborted call left running in the mirror, then removes the locks and temporary files of killed gits. */
async function recover(mirror: Mirror): Promise<void> {
  endReader(mirror);
  await endMarked(mirror.mark);
  if (!(await exists(mirror.directory))) return;
  const remove = async (directory: string, isStale: (name: string) => boolean, deep: boolean): Promise<void> => {
    for (const entry of await readdir(directory, { withFileTypes: true }).catch(() => [])) {
      const path = join(directory, entry.name);
      if (isStale(entry.name)) await rm(path, { recursive: true, force: true });
      else if (deep && entry.isDirectory()) await remove(path, isStale, deep);
    }
  };
  const isLock = (name: string): boolean => name.endsWith('.lock');
  const isTemporary = (name: string): boolean => isLock(name) || /^(?:\.?tmp_|\.?tmp-|incoming-|tmp_objdir-)/.test(name);
  await remove(mirror.directory, (name) => isLock(name) || name === 'gc.pid', false);
  await remove(join(mirror.directory, 'refs'), isLock, true);
  await remove(join(mirror.directory, 'objects'), isTemporary, true);
}

async function exists(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  );
}
