// Reads many objects through one `git cat-file --batch`, checking each against its id.
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { damaged, streamGit, TRANSFER_TIMEOUT_MS } from './git-command.ts';
import type { Mirror } from './git-command.ts';

/** `size` null: not known. */
export type WantedBlob = { readonly id: string; readonly size: number | null };

/**
 * Reads blobs in the given order. `take` gets each one's content in chunks and must read them all. The content of every blob is checked
 * against its id, so a damaged mirror never becomes a release (it is a DamagedMirror).
 */
export async function readBlobs<T extends WantedBlob>(
  mirror: Mirror,
  blobs: readonly T[],
  take: (blob: T, content: AsyncIterable<Buffer>) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  if (blobs.length === 0) return;
  const tried = `reading the files of ${mirror.title}`;
  const call = { tried, args: ['cat-file', '--batch'], input: requests(blobs), timeoutMs: TRANSFER_TIMEOUT_MS, signal };
  await streamGit(mirror, call, async (stdout) => {
    const source = reader(stdout);
    for (const blob of blobs) {
      const header = await source.line();
      const size = blob.size ?? sizeIn(header);
      if (header !== `${blob.id} blob ${size}`) throw damaged(tried, `fatal: bad object: ${header}`);
      await take(blob, checked(source.content(size), { id: blob.id, size }, tried));
      await source.line();
    }
  });
}

const sizeIn = (header: string): number => Number(/ ([0-9]+)$/.exec(header)?.[1] ?? 0);

/** There is more of it than was asked for. */
class TooMuch extends Error {}

/** Reads blobs of `most` bytes together at most, by id; `null`: they are larger. Throws as `readBlobs`. */
export async function readSmallBlobs(
  mirror: Mirror,
  ids: readonly string[],
  most: number,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Buffer> | null> {
  const found = new Map<string, Buffer>();
  let left = most;
  const take = async ({ id }: WantedBlob, content: AsyncIterable<Buffer>): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of content) {
      left -= chunk.length;
      if (left < 0) throw new TooMuch();
      chunks.push(chunk);
    }
    found.set(id, Buffer.concat(chunks));
  };
  try {
    await readBlobs(
      mirror,
      ids.map((id) => ({ id, size: null })),
      take,
      signal,
    );
    return found;
  } catch (error) {
    if (error instanceof TooMuch) return null;
    throw error;
  }
}

function* requests(blobs: readonly WantedBlob[]): Iterable<string> {
  for (const blob of blobs) yield `${blob.id}\n`;
}

/** Passes a blob's content on and compares its hash with its id (`blob <size>\0<content>`, gitformat-pack(5)). */
async function* checked(content: AsyncIterable<Buffer>, blob: { id: string; size: number }, tried: string): AsyncIterable<Buffer> {
  const hash = createHash(blob.id.length === 64 ? 'sha256' : 'sha1').update(`blob ${blob.size}\0`);
  for await (const chunk of content) {
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest('hex') !== blob.id) throw damaged(tried, `fatal: object corrupt: ${blob.id}`);
}

type Source = { line(): Promise<string>; content(size: number): AsyncIterable<Buffer> };

/** Takes lines and counted bytes out of a stream. A stream that ends too soon gives an empty line. */
function reader(stdout: Readable): Source {
  const chunks = stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let rest: Buffer = Buffer.alloc(0);
  const more = async (): Promise<Buffer | null> => {
    const next = await chunks.next();
    return next.done === true ? null : next.value;
  };
  return {
    async line() {
      for (;;) {
        const end = rest.indexOf(10);
        if (end >= 0 || rest.length > 1_000) {
          const line = rest.subarray(0, end < 0 ? rest.length : end).toString('latin1');
          rest = rest.subarray(end < 0 ? rest.length : end + 1);
          return line;
        }
        const chunk = await more();
        if (chunk === null) return '';
        rest = Buffer.concat([rest, chunk]);
      }
    },
    async *content(size) {
      let left = size;
      while (left > 0) {
        if (rest.length === 0) {
          const chunk = await more();
          if (chunk === null) return;
          rest = chunk;
        }
        const part = rest.subarray(0, left);
        rest = rest.subarray(part.length);
        left -= part.length;
        yield part;
      }
    },
  };
}
