// Connections without a deployment: they outlive one for a while, or are made ahead of one that probably comes. The next, or a roll back in a
// hurry, finds them open.
import type { Session } from './session.ts';
import { orStopped } from './time.ts';

export type WarmSessions = {
  /**
   * The session for this key, which belongs to the caller from now on; `null`: there is none. Rejects with what the connection that is made ahead
   * has failed with, or with the reason of `signal`: nobody has the session then.
   */
  take(key: string, signal: AbortSignal): Promise<Session | null>;
  /** Keeps an idle session for at most `ms`, or closes it: there is one for each key, and a bounded number in all. */
  give(key: string, session: Session, ms: number): Promise<void>;
  /**
   * Prepares a session that will probably be taken within half a minute: the one that there is, or one that is made now; none if there are too many.
   * What fails before it is taken is forgotten.
   */
  open(
    key: string,
    connect: (signal: AbortSignal) => Promise<Session>,
    prepare: (session: Session, signal: AbortSignal) => Promise<unknown>,
  ): void;
  /** Closes all, and whatever is given later. */
  close(): Promise<void>;
};

/** An ssh process needs 1.4 MB of memory; so many are worth it on any machine that deploys to as many servers. */
const MOST = 256;
/** Most repositories have said by then what is new. */
const AHEAD_MS = 30_000;

type Kept = { session: Promise<Session>; readonly timer: NodeJS.Timeout };

export function warmSessions(aheadMs = AHEAD_MS): WarmSessions {
  const kept = new Map<string, Kept>();
  const closing = new AbortController();

  function remove(key: string): Promise<Session> | null {
    const found = kept.get(key);
    if (found === undefined) return null;
    kept.delete(key);
    clearTimeout(found.timer);
    return found.session;
  }

  function keep(key: string, session: Promise<Session>, ms: number): void {
    const timer = setTimeout(() => void closed(remove(key)), ms).unref();
    kept.set(key, { session, timer });
  }

  return {
    take: async (key, signal) => {
      const found = remove(key);
      if (found === null) return null;
      try {
        const session = await orStopped(found, signal);
        return session.isOpen() ? session : null;
      } catch (error) {
        void closed(found);
        throw error;
      }
    },
    give: async (key, session, ms) => {
      if (closing.signal.aborted || ms === 0 || !session.isOpen()) return session.close();
      const before = remove(key);
      const [oldest] = kept.keys();
      const surplus = kept.size >= MOST && oldest !== undefined ? remove(oldest) : null;
      keep(key, Promise.resolve(session), ms);
      await Promise.all([closed(before), closed(surplus)]);
    },
    open: (key, connect, prepare) => {
      if (closing.signal.aborted) return;
      if (!kept.has(key) && kept.size < MOST) keep(key, connect(closing.signal), aheadMs);
      const one = kept.get(key);
      if (one === undefined) return;
      const prepared = one.session.then(async (session) => {
        // A session that this broke is open no more, which `take` sees.
        await prepare(session, closing.signal).catch(() => undefined);
        return session;
      });
      one.session = prepared;
      prepared.catch(() => {
        if (kept.get(key) === one) void remove(key);
      });
    },
    close: async () => {
      closing.abort();
      await Promise.all([...kept.keys()].map((key) => closed(remove(key))));
    },
  };
}

async function closed(session: Promise<Session> | null): Promise<void> {
  const open = await session?.catch(() => undefined);
  await open?.close();
}
