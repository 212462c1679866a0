// Small files that are there whole or not at all, also after a power loss.
import { randomBytes } from 'node:crypto';
import { link, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a file, mode 0600, unless it exists: then it stays as it is and the answer is false. Of two callers at the same time one makes it.
 * Temporary file, fsync, link(2), fsync of the directory. Rejects with the file system's error.
 */
export async function createFile(path: string, text: string): Promise<boolean> {
  const temporary = temporaryFor(path);
  try {
    await writeDurably(temporary, text);
    await link(temporary, path);
    await syncDirectory(dirname(path));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Makes a file, mode 0600, or puts it in the place of the one that is there. Rejects with the file system's error. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = temporaryFor(path);
  try {
    await writeDurably(temporary, text);
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } finally {
    await rm(temporary, { force: true });
  }
}

const temporaryFor = (path: string): string => `${path}.${randomBytes(6).toString('hex')}.tmp`;

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes the names in a directory durable: fsync(2) of a file does not cover the entry that names it. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
