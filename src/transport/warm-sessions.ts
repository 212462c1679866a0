// Connections that outlive their deployment for a while: the next one, or a roll back in a hurry, finds them open.
import type { Session } from './session.ts';

export type WarmSessions = {
  /** An open session for this key, which belongs to the caller from now on; `null`: there is none. */
  take(key: string): Session | null;
  /** Keeps an idle session for at most `ms`, or closes it: there is one for each key, and a bounded number in all. */
  give(key: string, session: Session, ms: number): Promise<void>;
  /** Closes all, and whatever is given later. */
  close(): Promise<void>;
};

/** An ssh process needs 1.4 MB of memory; so many are worth it on any machine that deploys to as many servers. */
const MOST = 256;

export function warmSessions(): WarmSessions {
  const kept = new Map<string, { session: Session; timer: NodeJS.Timeout }>();
  let isClosed = false;

  function take(key: string): Session | null {
    const found = kept.get(key);
    if (found === undefined) return null;
    kept.delete(key);
    clearTimeout(found.timer);
    return found.session.isOpen() ? found.session : null;
  }

  return {
    take,
    give: async (key, session, ms) => {
      if (isClosed || ms === 0 || !session.isOpen()) return session.close();
      const before = take(key);
      const [oldest] = kept.keys();
      const surplus = kept.size >= MOST && oldest !== undefined ? take(oldest) : null;
      const timer = setTimeout(() => void take(key)?.close(), ms).unref();
      kept.set(key, { session, timer });
      await before?.close();
      await surplus?.close();
    },
    close: async () => {
      isClosed = true;
      const all = [...kept.values()].map(({ session }) => session);
      for (const key of kept.keys()) take(key);
      await Promise.all(all.map((session) => session.close()));
    },
  };
}
