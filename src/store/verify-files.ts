// Is an artifact still what was sealed? Everything is read again.
import { join } from 'node:path';
import type { Artifact, ManifestEntry } from '../core/artifact.ts';
import { DeployError } from '../core/errors.ts';
import { forEachBounded } from './bounded.ts';
import { hashFile } from './hash-file.ts';
import { readTree, shown, type TreeEntry } from './tree.ts';

/** Compares the files of an artifact with its manifest: paths, types, links, modes, sizes, times, content. Rejects with `artifact`. */
export async function verifyFiles({ id, directory, manifest }: Artifact): Promise<void> {
  const found = new Map<string, TreeEntry>();
  for (const entry of await readTree(directory).catch((error: unknown) => Promise.reject(damaged(id, (error as Error).message)))) {
    found.set(entry.path, entry);
  }
  await forEachBounded(manifest.entries, 4, async (entry) => {
    const difference = await compare(directory, entry, found.get(entry.path));
    if (difference !== null) throw damaged(id, `${shown(entry.path)} ${difference}`);
    found.delete(entry.path);
  });
  for (const path of found.keys()) throw damaged(id, `${shown(path)} does not belong to it`);
}

/** What is wrong with an entry, or null. */
async function compare(directory: string, entry: ManifestEntry, found: TreeEntry | undefined): Promise<string | null> {
  if (found === undefined) return 'is missing';
  if (entry.type === 'link') return found.type === 'link' && found.target === entry.target ? null : 'is not the link that was sealed';
  if (entry.type === 'directory') return found.type === 'directory' ? null : 'is not a directory';
  if (found.type !== 'file') return 'is not a file';
  if (found.size !== entry.size) return `has ${found.size} bytes instead of ${entry.size}`;
  if (found.mode !== entry.mode || found.mtime !== entry.mtime) return 'has another mode or time';
  const { sha256 } = await hashFile(join(directory, entry.path));
  return sha256 === entry.sha256 ? null : 'has other content';
}

const damaged = (id: string, why: string): DeployError =>
  new DeployError('artifact', `artifact ${id} is damaged: ${why}. Remove it and build its revision again.`);
