// Deliveries as forges send them: the fixtures, signed as each of them signs.
import { createHmac } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { FORGES } from '../../src/core/forge.ts';
import type { Forge } from '../../src/core/forge.ts';

export const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=';
export const OTHER_SECRET = 'whsec_b3RoZXIgc2VjcmV0IG9mIHRoZSBwb3J0YWwgcmVwb3M=';

type Headers = Record<string, string>;
export type Sent = { readonly headers: Headers; readonly body: string };
export type Fixture = {
  readonly name: string;
  readonly forge: Forge;
  readonly headers: Headers;
  readonly payload: Record<string, unknown>;
};

const DIRECTORY = new URL('fixtures/', import.meta.url);

export function fixture(name: string): Fixture {
  const { headers, body } = JSON.parse(readFileSync(new URL(`${name}.json`, DIRECTORY), 'utf8')) as {
    headers: Headers;
    body: Record<string, unknown>;
  };
  const forge = FORGES.find((one) => name.startsWith(`${one}-`));
  if (forge === undefined) throw new Error(`${name} belongs to no forge`);
  return { name, forge, headers, payload: body };
}

export const allFixtures = (): Fixture[] =>
  readdirSync(DIRECTORY)
    .sort()
    .map((file) => fixture(file.replace(/\.json$/, '')));

export const hex = (secret: string, text: string | Buffer): string => createHmac('sha256', secret).update(text).digest('hex');
export const basic = (password: string): string => `Basic ${Buffer.from(`lockstep:${password}`).toString('base64')}`;

/** The headers by which a forge proves a body. Gitee's time is that of the fixture. */
export function proofHeaders(forge: Forge, body: string | Buffer, secret: string, now = Date.now()): Headers {
  switch (forge) {
    case 'github':
      return { 'x-hub-signature-256': `sha256=${hex(secret, body)}`, 'x-hub-signature': `sha1=${'0'.repeat(40)}` };
    case 'gitlab':
      return { 'x-gitlab-token': secret };
    case 'gitea':
      return { 'x-gitea-signature': hex(secret, body), 'x-hub-signature-256': `sha256=${hex(secret, body)}` };
    case 'forgejo':
      return { 'x-forgejo-signature': hex(secret, body), 'x-gitea-signature': hex(secret, body) };
    case 'gogs':
      return { 'x-gogs-signature': hex(secret, body) };
    case 'bitbucket-cloud':
    case 'bitbucket-server':
      return { 'x-hub-signature': `sha256=${hex(secret, body)}` };
    case 'azure-devops':
    case 'gerrit':
      return { authorization: basic(secret) };
    case 'gitee': {
      const token = createHmac('sha256', secret).update(`${now}\n${secret}`).digest('base64');
      return { 'x-gitee-timestamp': String(now), 'x-gitee-token': token };
    }
    default:
      return forge satisfies never;
  }
}

/** A whole delivery, ready to be sent. */
export function signedDelivery({ forge, headers, payload }: Fixture, secret = SECRET, now = Date.now()): Sent {
  const body = JSON.stringify(payload);
  return { body, headers: { ...headers, ...proofHeaders(forge, body, secret, now) } };
}

/** GitLab's signing token, as Standard Webhooks says. */
export function standardHeaders(body: string, key: Buffer | string, now = Date.now(), id = 'msg_1'): Headers {
  const timestamp = String(Math.floor(now / 1000));
  const mac = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${mac}` };
}
