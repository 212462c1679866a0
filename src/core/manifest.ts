// Manifests: their canonical text, the tree that a server must show, and the difference between two.
import type { Manifest, ManifestEntry } from './artifact.ts';
import type { ReleaseLink } from './channel.ts';
import type { SharedPath } from './cluster.ts';
import { providedPlace } from './files.ts';

/** Compares by UTF-8 bytes, as `LC_ALL=C sort` does. (UTF-16 order differs above U+FFFF.) */
export function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return isSurrogate(x) === isSurrogate(y) ? x - y : isSurrogate(x) ? 1 : -1;
  }
  return a.length - b.length;
}

/** Sorts texts by their UTF-8 bytes. UTF-16 order, which is built in, is the same unless there is a surrogate. */
export function sortBytes(texts: string[]): string[] {
  if (texts.some((text) => /[\ud800-\udfff]/.test(text))) return texts.sort(compareBytes);
  return texts.sort();
}

const isSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdfff;

/**
 * The manifest's canonical text, one NUL-ended line per entry; an artifact's id is the SHA-256 of it.
 * Times of files belong to it, so that the servers' trees can be compared as a whole.
 */
export function manifestText(manifest: Manifest): string {
  return manifest.entries.map(entryLine).join('');
}

function entryLine(entry: ManifestEntry): string {
  switch (entry.type) {
    case 'file':
      return `f ${entry.mode.toString(8)} ${entry.size} ${entry.mtime} ${entry.sha256} ${entry.path}\0`;
    case 'link':
      return `l ${entry.path} -> ${entry.target}\0`;
    case 'directory':
      return `d ${entry.path}\0`;
    default:
      return entry satisfies never;
  }
}

/** The files from outside that a release has: their paths in it. Where they lie depends on the release's name. */
export type Provided = { readonly release: string; readonly paths: readonly string[] };

/** A release on a cluster's servers: the artifact's entries without the paths of links, and the links that stand in their place. */
export type ReleaseTree = {
  readonly entries: readonly ManifestEntry[];
  readonly links: readonly ReleaseLink[];
  /** Paths of the artifact that are not sent because a link covers them. */
  readonly covered: readonly string[];
};

/** Lays the cluster's shared paths and the provided files over an artifact. Parents that the artifact lacks are added as directories. */
export function releaseTree(manifest: Manifest, shared: readonly SharedPath[], provided: Provided | null = null): ReleaseTree {
  const links = [...shared.map(sharedLink), ...(provided?.paths ?? []).map((path) => providedLink(path, provided?.release ?? ''))];
  let { entries } = manifest;
  const covered: string[] = [];
  const cover = (from: number, to: number): void => {
    if (from === to) return;
    for (const { path } of entries.slice(from, to)) covered.push(path);
    entries = entries.toSpliced(from, to - from);
  };
  for (const { path } of links) {
    const at = placeOf(entries, path);
    cover(at, entries[at]?.path === path ? at + 1 : at);
    cover(placeOf(entries, `${path}/`), placeOf(entries, `${path}${AFTER_SLASH}`));
  }
  for (const { path } of links) {
    for (const parent of prefixes(path).slice(0, -1)) {
      const at = placeOf(entries, parent);
      if (entries[at]?.path !== parent) entries = entries.toSpliced(at, 0, { type: 'directory', path: parent });
    }
  }
  return { entries, links, covered };
}

/** The character after `/`: what is below a directory stands before it. */
const AFTER_SLASH = '0';

/** Where the entry of a path stands, or would stand, among entries in byte order of their paths. */
function placeOf(entries: readonly ManifestEntry[], path: string): number {
  let from = 0;
  let to = entries.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (compareBytes(entries[middle]?.path ?? '', path) < 0) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** The entry of a path among entries in byte order of their paths. */
export function entryOf(entries: readonly ManifestEntry[], path: string): ManifestEntry | null {
  const entry = entries[placeOf(entries, path)];
  return entry?.path === path ? entry : null;
}

/** Two lists in byte order of their paths as one; they have no path in common. */
export function merged(some: readonly ManifestEntry[], others: readonly ManifestEntry[]): ManifestEntry[] {
  const all: ManifestEntry[] = [];
  let next = 0;
  for (const entry of others) {
    const at = placeOf(some, entry.path);
    while (next < at) all.push(some[next++] as ManifestEntry);
    all.push(entry);
  }
  while (next < some.length) all.push(some[next++] as ManifestEntry);
  return all;
}

/** What a seed begins is not made empty before. */
function sharedLink({ path, kind, seed }: SharedPath): ReleaseLink {
  return { path, kind: seed === undefined ? kind : 'seeded', target: `${toTop(path)}shared/${path}` };
}

const providedLink = (path: string, release: string): ReleaseLink => ({
  path,
  kind: 'provided',
  target: `${toTop(path)}${providedPlace(release, path)}`,
});

/** From the directory of a path of a release to the server's own. */
const toTop = (path: string): string => '../'.repeat(path.split('/').length + 1);

/**
 * A link of `tree` that cannot be made, because something that is no directory stands on its way in the artifact; `null`: there is none.
 */
export function blockedLink({ entries, links }: ReleaseTree): { readonly path: string; readonly by: string } | null {
  const blocks = (path: string): boolean => (entryOf(entries, path)?.type ?? 'directory') !== 'directory';
  for (const { path } of links) {
    const by = prefixes(path).slice(0, -1).find(blocks);
    if (by !== undefined) return { path, by };
  }
  return null;
}

/** `a/b/c` → `a`, `a/b`, `a/b/c`. */
function prefixes(path: string): string[] {
  const parts = path.split('/');
  return parts.map((_, i) => parts.slice(0, i + 1).join('/'));
}

/**
 * The lines that `find` prints on the server for this tree, sorted by bytes, each ended by NUL:
 * `d <path>`, `l <path> -> <target>`, `f <octal mode> <size> <mtime in whole seconds> <path>`.
 */
export function treeLines(tree: ReleaseTree): string[] {
  // Sorted kind by kind: directories stand in their order already.
  const directories: string[] = [];
  const files: string[] = [];
  const links = tree.links.map((link) => `l ${link.path} -> ${link.target}\0`);
  for (const entry of tree.entries) {
    if (entry.type === 'directory') directories.push(`d ${entry.path}\0`);
    else if (entry.type === 'link') links.push(`l ${entry.path} -> ${entry.target}\0`);
    else files.push(`f ${entry.mode.toString(8)} ${entry.size} ${entry.mtime} ${entry.path}\0`);
  }
  return [...directories, ...sortBytes(files), ...sortBytes(links)];
}

/** What must happen to a clone of `base` so that it becomes `target`. */
export type TreeDifference = {
  /** To be unlinked from the clone: changed, mode-changed, retyped and deleted paths, deepest first. */
  readonly remove: readonly string[];
  /** To be sent: new and changed files and links, new directories, in byte order. */
  readonly send: readonly ManifestEntry[];
  readonly bytes: number;
};

/** Compares two trees path by path. A change of mode or time alone counts as a change: the hard link must be broken for it. */
export function difference(base: ReleaseTree, target: ReleaseTree): TreeDifference {
  const remove: string[] = [];
  const send: ManifestEntry[] = [];
  let next = 0;
  for (const entry of target.entries) {
    let old = base.entries[next];
    for (; old !== undefined && old !== entry && compareBytes(old.path, entry.path) < 0; old = base.entries[++next]) remove.push(old.path);
    if (old?.path === entry.path) {
      next++;
      if (isSame(old, entry)) continue;
      remove.push(entry.path);
    }
    send.push(entry);
  }
  for (const { path } of base.entries.slice(next)) remove.push(path);
  const wanted = new Map(target.links.map((link) => [link.path, link.target]));
  for (const link of base.links) if (wanted.get(link.path) !== link.target) remove.push(link.path);
  remove.sort((a, b) => compareBytes(b, a));
  const bytes = send.reduce((sum, entry) => sum + (entry.type === 'file' ? entry.size : 0), 0);
  return { remove, send, bytes };
}

function isSame(a: ManifestEntry, b: ManifestEntry): boolean {
  if (a === b) return true;
  if (a.type === 'file' && b.type === 'file') {
    return a.size === b.size && a.mtime === b.mtime && a.mode === b.mode && a.sha256 === b.sha256;
  }
  return a.type === 'link' && b.type === 'link' ? a.target === b.target : a.type === b.type;
}

/** What `sha256sum -z` prints for these files: the `content` of a seal request. `before`: stands before each path. */
export function contentLines(entries: readonly ManifestEntry[], before = ''): string[] {
  return entries.flatMap((entry) => (entry.type === 'file' ? [`${entry.sha256}  ${before}${entry.path}\0`] : []));
}
