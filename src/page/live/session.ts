// Who looks at the page: somebody with a session of their browser, or somebody who typed the API's token for this tab.
import { signal } from '@preact/signals';

const KEY = 'lockstep-token';

/** `null`: nobody has asked yet, or the browser's session is what counts. Kept for this tab only. */
let token: string | null = read();

/** The server does not know us: nothing is asked until somebody signs in. */
export const isSignedOut = signal(false);

export function setToken(value: string): void {
  token = value;
  try {
    sessionStorage.setItem(KEY, value);
  } catch {
    // A browser that keeps nothing keeps it in memory.
  }
  isSignedOut.value = false;
}

export function signOut(): void {
  token = null;
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // As above.
  }
  isSignedOut.value = true;
}

/** Headers that say who asks. With a session of the browser the cookie says it. */
export const credentials = (): Record<string, string> => (token === null ? {} : { authorization: `Bearer ${token}` });

function read(): string | null {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}
