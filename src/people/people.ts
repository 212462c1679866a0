// Everybody who may use the daemon: its owner, and those to whom somebody gave a token or a password.
import type { People, PeopleSettings, PeopleStore, Witness } from '../core/people.ts';
import { grantedBy } from './grants.ts';
import { createOidc } from './oidc.ts';
import { createSessions } from './sessions.ts';
import { createSignIn } from './sign-in.ts';
import { createTokens } from './tokens.ts';
import { createUsers } from './users.ts';

export type PeopleTools = {
  readonly store: PeopleStore;
  /** The daemon's own token. */
  readonly ownerToken: string;
  /** What the configuration says now. */
  readonly settings: () => PeopleSettings | null;
  readonly witness: Witness;
  /** Milliseconds since 1970. */
  readonly now: () => number;
};

export function createPeople(tools: PeopleTools): People {
  const { store, settings } = tools;
  const sessions = createSessions(tools);
  return {
    ...createTokens(tools),
    ...createUsers(tools),
    ...createSignIn({ ...tools, sessions }),
    ...createOidc({ ...tools, sessions }),
    byProxy: (name, groups, address) => grantedBy(tools, name, groups, address),
    ways: async () => ({ password: (await store.users()).length > 0, oidc: (settings()?.oidc ?? null) !== null }),
  };
}
