// What is sent to servers that stand at the same base: computed from two manifests, once for all of them.
import type { ManifestEntry } from './artifact.ts';
import { compareBytes, difference, entryOf } from './manifest.ts';
import type { ReleaseTree } from './manifest.ts';

/** What must happen to a clone of a base; `through` and `hashes` as in Shipment (core/channel.ts). */
export type Changes = {
  readonly remove: readonly string[];
  readonly send: readonly ManifestEntry[];
  /** Of the files that are sent. */
  readonly bytes: number;
  readonly through: readonly string[];
  readonly hashes: readonly string[];
};

/** `base` null: from nothing. */
export function changesOf(tree: ReleaseTree, base: ReleaseTree | null): Changes {
  const { remove, send, bytes } = difference(base ?? { entries: [], links: [], covered: [] }, tree);
  const all = base === null ? [] : [...remove, ...tree.links.map((link) => link.path)];
  const gone = base === null ? [] : [...all, ...base.covered];
  return {
    remove: [...new Set(all)],
    send,
    bytes,
    through: base === null ? [] : throughOf(tree, base, all, send),
    hashes: hashLines(send, gone),
  };
}

/** Directories that the base has and nothing replaces, on the way to what is removed or new; from the top down. */
function throughOf(tree: ReleaseTree, base: ReleaseTree, remove: readonly string[], send: readonly ManifestEntry[]): string[] {
  const found = new Set<string>();
  for (const path of [...remove, ...send.map((entry) => entry.path), ...tree.links.map((link) => link.path)]) {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const parent = path.slice(0, end);
      if (!found.has(parent) && entryOf(base.entries, parent)?.type === 'directory') found.add(parent);
    }
  }
  return [...found].sort(compareBytes);
}

/** Stands in place of a hash for a file that is gone: as long as one, and no hash begins so. */
const GONE = '.'.repeat(64);

/**
 * Lines of a release's list of hashes as `sha256sum -c` reads them, in byte order of the paths: `<sha256>  <path>\n`, or dots for what is gone.
 * A path with a line break has no line.
 */
export function hashLines(send: readonly ManifestEntry[], gone: readonly string[]): string[] {
  const hashes = new Map(gone.map((path) => [path, GONE]));
  for (const entry of send) if (entry.type === 'file') hashes.set(entry.path, entry.sha256);
  return [...hashes]
    .filter(([path]) => !path.includes('\n'))
    .sort(([a], [b]) => compareBytes(a, b))
    .map(([path, hash]) => `${hash}  ${path}\n`);
}
