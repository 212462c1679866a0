// Signing in with a password, or as the owner with the daemon's own token.
import { actorText } from '../core/actor.ts';
import type { Credentials, People, PeopleStore, SignIn, Witness } from '../core/people.ts';
import { createAttempts } from './attempts.ts';
import { isPassword } from './passwords.ts';
import { hashOf, isSameSecret } from './secret.ts';
import type { Sessions } from './sessions.ts';

export type SignInTools = {
  readonly store: PeopleStore;
  readonly sessions: Sessions;
  readonly ownerToken: string;
  readonly witness: Witness;
  readonly now: () => number;
};

/** Each check takes 32 MiB; more of them at once have to wait for another time. */
const MOST_AT_ONCE = 4;
const BUSY_MS = 2_000;
const LONGEST_NAME = 64;
const LONGEST_PASSWORD = 4096;

export function createSignIn(tools: SignInTools): Pick<People, 'signIn' | 'signOut' | 'bySession'> {
  const { store, sessions, ownerToken, witness, now } = tools;
  const attempts = createAttempts(now);
  let checking = 0;

  /** Whatever is sent, a password is checked: time says nothing about who exists. */
  async function isRight({ name, password }: Credentials): Promise<boolean> {
    checking += 1;
    try {
      const user = name === '' || name.length > LONGEST_NAME ? null : await store.user(name);
      const isTheirs = await isPassword(password.slice(0, LONGEST_PASSWORD), user?.password ?? null);
      return name === '' ? isSameSecret(password, ownerToken) : isTheirs;
    } finally {
      checking -= 1;
    }
  }

  async function signIn(credentials: Credentials): Promise<SignIn> {
    const { name, address, previous } = credentials;
    const account = hashOf(name.toLowerCase());
    if (checking >= MOST_AT_ONCE) return { state: 'wait', waitMs: BUSY_MS };
    const waitMs = attempts.begin(account, address ?? '');
    if (waitMs > 0) return { state: 'wait', waitMs };
    const who = name === '' ? 'owner' : name.slice(0, LONGEST_NAME);
    if (!(await isRight(credentials))) {
      witness({ what: 'sign-in-refused', who, address, detail: 'the name or the password is wrong' });
      return { state: 'wrong' };
    }
    attempts.succeeded(account, address ?? '');
    const way = name === '' ? 'owner' : 'password';
    const session = await sessions.begin({ way, name: who, groups: way === 'owner' ? [hashOf(ownerToken)] : [] }, previous);
    witness({ what: 'signed-in', who, address, detail: way === 'owner' ? "with the owner's token" : 'with a password' });
    return { state: 'in', session, lifetimeMs: sessions.lifetimeMs };
  }

  return {
    signIn,
    bySession: (session, address, isUse) => sessions.of(session, address, isUse),
    async signOut(session, address) {
      const actor = await sessions.of(session, address, false);
      await sessions.end(session);
      if (actor !== null) witness({ what: 'signed-out', who: actorText(actor), address, detail: 'the session has ended' });
    },
  };
}
