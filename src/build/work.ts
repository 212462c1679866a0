// The directory of one build, and how it goes away again.
import { randomBytes } from 'node:crypto';
import { lstat, mkdir, mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Isolation } from './isolation.ts';

/** coreutils do the file work: they cope with paths longer than PATH_MAX, with other file systems, and with half a million files. */
async function coreutil(file: 'rm' | 'mv' | 'chown' | 'chmod', ...args: string[]): Promise<void> {
  await execa(file, args, {
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8' },
    extendEnv: false,
    stdin: 'ignore',
  });
}

/**
 * Makes `<random>/{tree,home,tmp}`. Without mounts of its own a build under another account must be able to reach the directory, which it
 * cannot below a private data directory: then it is made in the machine's temporary directory, with `prefix` in front of its name.
 */
export async function makeWork(directory: string, prefix: string, isolation: Isolation): Promise<string> {
  const work = isolation.kind === 'setpriv' ? await mkdtemp(join(tmpdir(), prefix)) : await makeScratch(directory);
  for (const name of ['tree', 'home', 'tmp', 'tmp/home', 'tmp/build']) await mkdir(join(work, name), { mode: 0o700 });
  return work;
}

/** Makes `<random>`, for the daemon only. */
export async function makeScratch(directory: string): Promise<string> {
  const path = join(directory, randomBytes(8).toString('hex'));
  await mkdir(path, { recursive: true, mode: 0o700 });
  return path;
}

/** Gives the work directory to the account of the build. Links are not followed. */
export async function giveTo(path: string, { user }: Isolation): Promise<void> {
  if (user !== null) await coreutil('chown', '-hR', `${user.uid}:${user.gid}`, '--', path);
}

/** Moves a directory to a name that is free, also to another file system. */
export async function move(from: string, to: string): Promise<void> {
  await coreutil('mv', '-T', '--', from, to);
}

/** Removes a directory tree, whatever is in it; directories that their owner may not write (as Go's module cache) are opened first. */
export async function remove(path: string): Promise<void> {
  if ((await lstat(path).catch(() => null)) === null) return;
  try {
    await coreutil('rm', '-rf', '--', path);
  } catch {
    await coreutil('chmod', '-R', 'u+rwX', '--', path);
    await coreutil('rm', '-rf', '--', path);
  }
}

/** Removes what a daemon that was killed left in its work directory, and in the machine's temporary directory under `prefix`. */
export async function removeLeftWork(directory: string, prefix: string): Promise<void> {
  for (const name of await readdir(directory)) await remove(join(directory, name));
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(prefix)) continue;
    const path = join(tmpdir(), name);
    const found = await lstat(path).catch(() => null);
    if (found?.isDirectory() === true && isOurs(found.uid, process.getuid?.())) await remove(path);
  }
}

/** Root gives its work directories away, so that it finds them with another owner. */
const isOurs = (owner: number, uid: number | undefined): boolean => uid === 0 || owner === uid;
