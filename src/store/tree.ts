// Reads a directory tree that others made, and refuses what must not become an artifact.
import { lstatSync, readlinkSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { DeployError } from '../core/errors.ts';
import { compareBytes } from '../core/manifest.ts';
import { forEachBounded } from './bounded.ts';
import { leavesTree } from './links.ts';

/** What stands in a tree. `mode` is normalised: 0644, or 0755 if the owner may execute it. `mtime` in seconds, with fraction. */
export type TreeEntry =
  | { readonly type: 'file'; readonly path: string; readonly mode: number; readonly size: number; readonly mtime: number }
  | { readonly type: 'link'; readonly path: string; readonly target: string }
  | { readonly type: 'directory'; readonly path: string };

/** Leaves room for the server's directory in front of it: PATH_MAX is 4,096. */
const MAX_PATH_BYTES = 2048;
const MAX_ENTRIES = 2_000_000;
/** Calls that wait take a fifth of the time of others; so often the daemon has its turn. */
const ENTRIES_IN_A_TURN = 200;

/**
 * Everything under `root`, in byte order of the paths, links not followed. Rejects with DeployError `hostile-tree`: a link that leaves the
 * tree or is absolute, a device, socket or pipe, a name or link that is not UTF-8 or holds control characters (tab and newline are allowed),
 * a path or tree that is too large.
 */
export async function readTree(root: string): Promise<TreeEntry[]> {
  const entries: TreeEntry[] = [];
  let directories = [''];
  while (directories.length > 0) {
    const below: string[] = [];
    await forEachBounded(directories, 8, async (directory) => {
      for (const name of await readdir(join(root, directory), { encoding: 'buffer' })) {
        const path = directory === '' ? decode(name, 'a name', directory) : `${directory}/${decode(name, 'a name', directory)}`;
        const entry = readEntry(root, path);
        entries.push(entry);
        if (entry.type === 'directory') below.push(path);
        if (entries.length > MAX_ENTRIES) throw refused(`it has more than ${MAX_ENTRIES} entries`);
        if (entries.length % ENTRIES_IN_A_TURN === 0) await setImmediate();
      }
    });
    directories = below;
  }
  refuseLeavingLinks(entries);
  return entries.sort((a, b) => compareBytes(a.path, b.path));
}

function readEntry(root: string, path: string): TreeEntry {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) throw refused(`the path ${shown(path)} is longer than ${MAX_PATH_BYTES} bytes`);
  const found = lstatSync(join(root, path));
  if (found.isDirectory()) return { type: 'directory', path };
  if (found.isFile())
    return { type: 'file', path, mode: (found.mode & 0o100) === 0 ? 0o644 : 0o755, size: found.size, mtime: found.mtimeMs / 1000 };
  if (found.isSymbolicLink()) {
    const target = decode(readlinkSync(join(root, path), { encoding: 'buffer' }), 'the link', path);
    return { type: 'link', path, target };
  }
  throw refused(`${shown(path)} is a device, socket or pipe`);
}

/** Text of bytes from the file system; refuses what would come back as other bytes, or could deceive people and terminals. */
function decode(bytes: Buffer, what: string, where: string): string {
  const text = bytes.toString('utf8');
  if (!Buffer.from(text).equals(bytes)) throw refused(`${what} in ${shown(where)} is not UTF-8: ${shown(bytes.toString('latin1'))}`);
  if (/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/.test(text))
    throw refused(`${what} in ${shown(where)} holds control characters: ${shown(text)}`);
  return text;
}

function refuseLeavingLinks(entries: readonly TreeEntry[]): void {
  const links = new Map(entries.flatMap((entry) => (entry.type === 'link' ? [[entry.path, entry.target] as const] : [])));
  for (const [path, target] of links) {
    if (target.startsWith('/')) throw refused(`the symbolic link ${shown(path)} is absolute (${shown(target)}); make it relative`);
    if (leavesTree(path, links)) throw refused(`the symbolic link ${shown(path)} leaves the tree (${shown(target)})`);
  }
}

const refused = (why: string): DeployError => new DeployError('hostile-tree', `the tree cannot become an artifact: ${why}.`);

/** A path for a message: quoted, with everything unprintable as an escape; at most 300 characters. */
export function shown(path: string): string {
  const quoted = JSON.stringify(path === '' ? '.' : path).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return quoted.length <= 300 ? quoted : `${quoted.slice(0, 300)}…`;
}
