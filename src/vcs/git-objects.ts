// Reads objects out of a mirror, checking each against its id.
import { createHash } from 'node:crypto';
import { damaged, READ_TIMEOUT_MS, TRANSFER_TIMEOUT_MS } from './git-command.ts';
import type { Mirror } from './git-command.ts';
import { askReader } from './git-reader.ts';
import type { Answers } from './git-reader.ts';

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
  const ids = blobs.map(({ id }) => id);
  await askReader(mirror, { tried, ids, timeoutMs: TRANSFER_TIMEOUT_MS, signal }, async (answers) => {
    for (const blob of blobs) await takeObject(answers, { ...blob, type: 'blob' }, tried, (content) => take(blob, content));
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

/** The raw text of a commit (`git help commit-tree`). Throws as `readBlobs`. */
export async function readRawCommit(mirror: Mirror, id: string, signal: AbortSignal): Promise<Buffer> {
  const tried = `reading commit ${id} of ${mirror.title}`;
  return await askReader(mirror, { tried, ids: [id], timeoutMs: READ_TIMEOUT_MS, signal }, (answers) =>
    takeObject(answers, { id, type: 'commit', size: null }, tried, whole),
  );
}

export async function whole(content: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}

type WantedObject = { readonly id: string; readonly type: 'blob' | 'commit'; readonly size: number | null };

/** The next answer, which must be this object. */
async function takeObject<T>(
  answers: Answers,
  { id, type, size: known }: WantedObject,
  tried: string,
  take: (content: AsyncIterable<Buffer>) => Promise<T>,
): Promise<T> {
  const header = await answers.line();
  const size = known ?? sizeIn(header);
  if (header !== `${id} ${type} ${size}`) throw damaged(tried, `fatal: bad object: ${header}`);
  const taken = await take(checked(answers.content(size), { id, type, size }, tried));
  await answers.line();
  return taken;
}

/** Passes an object's content on and compares its hash with its id (`<type> <size>\0<content>`, gitformat-pack(5)). */
async function* checked(
  content: AsyncIterable<Buffer>,
  { id, type, size }: WantedObject & { readonly size: number },
  tried: string,
): AsyncIterable<Buffer> {
  const hash = createHash(id.length === 64 ? 'sha256' : 'sha1').update(`${type} ${size}\0`);
  for await (const chunk of content) {
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest('hex') !== id) throw damaged(tried, `fatal: object corrupt: ${id}`);
}
