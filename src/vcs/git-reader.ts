// A git that reads objects for a mirror as long as it is asked (git-cat-file(1), --batch), so that a question costs no process of its own.
import { Readable } from 'node:stream';
import { DeployError } from '../core/errors.ts';
import { startPartner } from './child-process.ts';
import { nextMark } from './git-command.ts';
import type { Mirror } from './git-command.ts';
import { gitEnvironment } from './git-environment.ts';

/** What it says: lines without their end, and counted bytes. When it has ended, lines are empty. */
export type Answers = { line(): Promise<string>; content(size: number): AsyncIterable<Buffer> };

export type Question = {
  readonly tried: string;
  /** Of objects, in the order of the answers. */
  readonly ids: readonly string[];
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
};

type Reader = {
  readonly hasEnded: () => boolean;
  ask<T>(question: Question, take: (answers: Answers) => Promise<T>): Promise<T>;
  end(): void;
};

const readers = new WeakMap<Mirror, Reader>();

/** It has been asked nothing for so long: there is no deployment under way. */
const IDLE_MS = 10_000;
const IDS_AT_ONCE = 1_000;

/**
 * Asks for objects; `take` must read all that is said of all of them. The caller serialises the calls on one mirror. Throws what `take` throws,
 * and DeployError `aborted`, `repository` (time limit).
 */
export async function askReader<T>(mirror: Mirror, question: Question, take: (answers: Answers) => Promise<T>): Promise<T> {
  let reader = readers.get(mirror);
  if (reader === undefined || reader.hasEnded()) readers.set(mirror, (reader = openReader(mirror)));
  try {
    return await reader.ask(question, take);
  } catch (error) {
    // Nobody knows what it would say next.
    endReader(mirror);
    throw error;
  }
}

/** The mirror is not as it was, or its processes are to end. */
export function endReader(mirror: Mirror): void {
  readers.get(mirror)?.end();
  readers.delete(mirror);
}

function openReader(mirror: Mirror): Reader {
  const partner = startPartner({
    file: 'git',
    args: ['cat-file', '--batch'],
    cwd: mirror.directory,
    env: gitEnvironment(mirror.home, mirror.directory, mirror.remote, nextMark(mirror.mark)),
  });
  const answers = answersIn(partner.stdout);
  let idle: NodeJS.Timeout | undefined;
  return {
    hasEnded: partner.hasEnded,
    end() {
      clearTimeout(idle);
      partner.end();
    },
    async ask({ tried, ids, timeoutMs, signal }, take) {
      const aborted = new DeployError('aborted', `${tried} was stopped.`);
      if (signal.aborted) throw aborted;
      clearTimeout(idle);
      const onAbort = (): void => void partner.stdout.destroy(aborted);
      const late = `${tried} failed: no end after ${Math.round(timeoutMs / 1000)} s. Check the disk of this machine, then deploy again.`;
      const timer = setTimeout(() => void partner.stdout.destroy(new DeployError('repository', late)), timeoutMs);
      signal.addEventListener('abort', onAbort, { once: true });
      partner.hold(true);
      try {
        Readable.from(lines(ids)).pipe(partner.stdin, { end: false });
        return await take(answers);
      } finally {
        partner.hold(false);
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        idle = setTimeout(partner.end, IDLE_MS).unref();
      }
    },
  };
}

function* lines(ids: readonly string[]): Iterable<string> {
  for (let i = 0; i < ids.length; i += IDS_AT_ONCE) yield `${ids.slice(i, i + IDS_AT_ONCE).join('\n')}\n`;
}

function answersIn(stdout: Readable): Answers {
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
