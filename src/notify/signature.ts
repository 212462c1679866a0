// How our webhooks are signed, so that whoever gets one knows that it is ours and not an old one.
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
import { createHmac } from 'node:crypto';
import { Undelivered } from './undelivered.ts';

const LEAST_BYTES = 24;

/** `secret`: `whsec_` and base64 of 24 bytes or more. `id`: the same at each attempt. `now`: milliseconds. */
export function signedHeaders(body: string, secret: string | null, id: string, now: number): Record<string, string> {
  const timestamp = String(Math.floor(now / 1000));
  const known = { 'webhook-id': id, 'webhook-timestamp': timestamp };
  if (secret === null) return known;
  return {
    ...known,
    'webhook-signature': `v1,${createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.${body}`).digest('base64')}`,
  };
}

function keyOf(secret: string): Buffer {
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1];
  const key = Buffer.from(encoded ?? '', 'base64');
  if (key.length >= LEAST_BYTES) return key;
  throw new Undelivered(`its secret is not "whsec_" and base64 of at least ${LEAST_BYTES} bytes`);
}
