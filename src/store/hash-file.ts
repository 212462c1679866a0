// Reads files of a tree that others made, and hashes them.
import { createHash, hash, type Hash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { constants, open, type FileHandle } from 'node:fs/promises';
import { DeployError } from '../core/errors.ts';
import { shown } from './tree.ts';

/** Read by calls that wait, which take a fifth of the time. */
export const SMALL = 256 * 1024;

/** SHA-256 and size of a file that is about as long as `size`. */
export async function hashOf(path: string, size: number): Promise<{ sha256: string; size: number }> {
  if (size > SMALL) return hashFile(path);
  const content = readSmall(path);
  return { sha256: hash('sha256', content), size: content.length };
}

/** Neither a link nor a pipe that took the file's place is opened (a pipe would block for ever). */
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

const replaced = (path: string): DeployError => new DeployError('hostile-tree', `${shown(path)} changed while it was being sealed.`);

export function readSmall(path: string): Buffer {
  const file = openSync(path, READ);
  try {
    if (!fstatSync(file).isFile()) throw replaced(path);
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

/** SHA-256 and size of a file, copied to `to` on the way. In pieces: memory does not grow with the file. */
export async function hashFile(path: string, to?: FileHandle): Promise<{ sha256: string; size: number }> {
  const from = await open(path, READ);
  try {
    if (!(await from.stat()).isFile()) throw replaced(path);
    const hash = createHash('sha256');
    const size = await pump(from, hash, to);
    return { sha256: hash.digest('hex'), size };
  } finally {
    await from.close();
  }
}

async function pump(from: FileHandle, hash: Hash, to: FileHandle | undefined): Promise<number> {
  const buffer = Buffer.allocUnsafe(128 * 1024);
  for (let size = 0; ;) {
    const { bytesRead } = await from.read(buffer, 0, buffer.length);
    if (bytesRead === 0) return size;
    const piece = buffer.subarray(0, bytesRead);
    hash.update(piece);
    if (to !== undefined) await to.writeFile(piece);
    size += bytesRead;
  }
}
