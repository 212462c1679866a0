// One connection to an agent: the greeting of the boot, then questions and answers, one at a time.
import { randomBytes } from 'node:crypto';
import type { Pack } from '../core/channel.ts';
import { AGENT, bootArguments } from './agent-script.ts';
import { lastLine } from './child.ts';
import { ConnectionLost } from './link.ts';
import type { Link } from './link.ts';
import { feed } from './feed.ts';
import { markedLines } from './marked-lines.ts';
import type { Pacer } from './pacer.ts';
import type { Carrier } from './rsync-argv.ts';

export type Question = {
  readonly verb: string;
  readonly epoch: number;
  readonly op: string;
  readonly words: readonly (string | number)[];
  readonly payload: Buffer;
  /** Follows the payload, and counts as a part of it. Read anew for each try, and only as fast as the connection takes it. */
  readonly pack?: Pack;
  /** The budget that it is sent within; `null`: none. */
  readonly pacer: Pacer | null;
};

export type Session = {
  readonly carrier: Carrier;
  isOpen(): boolean;
  /**
   * Asks and resolves with the JSON value that came back, unchecked. Rejects with ConnectionLost, or with the reason of `signal`; the
   * session is then of no more use, for the agent may still be busy with the question.
   */
  ask(seq: number, question: Question, signal: AbortSignal): Promise<unknown>;
  /** Ends the conversation; the agent ends by itself. Idempotent. */
  close(): Promise<void>;
};

/** From the start of the connection to the agent's `ready`. */
const READY_LIMIT_MS = 15_000;
/** An agent that is asked to end gets this long to finish what it does. */
const GRACE_MS = 2_000;

type Pending = { readonly seq: number; resolve(value: unknown): void; reject(error: Error): void };

/** Connects and waits for the agent. Rejects with ConnectionLost, DeployError `configuration` or the reason of `signal`. */
export async function openSession(link: Link, path: string, signal: AbortSignal): Promise<Session> {
  signal.throwIfAborted();
  const nonce = randomBytes(9).toString('hex');
  const { child, carrier, clean } = await link.connect(bootArguments(path, nonce));
  let pending: Pending | null = null;
  let lost: Error | null = null as Error | null;
  let wasNeeded = false;
  let isReady = false;
  let closing: Promise<void> | null = null;
  const greeting = deferred();

  const lose = (error: Error): void => {
    lost ??= error;
    greeting.reject(lost);
    pending?.reject(lost);
    pending = null;
  };
  const isOpen = (): boolean => lost === null;
  const close = (): Promise<void> => (closing ??= end());
  async function end(): Promise<void> {
    lose(new ConnectionLost('unreachable', 'again', 'the connection was closed'));
    child.stdin.end();
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([child.ended, new Promise((resolve) => (timer = setTimeout(resolve, GRACE_MS)))]);
    clearTimeout(timer);
    await child.kill();
    await clean();
  }

  const hear = (line: string): void => {
    if (isReady) return answered(line);
    if (line === 'need' && !wasNeeded) {
      wasNeeded = true;
      child.stdin.write(AGENT);
      return;
    }
    if (line === 'ready') {
      isReady = true;
      return greeting.resolve();
    }
    const what = line.replace(/^failed /, '');
    lose(new ConnectionLost(/No space left|uota exceeded|Read-only file system/.test(what) ? 'disk' : 'refused', 'final', what));
  };
  const answered = (line: string): void => {
    const space = line.indexOf(' ');
    const seq = Number(line.slice(0, space));
    if (pending === null || seq !== pending.seq) return lose(badAnswer(line));
    try {
      const value: unknown = JSON.parse(line.slice(space + 1));
      pending.resolve(value);
      pending = null;
    } catch {
      lose(badAnswer(line));
    }
  };

  const lines = markedLines(`@${nonce} `, hear, (heard) => lose(badAnswer(heard)));
  child.stdout.on('data', lines.take);
  void child.ended.then((ended) => {
    // A shell that ran something else than the boot: what it said is the best explanation.
    const isForeign = !isReady && ended.exit !== null && ended.exit !== 255;
    lose(
      isForeign ? badAnswer(lastLine(ended.stderr) || lines.noise() || `nothing, and exit ${ended.exit}`) : link.explain(ended, isReady),
    );
    void close();
  });

  const onAbort = (): void => lose(asError(signal.reason));
  signal.addEventListener('abort', onAbort, { once: true });
  const late = setTimeout(
    () => lose(new ConnectionLost('timeout', 'again', `no answer within ${READY_LIMIT_MS / 1000} s`)),
    READY_LIMIT_MS,
  );
  try {
    await greeting.promise;
  } catch (error) {
    await close();
    throw error;
  } finally {
    clearTimeout(late);
    signal.removeEventListener('abort', onAbort);
  }

  return {
    carrier,
    isOpen,
    close,
    ask: async (seq, { verb, epoch, op, words, payload, pack, pacer }, asking) => {
      asking.throwIfAborted();
      if (lost !== null) throw lost;
      const give = (): void => {
        lose(asError(asking.reason));
        void close();
      };
      asking.addEventListener('abort', give, { once: true });
      try {
        return await new Promise<unknown>((resolve, reject) => {
          pending = { seq, resolve, reject };
          const size = payload.length + (pack?.bytes ?? 0);
          // Many servers get the same payload: it is written as it is, never copied for each.
          child.stdin.cork();
          child.stdin.write(`${[seq, verb, epoch, op, size, ...words].join(' ')}\n`);
          child.stdin.write(payload);
          const end = (): void => void child.stdin.write(size === 0 ? '' : `${seq}\n`);
          if (pack === undefined) end();
          child.stdin.uncork();
          pacer?.spend(payload.length);
          // Half a question cannot be taken back.
          if (pack !== undefined) feed(child.stdin, pack, pacer).then(end, (error: unknown) => lose(asError(error)));
        });
      } finally {
        asking.removeEventListener('abort', give);
        if (!isOpen()) void close();
      }
    },
  };
}

function badAnswer(heard: string): ConnectionLost {
  return new ConnectionLost(
    'bad-answer',
    'final',
    `the server answered with something else than the agent's words: ${heard.slice(0, 200)}`,
  );
}

const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)));

function deferred(): { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } {
  let resolve!: () => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
