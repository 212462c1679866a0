// Copies a tree into an artifact's directory: normalised, hashed, and hard-linked to the earlier artifact where nothing changed.
import { createHash, type Hash } from 'node:crypto';
import { constants, link, lstat, open, rm, symlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Artifact, ManifestEntry } from '../core/artifact.ts';
import { DeployError } from '../core/errors.ts';
import { compareBytes } from '../core/manifest.ts';
import { forEachBounded } from './bounded.ts';
import { isIntact, makeDirectory } from './clones.ts';
import { readTree, shown, type TreeEntry } from './tree.ts';

export type SealOptions = {
  /** For new and changed files: the commit's time, whole seconds since 1970. */
  readonly mtime: number;
  /** Files with the same content and mode at the same path are hard links to this artifact's, and keep their time. */
  readonly previous: Artifact | null;
  /** The tree holds only what is new since `previous`, whose paths that are no more or were replaced are these. */
  readonly gone?: readonly string[];
  /** The next artifact will probably be made of this one's changes. */
  readonly isBase?: boolean;
  readonly signal?: AbortSignal;
};

type File = Extract<ManifestEntry, { type: 'file' }>;

const AT_A_TIME = 4;

/**
 * Copies `tree` to `target` (made here) and returns the manifest's entries. Content is hashed as it is written, so that the manifest is true
 * of the copy whatever happens to the tree meanwhile. Rejects with DeployError `hostile-tree` (see tree.ts), `artifact` (no file at all),
 * `aborted`, or the file system's error.
 */
export async function copyTree(tree: string, target: string, options: SealOptions): Promise<ManifestEntry[]> {
  const entries = await readTree(tree);
  const { previous } = options;
  if (!entries.some((entry) => entry.type === 'file')) throw isEmpty();
  const before = new Map<string, File>();
  for (const entry of previous?.manifest.entries ?? []) if (entry.type === 'file') before.set(entry.path, entry);

  await makeDirectory(target);
  return copyEntries(tree, target, entries, before, options);
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
  for (const path of gone) await rm(join(target, path), { recursive: true, force: true });
  const kept = previous.manifest.entries.filter((entry) => !isGone.has(entry.path));
  const before = new Map<string, File>();
  for (const entry of previous.manifest.entries) if (entry.type === 'file' && isGone.has(entry.path)) before.set(entry.path, entry);
  const known = new Set(kept.map((entry) => entry.path));
  const fresh = (await readTree(tree)).filter((entry) => !known.has(entry.path));
  const sealed = await copyEntries(tree, target, fresh, before, options);
  const entries = [...kept, ...sealed].sort((a, b) => compareBytes(a.path, b.path));
  if (!entries.some((entry) => entry.type === 'file')) throw isEmpty();
  return entries;
}

const isEmpty = (): DeployError =>
  new DeployError('artifact', 'the artifact would be empty: there is no file in it. Check "output" and the build command.');

/** `before`: files of the earlier artifact, by path. */
async function copyEntries(
  tree: string,
  target: string,
  entries: readonly TreeEntry[],
  before: ReadonlyMap<string, File>,
  options: SealOptions,
): Promise<ManifestEntry[]> {
  // Byte order: a directory comes before what is in it.
  for (const entry of entries) if (entry.type === 'directory') await makeDirectory(join(target, entry.path));
  const sealed = new Array<ManifestEntry>(entries.length);
  await forEachBounded(entries, AT_A_TIME, async (entry, index) => {
    if (options.signal?.aborted === true) throw new DeployError('aborted', 'sealing of the artifact was aborted');
    sealed[index] = await copyEntry(tree, target, entry, before.get(entry.path), options);
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
  const { sha256 } = await hashFile(join(tree, path));
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

async function copyFile(tree: string, target: string, { path, mode }: { path: string; mode: number }, mtime: number) {
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

/** SHA-256 and size of a file, copied to `to` on the way. In pieces: memory does not grow with the file. */
export async function hashFile(path: string, to?: FileHandle): Promise<{ sha256: string; size: number }> {
  // Neither a link nor a pipe that took the file's place is opened (a pipe would block for ever).
  const from = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!(await from.stat()).isFile()) throw new DeployError('hostile-tree', `${shown(path)} changed while it was being sealed.`);
    const hash = createHash('sha256');
    const size = await pump(from, hash, to);
    return { sha256: hash.digest('hex'), size };
  } finally {
    await from.close();
  }
}

async function pump(from: FileHandle, hash: Hash, to: FileHandle | undefined): Promise<number> {
  const buffer = Buffer.allocUnsafe(128 * 1024);
  for (let size = 0; ;) {
    const { bytesRead } = await from.read(buffer, 0, buffer.length);
    if (bytesRead === 0) return size;
    const piece = buffer.subarray(0, bytesRead);
    hash.update(piece);
    if (to !== undefined) await to.writeFile(piece);
    size += bytesRead;
  }
}
