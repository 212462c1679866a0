// Copies a tree into an artifact's directory: normalised, hashed, and hard-linked to the earlier artifact where nothing changed.
import { createHash, type Hash } from 'node:crypto';
import { linkSync, lstatSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { constants, chmod, link, lstat, mkdir, open, symlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Artifact, ManifestEntry } from '../core/artifact.ts';
import { DeployError } from '../core/errors.ts';
import { compareBytes } from '../core/manifest.ts';
import { forEachBounded } from './bounded.ts';
import { readTree, shown, type TreeEntry } from './tree.ts';

export type SealOptions = {
  /** For new and changed files: the commit's time, whole seconds since 1970. */
  readonly mtime: number;
  /** Files with the same content and mode at the same path are hard links to this artifact's, and keep their time. */
  readonly previous: Artifact | null;
  /** Paths of files that are known to be those of `previous`, and are not in the tree. */
  readonly unchanged?: readonly string[];
  readonly signal?: AbortSignal;
};

type File = Extract<ManifestEntry, { type: 'file' }>;

const AT_A_TIME = 4;
const LINKS_IN_A_TURN = 200;

/**
 * Copies `tree` to `target` (made here) and returns the manifest's entries. Content is hashed as it is written, so that the manifest is true
 * of the copy whatever happens to the tree meanwhile. Rejects with DeployError `hostile-tree` (see tree.ts), `artifact` (no file at all),
 * `aborted`, or the file system's error.
 */
export async function copyTree(tree: string, target: string, options: SealOptions): Promise<ManifestEntry[]> {
  const entries = await readTree(tree);
  const { previous, unchanged = [] } = options;
  if (unchanged.length === 0 && !entries.some((entry) => entry.type === 'file')) {
    throw new DeployError('artifact', 'the artifact would be empty: there is no file in it. Check "output" and the build command.');
  }
  const before = new Map<string, File>();
  for (const entry of previous?.manifest.entries ?? []) if (entry.type === 'file') before.set(entry.path, entry);

  await makeDirectory(target);
  // Byte order: a directory comes before what is in it.
  for (const entry of entries) if (entry.type === 'directory') await makeDirectory(join(target, entry.path));
  const sealed = new Array<ManifestEntry>(entries.length);
  await forEachBounded(entries, AT_A_TIME, async (entry, index) => {
    if (options.signal?.aborted === true) throw new DeployError('aborted', 'sealing of the artifact was aborted');
    sealed[index] = await copyEntry(tree, target, entry, before.get(entry.path), options);
  });
  if (previous === null || unchanged.length === 0) return sealed;
  return [...sealed, ...(await takeOver(previous, unchanged, before, target))].sort((a, b) => compareBytes(a.path, b.path));
}

/**
 * Hard-links files of the earlier artifact. Synchronous calls cost a fifth of asynchronous ones here, and the daemon has its turn after each
 * few. Rejects with DeployError `artifact` if one is not what its manifest says.
 */
async function takeOver(previous: Artifact, paths: readonly string[], before: ReadonlyMap<string, File>, target: string): Promise<File[]> {
  const taken: File[] = [];
  for (const path of paths) {
    const file = before.get(path);
    const from = join(previous.directory, path);
    if (file === undefined || !isIntact(lstatSync(from), file))
      throw new DeployError('artifact', `${shown(path)} of artifact ${previous.id.slice(0, 12)} is not what was sealed`);
    linkSync(from, join(target, path));
    taken.push(file);
    if (taken.length % LINKS_IN_A_TURN === 0) await setImmediate();
  }
  return taken;
}

/** chmod as well: mkdir(2) obeys the umask. */
async function makeDirectory(path: string): Promise<void> {
  await mkdir(path);
  await chmod(path, 0o755);
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

const isIntact = (found: Stats, { size, mtime, mode }: File): boolean =>
  found.isFile() && found.size === size && found.mtimeMs === mtime * 1000 && (found.mode & 0o7777) === mode;

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
