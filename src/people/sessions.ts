// Sessions: who is signed in. The browser has a random secret, we its hash; what somebody may is looked up with each request.
import { ownerActor } from '../core/actor.ts';
import type { Actor } from '../core/actor.ts';
import type { PeopleSettings, PeopleStore, SessionRecord } from '../core/people.ts';
import { grantedBy } from './grants.ts';
import { hashOf, newSecret } from './secret.ts';

/** After so long without a request a session ends, and after so long in any case. */
const IDLE_MS = 2 * 3_600_000;
const LONGEST_MS = 12 * 3_600_000;
/** Use is not written down at every request. */
const USE_GRAIN_MS = 60_000;

export type Sessions = {
  /** Returns what the cookie is to hold. `previous` ends. */
  begin(who: Pick<SessionRecord, 'way' | 'name' | 'groups'>, previous: string | null): Promise<string>;
  of(session: string, address: string | null, isUse: boolean): Promise<Actor | null>;
  end(session: string): Promise<void>;
  readonly lifetimeMs: number;
};

export type SessionTools = {
  readonly store: PeopleStore;
  readonly ownerToken: string;
  readonly settings: () => PeopleSettings | null;
  readonly now: () => number;
};

export function createSessions({ store, ownerToken, settings, now }: SessionTools): Sessions {
  const actorOf = async ({ way, name, groups }: SessionRecord, address: string | null): Promise<Actor | null> => {
    // A new token of the owner ends what the old one began.
    if (way === 'owner') return groups[0] === hashOf(ownerToken) ? ownerActor(name, address) : null;
    if (way === 'oidc') return grantedBy({ store, settings }, name, groups, address);
    const user = await store.user(name);
    return user && { kind: 'user', name, teams: user.teams, role: user.role, clusters: user.clusters, address };
  };

  return {
    lifetimeMs: LONGEST_MS,
    async begin(who, previous) {
      const session = newSecret();
      if (previous !== null) await store.removeSession(hashOf(previous));
      await store.addSession({ ...who, hash: hashOf(session), createdAt: now(), seenAt: now(), expiresAt: now() + LONGEST_MS });
      return session;
    },
    async of(session, address, isUse) {
      const record = await store.session(hashOf(session));
      if (record === null || now() >= record.expiresAt || now() - record.seenAt >= IDLE_MS) return null;
      const actor = await actorOf(record, address);
      const isStale = isUse && actor !== null && now() - record.seenAt >= USE_GRAIN_MS;
      // Who is signed in may look at a daemon whose disk is full.
      if (isStale) await store.touchSession(record.hash, now()).catch(() => undefined);
      return actor;
    },
    end: (session) => store.removeSession(hashOf(session)),
  };
}
