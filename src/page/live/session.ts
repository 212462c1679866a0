// Who looks at the page: somebody with a session of their browser. The daemon has a page to sign in with, and knows who it is.
import { signal } from '@preact/signals';
import type { Role } from '../../core/actor.ts';
import { takeAnswer } from './answers.ts';

/** The daemon does not know us: nothing is asked until somebody signs in. */
export const isSignedOut = signal(false);

export type Me = { readonly name: string; readonly role: Role; readonly clusters: readonly string[] };
export const me = signal<Me | null>(null);

/** The audit is for those who answer for all clusters. */
export const seesAudit = (): boolean =>
  me.value !== null && ['operator', 'admin'].includes(me.value.role) && me.value.clusters.includes('*');

/** Asks who we are; resolves when it is known whether somebody has to sign in. Never rejects. */
export async function startSession(): Promise<void> {
  try {
    const answer = takeAnswer('me') ?? (await askWho());
    if (answer === null) return;
    me.value = (answer as { actor: Me | null }).actor;
    if (me.value === null) isSignedOut.value = true;
  } catch {
    // The daemon does not answer: the event stream tries again, and says so.
  }
}

async function askWho(): Promise<unknown> {
  const response = await fetch('/api/v1/me');
  return response.ok ? response.json() : null;
}

/** Where to sign in, and come back from. */
export const signInAddress = (): string => `/login?next=${encodeURIComponent(location.pathname + location.search)}`;

export async function signOut(): Promise<void> {
  await fetch('/logout', { method: 'POST', redirect: 'manual' }).catch(() => undefined);
  me.value = null;
  isSignedOut.value = true;
}
