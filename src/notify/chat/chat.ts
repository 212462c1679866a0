// What all chats have in common: text goes in, one request comes out, and the answer says whether it was taken.
import type { Answer, Outgoing } from '../outgoing.ts';
import type { Escape } from '../text.ts';
import type { Undelivered } from '../undelivered.ts';

/** Values of the target's references. */
export type Credentials = { readonly url: string; readonly secret: string | null; readonly now: number };

export type Chat = {
  readonly escape: Escape;
  /** UTF-8 bytes of a message. */
  readonly most: number;
  write(text: string, credentials: Credentials): Outgoing;
  /** Looks into an answer whose status is 2xx; `null`: it was taken. */
  refusal(answer: Answer): Undelivered | null;
};

export const asJson = (url: string, value: unknown): Outgoing => ({
  url,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
});

/** A field of an answer in JSON; `undefined`: it is not there, or the answer is no JSON. */
export function fieldOf({ body }: Answer, name: string): unknown {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  } catch {
    return undefined;
  }
}
