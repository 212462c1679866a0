// A log file that does not grow without end: when it is full it becomes `<name>.1`, what was `.1` becomes `.2`, and the oldest goes.
import { open, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { Writable } from 'node:stream';

export type RollingFileOptions = {
  /** A file is full when the next line would make it larger than this. */
  readonly maxBytes: number;
  /** Full files that are kept beside the one being written. */
  readonly keep: number;
  /** Lines could not be written (disk full, no permission) and are lost. Called once until writing works again. */
  readonly onError: (error: Error) => void;
};

/**
 * A stream that appends to `path` (mode 0640). It never emits `error`, so that a full disk does not end the daemon. `end()` and then
 * the event `finish`: everything that could be written has been handed to the operating system.
 */
export function createRollingFile(path: string, { maxBytes, keep, onError }: RollingFileOptions): Writable {
  let file: FileHandle | null = null;
  let size = 0;
  let isFailing = false;

  async function append(lines: Buffer): Promise<void> {
    if (file !== null && size > 0 && size + lines.byteLength > maxBytes) await roll();
    if (file === null) {
      file = await open(path, 'a', 0o640);
      size = (await file.stat()).size;
      if (size > 0 && size + lines.byteLength > maxBytes) {
        await roll();
        file = await open(path, 'a', 0o640);
        size = 0;
      }
    }
    await file.appendFile(lines);
    size += lines.byteLength;
  }

  async function roll(): Promise<void> {
    await shut();
    await rm(`${path}.${keep}`, { force: true });
    for (let i = keep - 1; i >= 1; i--) await rename(`${path}.${i}`, `${path}.${i + 1}`).catch(onlyMissing);
    if (keep > 0) await rename(path, `${path}.1`).catch(onlyMissing);
    else await rm(path, { force: true });
  }

  async function shut(): Promise<void> {
    const open = file;
    file = null;
    await open?.close();
  }

  /** After a failure the file is opened anew: it may have been moved, or its disk replaced. */
  async function attempt(work: () => Promise<void>, done: () => void): Promise<void> {
    try {
      await work();
      isFailing = false;
    } catch (error) {
      await shut().catch(() => undefined);
      if (!isFailing) onError(error instanceof Error ? error : new Error(String(error)));
      isFailing = true;
    }
    done();
  }

  return new Writable({
    decodeStrings: true,
    write(chunk: Buffer, _encoding, done) {
      void attempt(() => append(chunk), done);
    },
    // What is waiting becomes few writes, none larger than a file may be. Each chunk is whole lines.
    writev(chunks, done) {
      void attempt(async () => {
        let batch: Buffer[] = [];
        let bytes = 0;
        for (const { chunk } of chunks as { chunk: Buffer }[]) {
          if (bytes > 0 && size + bytes + chunk.byteLength > maxBytes) {
            await append(Buffer.concat(batch));
            batch = [];
            bytes = 0;
          }
          batch.push(chunk);
          bytes += chunk.byteLength;
        }
        await append(Buffer.concat(batch));
      }, done);
    },
    final(done) {
      void attempt(shut, done);
    },
  });
}

function onlyMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
