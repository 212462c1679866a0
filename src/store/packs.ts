// Packs: what a deployment sends, made once, and read by as many servers as there are.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, gzip } from 'node:zlib';
import { promisify } from 'node:util';
import type { Compression, Pack } from '../core/channel.ts';
import { DeployError } from '../core/errors.ts';
import type { PackRequest, Packer } from '../core/ports.ts';
import { tarOf } from './tar.ts';

/** Up to here a pack is kept in memory: read from a file, it would be read once for each server. */
const IN_MEMORY_BYTES = 8 * 1024 * 1024;
/**
 * Smaller ones are not worth a compressor on every server, and so few bytes for all of them not one here: on a line of 100 Mbit/s a mebibyte takes
 * a twelfth of a second.
 */
const WORTH_COMPRESSING_BYTES = 64 * 1024;
const WORTH_COMPRESSING_IN_ALL_BYTES = 1024 * 1024;
const KEPT_MS = 10 * 60_000;
/**
 * 512 KiB instead of 2 MiB: a server unpacks with what its processor's cache holds, which takes it two thirds of the time; packs of source code
 * grow by 4 %.
 */
const SMALL_WINDOW = ['--zstd=wlog=19'];

/** Keeps large packs as files in `directory`, which is emptied first; each until it has not been read for ten minutes. */
export async function openPacker(directory: string): Promise<Packer> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const hasZstd = await works('zstd', ['--version']);

  /** The best that the servers have and this machine has, too. */
  const choose = (possible: readonly Compression[]): Compression =>
    hasZstd && possible.includes('zstd') ? 'zstd' : possible.includes('gzip') ? 'gzip' : 'none';

  return {
    choose: (possible, bytes, servers) =>
      bytes < WORTH_COMPRESSING_BYTES || bytes * servers < WORTH_COMPRESSING_IN_ALL_BYTES ? 'none' : choose(possible),
    pack: async (request) => {
      try {
        return request.bytes <= IN_MEMORY_BYTES
          ? await inMemory(request)
          : await inFile(request, join(directory, randomBytes(8).toString('hex')));
      } catch (error) {
        throw packFailure(error, directory);
      }
    },
    patch: async (pack, from, files) => {
      const reference = join(directory, randomBytes(8).toString('hex'));
      try {
        await pipeline(contentsOf(from, files), createWriteStream(reference, { mode: 0o600, flags: 'wx' }));
        const content = await collected(pack.read(), ['--patch-from', reference, `--stream-size=${pack.bytes}`]);
        return fromMemory(content, 'zstd');
      } catch (error) {
        throw packFailure(error, directory);
      } finally {
        await rm(reference, { force: true });
      }
    },
  };
}

async function* contentsOf(directory: string, files: readonly string[]): AsyncGenerator<Buffer> {
  for (const file of files) for await (const piece of createReadStream(join(directory, file))) yield piece as Buffer;
}

async function inMemory({ directory, entries, links, compression }: PackRequest): Promise<Pack> {
  const pieces: Buffer[] = [];
  for await (const piece of tarOf(directory, entries, links)) pieces.push(piece);
  const tar = Buffer.concat(pieces);
  const content = compression === 'none' ? tar : compression === 'gzip' ? await promisify(gzip)(tar) : await zstdOf(tar);
  return fromMemory(content, compression);
}

const zstdOf = (tar: Buffer): Promise<Buffer> => collected([tar]);

async function collected(content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, further?: readonly string[]): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const { stdin, stdout, ended } = zstd(further);
  stdout.on('data', (piece: Buffer) => pieces.push(piece));
  await Promise.all([pipeline(Readable.from(content), stdin), ended]);
  return Buffer.concat(pieces);
}

async function inFile({ directory, entries, links, compression }: PackRequest, path: string): Promise<Pack> {
  const tar = tarOf(directory, entries, links);
  const file = createWriteStream(path, { mode: 0o600, flags: 'wx' });
  try {
    if (compression === 'zstd') {
      const { stdin, stdout, ended } = zstd();
      await Promise.all([pipeline(tar, stdin), pipeline(stdout, file), ended]);
    } else if (compression === 'gzip') await pipeline(tar, createGzip({ level: 1 }), file);
    else await pipeline(tar, file);
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
  const { size } = await stat(path);
  if (size > IN_MEMORY_BYTES) return fromFile(path, compression, size);
  const content = await readFile(path);
  await rm(path, { force: true });
  return fromMemory(content, compression);
}

const fromMemory = (content: Buffer, compression: Compression): Pack => ({
  compression,
  bytes: content.length,
  read: () => Readable.from([content]),
});

function fromFile(path: string, compression: Compression, bytes: number): Pack {
  let readers = 0;
  let timer: NodeJS.Timeout | undefined;
  const rest = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void rm(path, { force: true }).catch(() => undefined), KEPT_MS);
    timer.unref();
  };
  rest();
  return {
    compression,
    bytes,
    read: async function* () {
      readers += 1;
      clearTimeout(timer);
      try {
        for await (const piece of createReadStream(path, { highWaterMark: 256 * 1024 })) yield piece as Buffer;
      } catch (error) {
        throw packFailure(error, path);
      } finally {
        readers -= 1;
        if (readers === 0) rest();
      }
    },
  };
}

/** zstd(1) as a filter: Node 20 has none of its own. `ended` rejects unless it exits with 0. */
function zstd(further: readonly string[] = SMALL_WINDOW): { stdin: Writable; stdout: Readable; ended: Promise<void> } {
  const child = spawn('zstd', ['-q', '-3', '-c', ...further], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { PATH: process.env['PATH'] ?? '' },
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exit) => (exit === 0 ? resolve() : reject(new Error(`zstd exited ${exit ?? 'by a signal'}`))));
  });
  ended.catch(() => undefined);
  return { stdin: child.stdin, stdout: child.stdout, ended };
}

function works(file: string, args: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(file, args, { stdio: 'ignore' });
    child.on('error', () => resolve(false));
    child.on('close', (exit) => resolve(exit === 0));
  });
}

function packFailure(error: unknown, where: string): DeployError {
  if (error instanceof DeployError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new DeployError(
      'disk',
      `the pack for the servers could not be kept: no space left in ${where}. Free some, then retry.`,
      message,
      error,
    );
  return new DeployError(
    'artifact',
    `the pack for the servers could not be made or read in ${where}: ${message}. Retry the deployment.`,
    null,
    error,
  );
}
