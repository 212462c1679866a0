// Who looks at the page: somebody with a session of their browser, or somebody who typed the API's token for this tab.
import { signal } from '@preact/signals';

const KEY = 'lockstep-token';

/** `null`: the browser's session is what counts, or nobody has signed in. Kept for this tab only. */
let token: string | null = read();

/** The server does not know us: nothing is asked until somebody signs in. */
export const isSignedOut = signal(false);

export type Me = { readonly name: string; readonly role: string };
/** Who we are, where the daemon knows people. */
export const me = signal<Me | null>(null);
/** The daemon has a page to sign in with. */
let hasSignInPage = false;

/** Asks who we are; resolves when it is known whether somebody has to sign in. Never rejects. */
export async function startSession(): Promise<void> {
  try {
    const response = await fetch('/api/v1/me', { headers: credentials() });
    if (!response.ok) return;
    hasSignInPage = true;
    me.value = ((await response.json()) as { actor: Me | null }).actor;
    if (me.value === null) isSignedOut.value = true;
  } catch {
    // The daemon does not answer: the event stream tries again, and says so.
  }
}

/** Where to sign in; `null`: with the token, on this page. */
export const signInAddress = (): string | null =>
  hasSignInPage ? `/login?next=${encodeURIComponent(location.pathname + location.search)}` : null;

export function setToken(value: string): void {
  token = value;
  try {
    sessionStorage.setItem(KEY, value);
  } catch {
    // A browser that keeps nothing keeps it in memory.
  }
  isSignedOut.value = false;
}

export async function signOut(): Promise<void> {
  token = null;
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // As above.
  }
  if (hasSignInPage) await fetch('/logout', { method: 'POST', redirect: 'manual' }).catch(() => undefined);
  me.value = null;
  isSignedOut.value = true;
}

/** Headers that say who asks. With a session of the browser the cookie says it. */
export const credentials = (): Record<string, string> => (token === null ? {} : { authorization: `Bearer ${token}` });

/** Who asks, for a daemon that does not know people. */
export const signature = (): Record<string, string> => (me.peek() === null ? { by: 'page' } : {});

function read(): string | null {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}
