// Writes what is new in a revision since another one: the difference of two trees, past the tree guard, and nothing is read of what stayed.
import { mkdirSync } from 'node:fs';
import { symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { ManifestEntry } from '../core/artifact.ts';
import { damaged, git, tryGit } from './git-command.ts';
import type { Mirror } from './git-command.ts';
import { fileMode, readTargets, writeFiles } from './git-export.ts';
import type { File } from './git-export.ts';
import { readSmallBlobs } from './git-objects.ts';
import type { GitEntry } from './git-tree.ts';
import { subdirectoryParts } from './names.ts';
import { createTreeGuard } from './tree-guard.ts';

/** One path that differs: what was there (anything at all, a directory too), and what is there now; `null`: nothing. Sizes are still to be asked for. */
type Change = { readonly path: Buffer; readonly wasThere: boolean; readonly now: Omit<GitEntry, 'size' | 'path'> | null };

/** So many contents, of so many bytes together, are held in memory. */
const FEW = 500;
const SMALL = 4 * 1024 * 1024;

/** Made by calls that wait, which take a fifth of the time; so many before the daemon has its turn. */
const DIRECTORIES_IN_A_TURN = 50;

const NOTHING = '000000';
const DIRECTORY = '040000';

/**
 * Writes into an empty directory what `newer` has and `older` had not, or had differently. `base`: the whole tree of `older`, which has passed
 * the guard; together with what is new it passes again. Returns the paths of `base` that are gone or replaced; `null` if one of the
 * revisions lacks the subdirectory. Throws DeployError `hostile-tree`, `repository`, `disk`, `aborted`.
 */
export async function exportDifference(
  mirror: Mirror,
  { older, newer, subdirectory, base }: { older: string; newer: string; subdirectory: string; base: readonly ManifestEntry[] },
  directory: string,
  signal: AbortSignal,
): Promise<string[] | null> {
  const changes = await listChanges(mirror, older, newer, subdirectory, signal);
  if (changes === null) return null;
  const gone = new Set(changes.filter((change) => change.wasThere).map((change) => change.path.toString()));
  const ids = blobsIn(changes);
  // A commit is small as a rule: then its contents are asked for at once, and not their sizes first.
  const contents = ids.length > FEW ? null : await readSmallBlobs(mirror, ids, SMALL, signal);
  const entries = contents === null ? await withSizes(mirror, changes, ids, signal) : sized(changes, (id) => contents.get(id)?.length);
  const targets = contents ?? (await readTargets(mirror, entries, signal));
  const guard = createTreeGuard(`the tree of ${mirror.title} at ${newer}`);
  for (const entry of base) if (!gone.has(entry.path)) guard.trust(entry);
  const files: File[] = [];
  const links: { path: string; target: string }[] = [];
  const directories: string[] = [];
  for (const { mode, id, size, path } of entries) {
    if (mode === DIRECTORY) directories.push(guard.add({ type: 'directory', path }));
    else if (mode === '160000') guard.add({ type: 'gitlink', path });
    else if (mode === '120000') {
      const target = targets.get(id) ?? Buffer.alloc(0);
      links.push({ path: guard.add({ type: 'link', path, target }), target: target.toString() });
    } else files.push({ id, size, path: guard.add({ type: 'file', path, size }), mode: fileMode(mode) });
  }
  guard.finish();
  const parents = new Set([...directories, ...[...files, ...links].map(({ path }) => dirname(path))]);
  let made = 0;
  for (const path of parents) {
    mkdirSync(join(directory, path), { recursive: true, mode: 0o755 });
    if (++made % DIRECTORIES_IN_A_TURN === 0) await setImmediate();
  }
  await writeFiles({ mirror, commit: newer, files }, directory, signal, contents);
  for (const link of links) await symlink(link.target, join(directory, link.path));
  return [...gone];
}

/** git-diff-tree(1), raw output: `:<old mode> <new mode> <old id> <new id> <status>` NUL `<path>` NUL. */
async function listChanges(
  mirror: Mirror,
  older: string,
  newer: string,
  subdirectory: string,
  signal: AbortSignal,
): Promise<Change[] | null> {
  const path = (subdirectoryParts(subdirectory) ?? []).join('/');
  const tried = `comparing ${older} and ${newer} of ${mirror.title}`;
  const args = ['diff-tree', '-r', '-t', '-z', '--raw', '--no-abbrev', '--no-renames', `${older}:${path}`, `${newer}:${path}`, '--'];
  const ended = await tryGit(mirror, { tried, args, signal });
  if (ended.exit !== 0) return null;
  const changes: Change[] = [];
  const out = ended.stdout;
  for (let start = 0; start < out.length;) {
    const middle = out.indexOf(0, start);
    const end = out.indexOf(0, middle + 1);
    const match = /^:([0-7]{6}) ([0-7]{6}) [0-9a-f]+ ([0-9a-f]+) [A-Z]$/.exec(out.toString('latin1', start, middle));
    const [, before = '', mode = '', id = ''] = match ?? [];
    if (match === null || end < 0) throw damaged(tried, `fatal: bad tree: ${out.toString('latin1', start, middle)}`);
    start = end + 1;
    // A directory in which something differs.
    if (before === DIRECTORY && mode === DIRECTORY) continue;
    const now = mode === NOTHING ? null : { mode, id };
    changes.push({ path: Buffer.from(out.subarray(middle + 1, end)), wasThere: before !== NOTHING, now });
  }
  return changes;
}

/** What is new of files and links. */
function blobsIn(changes: readonly Change[]): string[] {
  const isBlob = (mode: string): boolean => mode.startsWith('1') && mode !== '160000';
  return [...new Set(changes.flatMap(({ now }) => (now !== null && isBlob(now.mode) ? [now.id] : [])))];
}

const sized = (changes: readonly Change[], sizeOf: (id: string) => number | undefined): GitEntry[] =>
  changes.flatMap(({ path, now }) => (now === null ? [] : [{ ...now, path, size: sizeOf(now.id) ?? 0 }]));

/** What is new, with the sizes of its blobs. */
async function withSizes(mirror: Mirror, changes: readonly Change[], blobs: readonly string[], signal: AbortSignal): Promise<GitEntry[]> {
  const tried = `reading the files of ${mirror.title}`;
  const input = blobs.map((id) => `${id}\n`).join('');
  const lines = (await git(mirror, { tried, args: ['cat-file', '--batch-check'], input, signal })).toString().split('\n');
  const sizes = new Map<string, number>();
  for (const [index, id] of blobs.entries()) {
    const match = /^([0-9a-f]+) blob ([0-9]+)$/.exec(lines[index] ?? '');
    if (match?.[1] !== id) throw damaged(tried, `fatal: bad object: ${lines[index] ?? id}`);
    sizes.set(id, Number(match[2]));
  }
  return sized(changes, (id) => sizes.get(id));
}
