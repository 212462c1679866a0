// Proves that a notice comes from somebody who knows the secret, and that it is not an old one sent again.
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

export type SignedNotice = {
  /** Headers `webhook-id`, `webhook-timestamp` (seconds since 1970) and `webhook-signature`; undefined: not there. */
  readonly id: string | undefined;
  readonly timestamp: string | undefined;
  readonly signature: string | undefined;
};

const ID = /^[A-Za-z0-9_:=+-]{1,128}$/;
const TIMESTAMP = /^[1-9]\d{0,11}$/;
/** Base64 of 32 bytes. */
const SIGNATURE = /^v1,([A-Za-z0-9+/]{43}=)$/;
const MOST_SIGNATURES = 8;
const LEAST_SECRET_BYTES = 24;
const WINDOW_SECONDS = 5 * 60;
/** Stands in when there is no secret, so that a closed door takes as long to say no as a locked one. */
const NOBODY_KNOWS = randomBytes(32);

/** Are the three headers there and well formed? Several signatures are separated by one space (a secret is being replaced). */
export function isSigned({ id, timestamp, signature }: SignedNotice): boolean {
  if (id === undefined || timestamp === undefined || signature === undefined) return false;
  const parts = signature.split(' ', MOST_SIGNATURES + 1);
  return ID.test(id) && TIMESTAMP.test(timestamp) && parts.length <= MOST_SIGNATURES && parts.every((part) => SIGNATURE.test(part));
}

/**
 * Is one of the signatures over `id.timestamp.body` made with one of the secrets (`whsec_<base64>`), at most five minutes from `now`
 * (milliseconds since 1970)? Secrets of fewer than 24 bytes are none. Takes the same time for every wrong signature. Never throws.
 */
export function verifyStandardWebhook(
  notice: SignedNotice & { readonly body: Uint8Array; readonly secrets: readonly string[]; readonly now: number },
): boolean {
  if (!isSigned(notice)) return false;
  const { id, timestamp, signature, body, secrets, now } = notice;
  const keys = secrets.map(keyOf).filter((key) => key !== null);
  const given = (signature ?? '').split(' ').map((part) => digest(Buffer.from(SIGNATURE.exec(part)?.[1] ?? '', 'base64')));
  let matches = 0;
  for (const key of keys.length === 0 ? [NOBODY_KNOWS] : keys) {
    const expected = digest(createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest());
    for (const one of given) if (timingSafeEqual(expected, one)) matches += 1;
  }
  return matches > 0 && keys.length > 0 && Math.abs(now / 1000 - Number(timestamp)) <= WINDOW_SECONDS;
}

/** The bytes of a secret, or `null` when it is none that could be trusted: an empty key would be everybody's. */
export function keyOf(secret: string): Buffer | null {
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1];
  if (encoded === undefined) return null;
  const key = Buffer.from(encoded, 'base64');
  return key.length < LEAST_SECRET_BYTES ? null : key;
}

/** Both sides of a comparison are hashed first: equal lengths, and nothing about the expected value can be learnt from the time. */
const digest = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();
