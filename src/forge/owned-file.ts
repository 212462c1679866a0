// Writes the files of an installation so that they belong to the repository's owner, and so that doing it twice changes nothing.
import { randomBytes } from 'node:crypto';
import { lchown, lstat, mkdir, open, readFile, rename, unlink } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { DeployError } from '../core/errors.ts';

export type Owner = { readonly uid: number; readonly gid: number };

/** Who the files are to belong to: the owner of the repository's directory, whom only root can act for; `null`: whoever runs this. */
export async function ownerOf(directory: string): Promise<Owner | null> {
  const { uid, gid } = await lstat(directory).catch((error: unknown) => fail(`${directory} cannot be opened`, error));
  return process.getuid?.() === 0 ? { uid, gid } : null;
}

/** Makes the directory unless it is there. A symbolic link in its place is refused: root would write where it leads. */
export async function ensureDirectory(path: string, mode: number, owner: Owner | null): Promise<void> {
  const there = await look(path);
  if (there?.isDirectory() === true) return;
  if (there !== null)
    throw new DeployError('conflict', `${path} is in the way: it should be a directory (symbolic links are not followed here).`);
  try {
    await mkdir(path, { mode });
    if (owner !== null) await lchown(path, owner.uid, owner.gid);
  } catch (error) {
    fail(`${path} cannot be made`, error);
  }
}

/** Replaces the file as a whole unless it is as wanted. Modes among `allowed` are left as they are. Resolves to whether anything changed. */
export async function ensureFile(
  path: string,
  content: string,
  allowed: readonly [number, ...number[]],
  owner: Owner | null,
): Promise<boolean> {
  const there = await look(path);
  if (there !== null && !there.isFile()) throw new DeployError('conflict', `${path} is in the way: it should be a file.`);
  const isOwned = there !== null && (owner === null || there.uid === owner.uid);
  if (isOwned && allowed.includes(there.mode & 0o7777) && (await readFile(path, 'utf8').catch(() => null)) === content) return false;
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(content);
      if (owner !== null) await file.chown(owner.uid, owner.gid);
      await file.chmod(allowed[0]);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    fail(`${path} cannot be written`, error);
  }
  return true;
}

/** What is at the path itself, not where a link leads; `null`: nothing. */
export async function look(path: string): Promise<Stats | null> {
  try {
    return await lstat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    return fail(`${path} cannot be looked at`, error);
  }
}

function fail(what: string, error: unknown): never {
  throw new DeployError(
    'configuration',
    `${what}: ${(error as Error).message}. Run this as the owner of the repository, or as root.`,
    null,
    error,
  );
}
