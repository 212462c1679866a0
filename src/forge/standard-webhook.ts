// How our own hooks sign, and GitLab where it has a signing token: the sender knows the secret, and it is not an old notice sent again.
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
import type { HookHeaders } from '../core/hook.ts';
import type { Proof } from './proof.ts';

const ID = /^[A-Za-z0-9_:=+-]{1,128}$/;
const TIMESTAMP = /^[1-9]\d{0,11}$/;
/** Base64 of 32 bytes. */
const SIGNATURE = /^v1,([A-Za-z0-9+/]{43}=)$/;
const MOST_SIGNATURES = 8;
const LEAST_SECRET_BYTES = 24;
const WINDOW_MS = 5 * 60 * 1000;

/**
 * HMAC-SHA256 over `id.timestamp.body`, at most five minutes old. `null`: one of the headers `webhook-id`, `webhook-timestamp` (seconds since
 * 1970) and `webhook-signature` is missing or ill-formed. Several signatures are separated by one space (a secret is being replaced).
 */
export function standardProof(headers: HookHeaders, keysOf: (secret: string) => readonly Uint8Array[] = ownKeys): Proof | null {
  const id = headers['webhook-id'] ?? '';
  const timestamp = headers['webhook-timestamp'] ?? '';
  const parts = (headers['webhook-signature'] ?? '').split(' ', MOST_SIGNATURES + 1);
  if (!ID.test(id) || !TIMESTAMP.test(timestamp) || parts.length > MOST_SIGNATURES) return null;
  const given = parts.flatMap((part) => SIGNATURE.exec(part)?.[1] ?? []).map((text) => Buffer.from(text, 'base64'));
  if (given.length < parts.length) return null;
  const prefix = `${id}.${timestamp}.`;
  return { kind: 'body', given, keysOf, prefix, isOverPayload: false, signedAt: Number(timestamp) * 1000, windowMs: WINDOW_MS };
}

const ownKeys = (secret: string): readonly Uint8Array[] => [keyOf(secret)].filter((key) => key !== null);

/** The bytes of a secret (`whsec_<base64>`), or `null` when it is none that could be trusted: an empty key would be everybody's. */
export function keyOf(secret: string): Buffer | null {
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1];
  if (encoded === undefined) return null;
  const key = Buffer.from(encoded, 'base64');
  return key.length < LEAST_SECRET_BYTES ? null : key;
}
