// Directories that survive from build to build, such as `node_modules`: moved into the tree before a build and out again after a good one.
import { lstat, mkdir, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { move, remove } from './work.ts';

const UNUSED_DAYS = 30;

/**
 * Moves what is kept in `store` to its place in the tree. A path that the revision itself has stays as the revision has it. A build that
 * fails or is killed loses its caches: a slower next build is better than one that stands on half-written files.
 */
export async function bringCaches(store: string, tree: string, paths: readonly string[]): Promise<void> {
  for (const path of inside(paths)) {
    const kept = join(store, encodeURIComponent(path));
    const place = join(tree, path);
    if (!(await isDirectory(kept)) || !(await makeParents(tree, path)) || (await exists(place))) continue;
    await move(kept, place);
  }
}

/** Moves the caches out of the tree into `store`, in the place of older ones. Links are not followed: the tree is the build's to forge. */
export async function keepCaches(store: string, tree: string, paths: readonly string[]): Promise<void> {
  await mkdir(store, { recursive: true, mode: 0o700 });
  for (const path of inside(paths).reverse()) {
    if (!(await isRealDirectory(tree, path))) continue;
    const kept = join(store, encodeURIComponent(path));
    await remove(kept);
    await move(join(tree, path), kept);
  }
}

/** Removes caches of rules that were not built for a month. `directory` has one directory per rule. */
export async function removeUnusedCaches(directory: string): Promise<void> {
  const limit = Date.now() - UNUSED_DAYS * 24 * 3600_000;
  for (const name of await readdir(directory)) {
    const { mtimeMs } = await stat(join(directory, name));
    if (mtimeMs < limit) await remove(join(directory, name));
  }
}

/** Paths that stay within the tree, outer before inner. */
function inside(paths: readonly string[]): string[] {
  return [...new Set(paths.map((path) => path.replace(/\/+$/, '')))].filter(isInside).sort((a, b) => a.length - b.length);
}

const isInside = (path: string): boolean =>
  path.length <= 80 && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');

/** Makes the directories above `path`; false when something else than a directory is in the way. */
async function makeParents(tree: string, path: string): Promise<boolean> {
  for (const parent of parents(path)) {
    if (await isDirectory(join(tree, parent))) continue;
    if (await exists(join(tree, parent))) return false;
    await mkdir(join(tree, parent));
  }
  return true;
}

async function isRealDirectory(tree: string, path: string): Promise<boolean> {
  for (const one of [...parents(path), path]) if (!(await isDirectory(join(tree, one)))) return false;
  return true;
}

/** `a/b/c` → `a`, `a/b`. */
function parents(path: string): string[] {
  const above = dirname(path);
  return above === '.' ? [] : [...parents(above), above];
}

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

const isDirectory = (path: string): Promise<boolean> =>
  lstat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
