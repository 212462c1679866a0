// A tar of some entries of an artifact, written from its manifest: the same entries give the same bytes.
import { createReadStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { ManifestEntry } from '../core/artifact.ts';
import type { ReleaseLink } from '../core/channel.ts';
import { DeployError } from '../core/errors.ts';

const BLOCK = 512;
/** Read at once, which costs a tenth of a stream; the daemon has its turn after each few. */
const SMALL = 256 * 1024;
const FILES_IN_A_TURN = 50;
/** Names up to here fit into the header itself. */
const SHORT = 100;

/** What goes on together: a compressor would else get three pieces for every file. */
const PIECE = 256 * 1024;

/**
 * The archive in pieces, in the format of GNU tar (its manual, "Basic Tar Format"). Directories come before what is in them, links last: no
 * file is ever written through one. Rejects with DeployError `artifact` when a file is not as long as its manifest says.
 */
export async function* tarOf(
  directory: string,
  entries: readonly ManifestEntry[],
  links: readonly ReleaseLink[],
): AsyncGenerator<Buffer, void, undefined> {
  let parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of membersOf(directory, entries, links)) {
    parts.push(part);
    bytes += part.length;
    if (bytes < PIECE) continue;
    yield Buffer.concat(parts);
    parts = [];
    bytes = 0;
  }
  yield Buffer.concat(parts);
}

async function* membersOf(
  directory: string,
  entries: readonly ManifestEntry[],
  links: readonly ReleaseLink[],
): AsyncGenerator<Buffer, void, undefined> {
  const time = entries.reduce((latest, entry) => (entry.type === 'file' ? Math.max(latest, entry.mtime) : latest), 0);
  for (const entry of entries) {
    if (entry.type === 'directory') yield member({ path: `${entry.path}/`, type: '5', mode: 0o755, mtime: time });
  }
  let files = 0;
  for (const entry of entries) {
    if (entry.type !== 'file') continue;
    files += 1;
    if (files % FILES_IN_A_TURN === 0) await setImmediate();
    yield member({ path: entry.path, type: '0', mode: entry.mode, mtime: entry.mtime, size: entry.size });
    yield* contentOf(join(directory, entry.path), entry.size);
  }
  for (const entry of entries) if (entry.type === 'link') yield linkTo(entry.path, entry.target, time);
  for (const { path, target } of links) yield linkTo(path, target, time);
  yield Buffer.alloc(2 * BLOCK);
}

const linkTo = (path: string, target: string, mtime: number): Buffer => member({ path, type: '2', mode: 0o777, mtime, target });

async function* contentOf(path: string, size: number): AsyncGenerator<Buffer, void, undefined> {
  if (size <= SMALL) {
    const content = readFileSync(path);
    if (content.length !== size) throw changed(path);
    yield content;
  } else yield* largeContentOf(path, size);
  if (size % BLOCK !== 0) yield Buffer.alloc(BLOCK - (size % BLOCK));
}

async function* largeContentOf(path: string, size: number): AsyncGenerator<Buffer, void, undefined> {
  let read = 0;
  // One byte more than there should be shows a file that grew.
  for await (const piece of createReadStream(path, { end: size, highWaterMark: 256 * 1024 })) {
    read += (piece as Buffer).length;
    if (read <= size) yield piece as Buffer;
  }
  if (read !== size) throw changed(path);
}

const changed = (path: string): DeployError =>
  new DeployError('artifact', `${path} is no longer as it was sealed; remove its artifact and deploy the revision again`);

type Member = {
  readonly path: string;
  readonly type: '0' | '2' | '5' | 'L' | 'K';
  readonly mode: number;
  readonly mtime: number;
  readonly size?: number;
  readonly target?: string;
};

function member({ path, type, mode, mtime, size = 0, target = '' }: Member): Buffer {
  const [name, link] = [Buffer.from(path), Buffer.from(target)];
  const parts: Buffer[] = [];
  if (link.length > SHORT) parts.push(longName('K', link));
  if (name.length > SHORT) parts.push(longName('L', name));
  return Buffer.concat([...parts, header(name, link, type, mode, mtime, size)]);
}

/** A member whose content is the name of the next one. */
function longName(type: 'L' | 'K', name: Buffer): Buffer {
  const padded = Buffer.alloc(Math.ceil((name.length + 1) / BLOCK) * BLOCK);
  name.copy(padded);
  return Buffer.concat([header(Buffer.from('././@LongLink'), Buffer.alloc(0), type, 0, 0, name.length + 1), padded]);
}

function header(name: Buffer, link: Buffer, type: string, mode: number, mtime: number, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  name.copy(block, 0, 0, SHORT);
  number(block, 100, 8, mode);
  number(block, 108, 8, 0);
  number(block, 116, 8, 0);
  number(block, 124, 12, size);
  number(block, 136, 12, mtime);
  block.fill(' ', 148, 156);
  block.write(type, 156);
  link.copy(block, 157, 0, SHORT);
  block.write('ustar  \0', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** Octal digits and a NUL; what does not fit is big-endian behind a byte 0x80 (GNU's base-256). */
function number(block: Buffer, at: number, length: number, value: number): void {
  const digits = value.toString(8);
  if (digits.length < length) {
    block.write(`${digits.padStart(length - 1, '0')}\0`, at, 'latin1');
    return;
  }
  block[at] = 0x80;
  block.writeBigUInt64BE(BigInt(value), at + length - 8);
}
