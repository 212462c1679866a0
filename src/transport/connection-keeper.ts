// Keeps one connection to a server: made at the first need, made anew when it breaks, used by one request at a time.
import { DeployError } from '../core/errors.ts';
import type { Server } from '../core/server.ts';
import type { Limiter } from './limiter.ts';
import { ConnectionLost } from './link.ts';
import type { Link } from './link.ts';
import { openSession } from './session.ts';
import type { Session } from './session.ts';
import { backoffMs, isTimeOver, orStopped, pause, within } from './time.ts';
import type { StopClock } from './time.ts';

export type ConnectionKeeper = {
  /**
   * Runs `work` on an open connection after all earlier work. If the connection breaks, it runs again on a new one, within `limitMs`
   * (null: no limit but the signal; waiting for a turn to connect does not count) and a bounded number of times. Rejects with DeployError; `what` is the first word of its message.
   */
  use<T>(
    what: string,
    limitMs: number | null,
    signal: AbortSignal,
    work: (session: Session, signal: AbortSignal) => Promise<T>,
  ): Promise<T>;
  /** Makes the connection ahead of the first use, in one try; that it could not be made, the first use will tell. */
  connect(signal: AbortSignal): void;
  /** The DeployError for work that a signal has ended. `lost`: the last trouble with the connection, if there was any. */
  stopped(what: string, reason: unknown, lost: ConnectionLost | null): DeployError;
  close(): Promise<void>;
};

/** A server that was never reached gets few tries; one that was there a moment ago, and one that is busy, get more. */
const TRIES = { stranger: 3, acquaintance: 12, dropped: 8 };
/** Where only what rides on the connection fails (rsync), and the connection itself does not. */
const TRIES_ON_ONE_CONNECTION = 3;
const LONGEST_MS = 24 * 3_600_000;

export type KeeperOptions = {
  readonly server: Server;
  readonly link: Link;
  readonly limiter: Limiter;
  /** Where a connection that is open, or being made, comes from and goes to instead of being made and closed; `null`: neither. */
  readonly warm: { take(signal: AbortSignal): Promise<Session | null>; give(session: Session): Promise<void> } | null;
  /** Nothing depends on this connection: it gets few tries, also when it was there a moment ago. */
  readonly isBrief: boolean;
};

export function connectionKeeper({ server, link, limiter, warm, isBrief }: KeeperOptions): ConnectionKeeper {
  let session: Session | null = null;
  let wasOpen = false;
  let isClosed = false;
  const closing = new AbortController();
  let users = 0;
  let tail: Promise<unknown> = Promise.resolve();

  /** That others connect first is no silence of this server: while it waits for its turn, no limit runs. */
  async function opened(signal: AbortSignal, stopClock: StopClock = () => () => undefined): Promise<Session> {
    if (session?.isOpen() === true) return session;
    await session?.close();
    session = (await made(signal, stopClock())) ?? (await connected(signal, stopClock()));
    if (isClosed) {
      await session.close();
      throw new DeployError('aborted', `the connection to ${server.name} was closed`);
    }
    wasOpen = true;
    return session;
  }

  const made = async (signal: AbortSignal, goOn: () => void): Promise<Session | null> => {
    try {
      return warm === null ? null : await warm.take(signal);
    } finally {
      goOn();
    }
  };

  const connected = (signal: AbortSignal, itsTurn: () => void): Promise<Session> =>
    limiter.run(() => {
      itsTurn();
      return openSession(link, server.path, signal);
    }, signal);

  async function persist<T>(
    what: string,
    [signal, stopClock]: [AbortSignal, StopClock],
    work: (session: Session, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    let lost: ConnectionLost | null = null;
    for (let attempt = 0; ; attempt++) {
      try {
        if (isClosed) throw new DeployError('aborted', `${what} of ${server.name} was stopped: its channel is closed`);
        return await work(await opened(signal, stopClock), signal);
      } catch (error) {
        if (signal.aborted) throw stopped(what, signal.reason, lost);
        if (error instanceof DeployError) throw named(what, error);
        if (!(error instanceof ConnectionLost)) throw error;
        lost = error;
        if (error.retry === 'final' || attempt + 1 >= mostTries(error))
          throw new DeployError(error.code, `${what} of ${server.name} failed: ${error.message}`);
        await pause(backoffMs(attempt), signal).catch((reason: unknown) => {
          throw stopped(what, reason, lost);
        });
      }
    }
  }

  function mostTries(error: ConnectionLost): number {
    if (session?.isOpen() === true) return TRIES_ON_ONE_CONNECTION;
    if (error.retry === 'dropped') return TRIES.dropped;
    return wasOpen && !isBrief ? TRIES.acquaintance : TRIES.stranger;
  }

  function stopped(what: string, reason: unknown, lost: ConnectionLost | null): DeployError {
    if (lost !== null) return new DeployError(lost.code, `${what} of ${server.name} failed: ${lost.message}`);
    if (isTimeOver(reason)) return new DeployError('timeout', `${what} of ${server.name} took too long`);
    return new DeployError('aborted', `${what} of ${server.name} was stopped`);
  }

  const named = (what: string, error: DeployError): DeployError =>
    error.message.includes(server.name)
      ? error
      : new DeployError(error.code, `${what} of ${server.name} failed: ${error.message}`, error.detail, error);

  return {
    use: (what, limitMs, signal, work) => {
      if (signal.aborted) return Promise.reject(stopped(what, signal.reason, null));
      users += 1;
      const before = tail;
      const mine = orStopped(before, signal).then(
        () => within(limitMs ?? LONGEST_MS, signal, (...limit) => persist(what, limit, work)),
        (reason: unknown) => {
          throw stopped(what, reason, null);
        },
      );
      tail = Promise.allSettled([before, mine]);
      return mine.finally(() => (users -= 1));
    },
    connect: (signal) => {
      if (session !== null || users > 0 || isClosed || signal.aborted) return;
      tail = opened(AbortSignal.any([signal, closing.signal])).catch(() => undefined);
    },
    stopped,
    close: async () => {
      const wasClosed = isClosed;
      isClosed = true;
      closing.abort();
      if (warm !== null && users === 0 && session?.isOpen() === true) {
        if (!wasClosed) await warm.give(session);
        return;
      }
      await session?.close();
      await tail;
      await session?.close();
    },
  };
}
