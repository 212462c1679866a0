// Copies a tree into an artifact's directory: normalised, hashed, and hard-linked to the earlier artifact where nothing changed.
import { hash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fchmodSync,
  futimesSync,
  openSync,
  renameSync,
  rmSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { chmod, link, lstat, open, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Artifact, ManifestEntry } from '../core/artifact.ts';
import { DeployError } from '../core/errors.ts';
import { entryOf, merged } from '../core/manifest.ts';
import { forEachBounded } from './bounded.ts';
import { isIntact, makeDirectory } from './clones.ts';
import { hashFile, hashOf, readSmall, SMALL } from './hash-file.ts';
import { readTree, type TreeEntry } from './tree.ts';

export type SealOptions = {
  /** For new and changed files: the commit's time, whole seconds since 1970. */
  readonly mtime: number;
  /** Files with the same content and mode at the same path are hard links to this artifact's, and keep their time. */
  readonly previous: Artifact | null;
  /** The tree holds only what is new since `previous`, whose paths that are no more or were replaced are these. */
  readonly gone?: readonly string[];
  /** Nobody else has the tree: it becomes the artifact itself, instead of a copy. */
  readonly isOurs?: boolean;
  /** The next artifact will probably be made of this one's changes. */
  readonly isBase?: boolean;
  readonly signal?: AbortSignal;
};

type File = Extract<ManifestEntry, { type: 'file' }>;

const AT_A_TIME = 4;
/**
 * Small files are read and written by calls that wait, which take a fifth of the time; so many before the daemon has its turn. Where there is other work for the
 * processors it is less than that: whatever does not wait is taken up by a thread in its turn, and what comes of it in the daemon's next.
 */
const FILES_IN_A_TURN = 50;
/** So few are removed at once. */
const FEW = 500;

/**
 * Copies `tree` to `target` (made here) and returns the manifest's entries. Content is hashed as it is written, so that the manifest is true
 * of the copy whatever happens to the tree meanwhile. Rejects with DeployError `hostile-tree` (see tree.ts), `artifact` (no file at all),
 * `aborted`, or the file system's error.
 */
export async function copyTree(tree: string, target: string, options: SealOptions): Promise<ManifestEntry[]> {
  const entries = await readTree(tree);
  if (!entries.some((entry) => entry.type === 'file')) throw isEmpty();
  await makeDirectory(target);
  return bringEntries(copyEntry, tree, target, entries, filesOf(options.previous), options);
}

function filesOf(artifact: Artifact | null): Map<string, File> {
  const files = new Map<string, File>();
  for (const entry of artifact?.manifest.entries ?? []) if (entry.type === 'file') files.set(entry.path, entry);
  return files;
}

/**
 * Moves `tree`, which nobody else has, to `target` and returns the manifest's entries. `null`: they are on different file systems, and nothing was
 * done. Rejects as `copyTree` does; then what there is lies in `target`.
 */
export async function takeTree(tree: string, target: string, options: SealOptions): Promise<ManifestEntry[] | null> {
  try {
    await rename(tree, target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EXDEV') return null;
    throw error;
  }
  const entries = await readTree(target);
  if (!entries.some((entry) => entry.type === 'file')) throw isEmpty();
  await chmod(target, 0o755);
  for (const entry of entries) if (entry.type === 'directory') await chmod(join(target, entry.path), 0o755);
  const before = filesOf(options.previous);
  return eachInTurn(entries, options, (entry) => keepEntry(target, entry, before.get(entry.path), options));
}

async function keepEntry(
  target: string,
  entry: TreeEntry,
  old: File | undefined,
  { mtime, previous }: SealOptions,
): Promise<ManifestEntry> {
  if (entry.type !== 'file') return entry;
  const { path, mode } = entry;
  const place = join(target, path);
  const { sha256, size } = await hashOf(place, entry.size);
  const same = previous !== null && old?.sha256 === sha256 && old.mode === mode ? old : null;
  if (same !== null && previous !== null && (await replacedByLink(join(previous.directory, path), same, place))) return same;
  const time = same?.mtime ?? mtime;
  chmodSync(place, mode);
  utimesSync(place, time, time);
  return { type: 'file', path, mode, size, mtime: time, sha256 };
}

async function replacedByLink(from: string, manifested: File, place: string): Promise<boolean> {
  const beside = `${place}.lockstep-link`;
  if (!(await linkIntact(from, manifested, beside))) return false;
  await rename(beside, place);
  return true;
}

/**
 * Makes of `target`, which is a clone of `previous`, what `previous` is with the changes of `tree`: `gone` are the paths that are no more or
 * were replaced, the tree holds what is new, and the directories on the way to it. Returns the manifest's entries; rejects as `copyTree` does.
 */
export async function applyChanges(
  tree: string,
  target: string,
  previous: Artifact,
  gone: readonly string[],
  options: SealOptions,
): Promise<ManifestEntry[]> {
  const isGone = new Set(gone);
  for (const [index, path] of gone.entries()) {
    if (index % FILES_IN_A_TURN === 0) await setImmediate();
    if (!isUnlinked(join(target, path))) await rm(join(target, path), { recursive: true, force: true });
  }
  const kept: ManifestEntry[] = [];
  const before = new Map<string, File>();
  for (const entry of previous.manifest.entries) {
    if (!isGone.has(entry.path)) kept.push(entry);
    else if (entry.type === 'file') before.set(entry.path, entry);
  }
  const fresh = (await readTree(tree)).filter((entry) => entryOf(kept, entry.path) === null);
  const bring = options.isOurs === true ? takeEntry : copyEntry;
  const entries = merged(kept, await bringEntries(bring, tree, target, fresh, before, options));
  if (!entries.some((entry) => entry.type === 'file')) throw isEmpty();
  // Else its owner has time for it.
  if (options.isOurs === true && fresh.length <= FEW) rmSync(tree, { recursive: true, force: true });
  return entries;
}

/** False: it is a directory, or is not to be unlinked for another reason. */
function isUnlinked(path: string): boolean {
  try {
    unlinkSync(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

const isEmpty = (): DeployError =>
  new DeployError('artifact', 'the artifact would be empty: there is no file in it. Check "output" and the build command.');

/** From one tree to another; its directory is there. `old`: what the earlier artifact has there. */
type Bring = (tree: string, target: string, entry: TreeEntry, old: File | undefined, options: SealOptions) => Promise<ManifestEntry>;

/** `before`: files of the earlier artifact, by path. */
async function bringEntries(
  bring: Bring,
  tree: string,
  target: string,
  entries: readonly TreeEntry[],
  before: ReadonlyMap<string, File>,
  options: SealOptions,
): Promise<ManifestEntry[]> {
  // Byte order: a directory comes before what is in it.
  for (const entry of entries) if (entry.type === 'directory') await makeDirectory(join(target, entry.path));
  return eachInTurn(entries, options, (entry) => bring(tree, target, entry, before.get(entry.path), options));
}

/** Nobody else has the tree, so nothing has to be written again. */
async function takeEntry(...[tree, target, entry, old, options]: Parameters<Bring>): Promise<ManifestEntry> {
  if (entry.type === 'directory') return entry;
  const kept = await keepEntry(tree, entry, old, options);
  try {
    renameSync(join(tree, entry.path), join(target, entry.path));
    return kept;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    return copyEntry(tree, target, entry, old, options);
  }
}

async function eachInTurn(
  entries: readonly TreeEntry[],
  { signal }: SealOptions,
  action: (entry: TreeEntry) => Promise<ManifestEntry>,
): Promise<ManifestEntry[]> {
  const sealed = new Array<ManifestEntry>(entries.length);
  await forEachBounded(entries, AT_A_TIME, async (entry, index) => {
    if (signal?.aborted === true) throw new DeployError('aborted', 'sealing of the artifact was aborted');
    if (index % FILES_IN_A_TURN === 0) await setImmediate();
    sealed[index] = await action(entry);
  });
  return sealed;
}

async function copyEntry(
  tree: string,
  target: string,
  entry: TreeEntry,
  old: File | undefined,
  { mtime, previous }: SealOptions,
): Promise<ManifestEntry> {
  const { path } = entry;
  if (entry.type === 'directory') return entry;
  if (entry.type === 'link') {
    await symlink(entry.target, join(target, path));
    return entry;
  }
  const { mode } = entry;
  if (previous === null || old?.size !== entry.size || old.mode !== mode)
    return { ...(await copyFile(tree, target, entry, mtime)), path, mode };
  const { sha256 } = await hashOf(join(tree, path), entry.size);
  if (sha256 !== old.sha256) return { ...(await copyFile(tree, target, entry, mtime)), path, mode };
  if (await linkIntact(join(previous.directory, path), old, join(target, path))) return old;
  return { ...(await copyFile(tree, target, entry, old.mtime)), path, mode };
}

/** Hard-links a file of the earlier artifact; false when it is not what its manifest says, or cannot have another link (EMLINK). */
async function linkIntact(from: string, manifested: File, to: string): Promise<boolean> {
  try {
    const intact = isIntact(await lstat(from), manifested);
    if (intact) await link(from, to);
    return intact;
  } catch {
    return false;
  }
}

async function copyFile(tree: string, target: string, entry: { path: string; mode: number; size: number }, mtime: number) {
  const { path, mode } = entry;
  if (entry.size <= SMALL) return copySmall(join(tree, path), join(target, path), mode, mtime);
  const to = await open(join(target, path), 'wx', 0o600);
  try {
    const { sha256, size } = await hashFile(join(tree, path), to);
    await to.chmod(mode);
    await to.utimes(mtime, mtime);
    return { type: 'file', size, mtime, sha256 } as const;
  } finally {
    await to.close();
  }
}

function copySmall(from: string, to: string, mode: number, mtime: number) {
  const content = readSmall(from);
  const file = openSync(to, 'wx', 0o600);
  try {
    writeFileSync(file, content);
    fchmodSync(file, mode);
    futimesSync(file, mtime, mtime);
  } finally {
    closeSync(file);
  }
  return { type: 'file', size: content.length, mtime, sha256: hash('sha256', content) } as const;
}
