// Writes a revision's tree as files: git's objects, bit for bit, past the tree guard and past every attribute, filter and hook.
import { closeSync, fchmodSync, openSync, writeFileSync } from 'node:fs';
import { chmod, mkdir, open, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { DeployError } from '../core/errors.ts';
import { bringCommit, inMirror } from './git-mirror.ts';
import type { Mirror } from './git-command.ts';
import { fillPointers, parsePointer, POINTER_MAX } from './git-lfs.ts';
import type { LfsPointer } from './git-lfs.ts';
import { readBlobs, whole } from './git-objects.ts';
import { readSubmodules, SUBMODULE_DEPTH, submoduleRemote } from './git-submodules.ts';
import { listTree } from './git-tree.ts';
import type { GitEntry } from './git-tree.ts';
import type { GitUrl } from './git-url.ts';
import { subdirectoryParts } from './names.ts';
import { createTreeGuard, TREE_LIMITS } from './tree-guard.ts';
import type { TreeGuard } from './tree-guard.ts';

/** Makes the mirror of a submodule; serialised with all other work on it. */
export type OpenMirror = (remote: GitUrl, title: string) => Mirror;

export type File = { readonly id: string; readonly size: number; readonly path: string; readonly mode: number };
type Link = { readonly path: string; readonly target: string };

/** What will be written from one mirror. */
type Part = {
  readonly mirror: Mirror;
  readonly commit: string;
  readonly directories: string[];
  readonly files: File[];
  readonly links: Link[];
};

/** A tree to be exported: `prefix` is where it comes to lie. */
type Source = {
  readonly mirror: Mirror;
  readonly commit: string;
  readonly tree: string;
  readonly prefix: string;
  readonly subdirectory: string;
};

/**
 * Writes a tree into an empty directory: files 0644 or 0755, directories 0755, links as links. The whole tree, with all submodules, is
 * checked before the first file is written. Throws DeployError `hostile-tree`, `repository`, `disk`, `aborted`.
 */
export async function exportTree(
  source: Omit<Source, 'prefix'>,
  directory: string,
  openMirror: OpenMirror,
  signal: AbortSignal,
): Promise<void> {
  const parts: Part[] = [];
  const guard = createTreeGuard(`the tree of ${source.mirror.title} at ${source.commit}`);
  await collect({ ...source, prefix: '' }, guard, parts, openMirror, 0, signal);
  guard.finish();
  for (const part of parts) {
    if (part.mirror === source.mirror) await write(part, directory, signal);
    else {
      // A submodule's mirror may have to be healed here: then its commit is fetched once more, and what was written is written over.
      await inMirror(part.mirror, async () => {
        await bringCommit(part.mirror, part.commit, signal);
        await write(part, directory, signal);
      });
    }
  }
  // Links last: no file is ever written through one.
  for (const part of parts) for (const link of part.links) await symlink(link.target, join(directory, link.path));
}

/** Lists a tree and the trees of its submodules, passing each entry by the guard. */
async function collect(
  source: Source,
  guard: TreeGuard,
  parts: Part[],
  openMirror: OpenMirror,
  depth: number,
  signal: AbortSignal,
): Promise<void> {
  const { mirror, commit } = source;
  const read = async (): Promise<{ entries: GitEntry[]; targets: ReadonlyMap<string, Buffer> }> => {
    const entries = await listTree(mirror, source.tree, TREE_LIMITS.entries, signal);
    return { entries, targets: await readTargets(mirror, entries, signal) };
  };
  const bringAndRead = async (): ReturnType<typeof read> => {
    await bringCommit(mirror, commit, signal);
    return await read();
  };
  const { entries, targets } = depth === 0 ? await read() : await inMirror(mirror, bringAndRead);
  const hosts = mirror.repository.submodules;
  const part: Part = { mirror, commit, directories: [], files: [], links: [] };
  parts.push(part);
  const modules: { path: string; id: string }[] = [];
  const prefix = source.prefix === '' ? Buffer.alloc(0) : Buffer.from(`${source.prefix}/`);
  for (const entry of entries) {
    const path = Buffer.concat([prefix, entry.path]);
    switch (entry.mode) {
      case '040000':
        part.directories.push(guard.add({ type: 'directory', path }));
        break;
      case '120000': {
        const target = targets.get(entry.id) ?? Buffer.alloc(0);
        part.links.push({ path: guard.add({ type: 'link', path, target }), target: target.toString() });
        break;
      }
      case '160000': {
        const added = guard.add({ type: hosts === null ? 'gitlink' : 'directory', path });
        part.directories.push(added);
        modules.push({ path: entry.path.toString(), id: entry.id });
        break;
      }
      default:
        part.files.push({
          id: entry.id,
          size: entry.size,
          path: guard.add({ type: 'file', path, size: entry.size }),
          mode: fileMode(entry.mode),
        });
    }
  }
  if (modules.length === 0 || hosts === null) return;
  if (depth >= SUBMODULE_DEPTH) {
    throw new DeployError(
      'hostile-tree',
      `the tree of ${mirror.title} was refused: submodules are nested more than ${SUBMODULE_DEPTH} deep.`,
    );
  }
  const urls = await readSubmodules(mirror, commit, signal);
  const top = subdirectoryParts(source.subdirectory) ?? [];
  for (const { path, id } of modules) {
    const full = [...top, path].join('/');
    const module = openMirror(submoduleRemote(mirror, full, urls.get(full), hosts), `${mirror.repository.name} (submodule ${full})`);
    const at = source.prefix === '' ? path : `${source.prefix}/${path}`;
    await collect(
      { mirror: module, commit: id, tree: `${id}^{tree}`, prefix: at, subdirectory: '.' },
      guard,
      parts,
      openMirror,
      depth + 1,
      signal,
    );
  }
}

/** 100644, 100755, and what old tools wrote (100664): only "executable or not" has a meaning. */
export const fileMode = (mode: string): number => ((parseInt(mode, 8) & 0o100) === 0 ? 0o644 : 0o755);

/** The targets of the links among the entries, by blob id. */
export async function readTargets(mirror: Mirror, entries: readonly GitEntry[], signal: AbortSignal): Promise<ReadonlyMap<string, Buffer>> {
  const targets = new Map<string, Buffer>();
  const wanted: GitEntry[] = [];
  for (const entry of entries) {
    if (entry.mode !== '120000' || targets.has(entry.id)) continue;
    // Far too long for a target: the guard refuses it by its length, its content is of no interest.
    if (entry.size > 8_192) targets.set(entry.id, Buffer.alloc(8_192, 'x'));
    else {
      targets.set(entry.id, Buffer.alloc(0));
      wanted.push(entry);
    }
  }
  await readBlobs(mirror, wanted, async (entry, content) => void targets.set(entry.id, await whole(content)), signal);
  return targets;
}

/** Files up to this size are written as a whole, by calls that wait: these take a fifth of the time, and the daemon has its turn with each chunk that git sends. */
const SMALL = 256 * 1024;

async function write(part: Part, directory: string, signal: AbortSignal): Promise<void> {
  for (const path of part.directories) {
    await mkdir(join(directory, path), { recursive: true, mode: 0o755 });
    await chmod(join(directory, path), 0o755);
  }
  await writeFiles(part, directory, signal);
}

/** Writes files into directories that are there. `contents`: of all their blobs, by id; `null`: to be read. */
export async function writeFiles(
  part: Pick<Part, 'mirror' | 'commit' | 'files'>,
  directory: string,
  signal: AbortSignal,
  contents: ReadonlyMap<string, Buffer> | null = null,
): Promise<void> {
  const pointers: LfsPointer[] = [];
  const put = (file: File, bytes: Buffer): void => {
    const path = join(directory, file.path);
    const pointer = part.mirror.repository.lfs && bytes.length < POINTER_MAX ? parsePointer(bytes.toString()) : null;
    if (pointer !== null) pointers.push({ ...pointer, text: bytes.toString(), file: path, path: file.path });
    writeSmall(path, file.mode, pointer === null ? bytes : Buffer.alloc(0));
  };
  const take = async (file: File, content: AsyncIterable<Buffer>): Promise<void> => {
    if (file.size > SMALL) await writeLarge(join(directory, file.path), file.mode, content);
    else put(file, await whole(content));
  };
  if (contents === null) await readBlobs(part.mirror, part.files, take, signal);
  else for (const file of part.files) put(file, contentOf(file, contents));
  await fillPointers(part.mirror, part.commit, pointers, signal);
}

function contentOf({ id, path }: File, contents: ReadonlyMap<string, Buffer>): Buffer {
  const content = contents.get(id);
  if (content === undefined) throw new Error(`nobody has read ${path} (${id})`);
  return content;
}

function writeSmall(path: string, mode: number, content: Buffer): void {
  const file = openSync(path, 'w', mode);
  try {
    writeFileSync(file, content);
    fchmodSync(file, mode);
  } finally {
    closeSync(file);
  }
}

async function writeLarge(path: string, mode: number, content: AsyncIterable<Buffer>): Promise<void> {
  const file = await open(path, 'w', mode);
  try {
    for await (const chunk of content) await file.writeFile(chunk);
    await file.chmod(mode);
  } finally {
    await file.close();
  }
}
