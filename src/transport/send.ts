// Sends files with rsync on a connection that is open, and says what came of it.
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DeployError } from '../core/errors.ts';
import { visible } from '../core/escape.ts';
import { lastLine, startChild } from './child.ts';
import { ConnectionLost } from './link.ts';
import { rsyncCommand } from './rsync-argv.ts';
import type { Transfer } from './rsync-argv.ts';

/**
 * Runs one rsync with `input` on its standard input, and returns the bytes that went over the wire, both directions.
 * Rejects with ConnectionLost (the connection broke: worth another try), DeployError `disk`, `artifact` (the source vanished), `refused`,
 * or the reason of `signal`.
 */
export async function runTransfer(transfer: Transfer, input: readonly string[], signal: AbortSignal): Promise<number> {
  signal.throwIfAborted();
  const { file, args } = rsyncCommand(transfer);
  const child = startChild(file, args);
  const onAbort = (): void => void child.kill();
  signal.addEventListener('abort', onAbort, { once: true });
  let stats = '';
  child.stdout.on('data', (chunk: Buffer) => (stats = (stats + chunk.toString()).slice(-8_192)));
  try {
    await write(child.stdin, input);
    const { exit, stderr } = await child.ended;
    signal.throwIfAborted();
    if (exit !== 0) throw failure(exit, stderr);
    return bytesOf(stats);
  } finally {
    signal.removeEventListener('abort', onAbort);
    await child.kill();
  }
}

/** All paths below a directory, as rsync's list wants them, without those in `except` and what is below them. */
export async function listTree(directory: string, except: ReadonlySet<string>): Promise<string[]> {
  const found: string[] = [];
  const waiting = [''];
  for (let under = waiting.pop(); under !== undefined; under = waiting.pop()) {
    for (const entry of await readdir(join(directory, under), { withFileTypes: true })) {
      const path = under === '' ? entry.name : `${under}/${entry.name}`;
      if (except.has(path)) continue;
      found.push(path);
      if (entry.isDirectory()) waiting.push(path);
    }
  }
  return found;
}

async function write(stdin: NodeJS.WritableStream, lines: readonly string[]): Promise<void> {
  // rsync may end before it has read everything; its exit status says why.
  const closed = new Promise((resolve) => stdin.once('close', resolve));
  for (let i = 0; i < lines.length; i += 1_000) {
    const chunk = lines.slice(i, i + 1_000).map((line) => `${line}\0`);
    if (!stdin.write(chunk.join(''))) await Promise.race([once(stdin, 'drain').catch(() => undefined), closed]);
  }
  stdin.end();
}

/** rsync(1), EXIT VALUES: 10, 12, 30, 35 and ssh's 255 are the connection's, 11 the files', 23 partial, 24 vanished sources. */
function failure(exit: number | null, raw: string): Error {
  const stderr = visible(raw);
  const words = `rsync ${exit === null ? 'was killed' : `exited ${exit}`}: ${causeOf(stderr)}`;
  if (/No space left on device|uota exceeded|Read-only file system/.test(stderr)) return new DeployError('disk', words, stderr);
  if (/rsync: (command )?not found/.test(stderr)) return new DeployError('refused', `${words}; install rsync on the server`, stderr);
  if (exit === null || [10, 12, 30, 35, 255].includes(exit)) return new ConnectionLost('unreachable', 'again', words);
  if (exit === 24) return new DeployError('artifact', words, stderr);
  return new DeployError('refused', words, stderr);
}

/** rsync's own last line only says that there was an error; the one before says which. */
function causeOf(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '' && !/^rsync error: /.test(line));
  return lines.at(-1)?.trim() ?? lastLine(stderr);
}

function bytesOf(stats: string): number {
  const number = (label: string): number => Number(new RegExp(`${label}: ([0-9,.]+)`).exec(stats)?.[1]?.replace(/[,.]/g, '') ?? Number.NaN);
  const bytes = number('Total bytes sent') + number('Total bytes received');
  if (!Number.isSafeInteger(bytes)) throw new DeployError('bad-answer', 'rsync ended well, but did not say how much it sent', stats);
  return bytes;
}
