// What a delivery's headers offer as a proof that its sender knows the secret, in the few forms that forges use.
import { createHmac } from 'node:crypto';
import type { HookHeaders } from '../core/hook.ts';
import { isEqual } from './constant-time.ts';

/** HMAC-SHA256 over the body. */
export type BodyProof = {
  readonly kind: 'body';
  /** What was sent; one of them must be right. */
  readonly given: readonly Buffer[];
  /** Keys that a secret stands for. */
  readonly keysOf: (secret: string) => readonly Uint8Array[];
  /** What was signed before the body. */
  readonly prefix: string;
  /** Of a form, only the value of its field `payload` was signed, and not the body as it was sent. */
  readonly isOverPayload: boolean;
};

/** Something that does not cover the body: the secret itself, or a signature of the time. */
export type HeaderProof = { readonly kind: 'header'; readonly isRight: (secret: string) => boolean };

/** `signedAt` (milliseconds since 1970; `null`: it says no time) may differ from now by `windowMs`. */
export type Proof = (BodyProof | HeaderProof) & { readonly signedAt: number | null; readonly windowMs: number };

const SHA256_HEX = /^[0-9a-f]{64}$/;
const LONGEST_TOKEN = 1000;
const TIMELESS = { signedAt: null, windowMs: 0 } as const;

/** `X-…: <prefix><64 hex digits>` over the body, keyed by the text of the secret. An empty or ill-formed header proves nothing. */
export function hexProof(header: string | undefined, prefix: string, isOverPayload = false): Proof | null {
  if (header?.startsWith(prefix) !== true) return null;
  const hex = header.slice(prefix.length);
  if (!SHA256_HEX.test(hex)) return null;
  return { kind: 'body', given: [Buffer.from(hex, 'hex')], keysOf: textKey, prefix: '', isOverPayload, ...TIMELESS };
}

/** The text of the secret, as it was pasted into the forge's settings. */
export const textKey = (secret: string): readonly Uint8Array[] => [Buffer.from(secret)];

/** The secret itself in a header. */
export function tokenProof(header: string | undefined): Proof | null {
  if (header === undefined || header === '' || header.length > LONGEST_TOKEN) return null;
  return { kind: 'header', isRight: (secret) => isEqual(secret, header), ...TIMELESS };
}

/** The secret as the password of basic authentication; the account may have any name. */
export function basicProof({ authorization }: HookHeaders): Proof | null {
  const encoded = /^Basic ([A-Za-z0-9+/]{1,1000}={0,2})$/i.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return null;
  const pair = Buffer.from(encoded, 'base64').toString('utf8');
  return pair.includes(':') ? tokenProof(pair.slice(pair.indexOf(':') + 1)) : null;
}

/** HMAC-SHA256 of a text that the headers give, in base64. */
export function textProof(signature: string, textOf: (secret: string) => string, signedAt: number, windowMs: number): Proof {
  const isRight = (secret: string): boolean => isEqual(createHmac('sha256', secret).update(textOf(secret)).digest('base64'), signature);
  return { kind: 'header', isRight, signedAt, windowMs };
}
