// Who is believed: for every forge the right proof, and everything that only looks like one.
import { describe, expect, test } from '@jest/globals';
import { createHmac } from 'node:crypto';
import { FORGES } from '../../src/core/forge.ts';
import type { Forge } from '../../src/core/forge.ts';
import { hookReader } from '../../src/forge/hook-reader.ts';
import { basic, fixture, hex, OTHER_SECRET, proofHeaders, SECRET, signedDelivery, standardHeaders } from './deliveries.ts';

const NOW = 1_772_362_800_000;

function isBelieved(
  forge: Forge | null,
  headers: Record<string, string | undefined>,
  body: string | Buffer,
  secrets: readonly string[] = [SECRET],
  now = NOW,
): boolean {
  const witness = hookReader.witness(forge, headers, secrets, now);
  const bytes = Buffer.from(body);
  for (let at = 0; at < bytes.length; at += 100) witness.update(bytes.subarray(at, at + 100));
  return hookReader.isPlausible(headers) && witness.isAuthentic();
}

const SAMPLE: Readonly<Record<Forge, string>> = {
  github: 'github-push',
  gitlab: 'gitlab-push',
  gitea: 'gitea-push',
  forgejo: 'forgejo-push',
  gogs: 'gogs-push',
  'bitbucket-cloud': 'bitbucket-cloud-push',
  'bitbucket-server': 'bitbucket-server-push',
  'azure-devops': 'azure-devops-push',
  gerrit: 'gerrit-ref-updated',
  gitee: 'gitee-push',
};
/** The header that carries the proof. */
const HEADER: Readonly<Record<Forge, string>> = {
  github: 'x-hub-signature-256',
  gitlab: 'x-gitlab-token',
  gitea: 'x-gitea-signature',
  forgejo: 'x-forgejo-signature',
  gogs: 'x-gogs-signature',
  'bitbucket-cloud': 'x-hub-signature',
  'bitbucket-server': 'x-hub-signature',
  'azure-devops': 'authorization',
  gerrit: 'authorization',
  gitee: 'x-gitee-token',
};
const COVERS_BODY: readonly Forge[] = ['github', 'gitea', 'forgejo', 'gogs', 'bitbucket-cloud', 'bitbucket-server'];

describe.each(FORGES)('a delivery of %s', (forge) => {
  const { headers, body } = signedDelivery(fixture(SAMPLE[forge]), SECRET, NOW);
  const header = HEADER[forge];
  const value = headers[header] ?? '';
  const without = (name: string): Record<string, string> => Object.fromEntries(Object.entries(headers).filter(([key]) => key !== name));

  test('is believed when it is signed with one of the secrets', () => {
    expect(isBelieved(forge, headers, body)).toBe(true);
    expect(isBelieved(forge, headers, body, [OTHER_SECRET, SECRET])).toBe(true);
  });

  test.each([
    ['no proof', { [header]: undefined }],
    ['an empty one', { [header]: '' }],
    ['only its prefix', { [header]: /^(sha256=|Basic )?/.exec(value)?.[0] }],
    ['a truncated one', { [header]: value.slice(0, -4) }],
    ['one that is too long', { [header]: `${value}0` }],
    ['one character flipped', { [header]: value.slice(0, -3) + (value.at(-3) === 'a' ? 'b' : 'a') + value.slice(-2) }],
    ['two headers joined', { [header]: `${value}, ${value}` }],
    ['bytes that are not ASCII', { [header]: value.replace(/.$/, 'é') }],
    ['SHA-1', { [header]: `sha1=${createHmac('sha1', SECRET).update(body).digest('hex')}` }],
    ['another algorithm', { [header]: `sha512=${createHmac('sha512', SECRET).update(body).digest('hex')}` }],
    ['a word', { [header]: 'constructor' }],
  ])('with %s is refused', (_what, change) => {
    const sent = { ...without(header), ...change };
    // Forgejo's own header may be missing, then Gitea's counts.
    if (forge === 'forgejo' && change[header] === undefined) delete (sent as Record<string, unknown>)['x-gitea-signature'];
    expect(isBelieved(forge, sent, body)).toBe(false);
  });

  test('signed with the secret of another repository, with none, or with a weak one is refused', () => {
    expect(isBelieved(forge, headers, body, [OTHER_SECRET])).toBe(false);
    expect(isBelieved(forge, headers, body, [])).toBe(false);
    for (const weak of ['', 'x', 'changeme']) {
      const sent = { ...headers, ...proofHeaders(forge, body, weak, NOW) };
      expect(isBelieved(forge, sent, body, [weak])).toBe(false);
      expect(isBelieved(forge, sent, body, [])).toBe(false);
    }
  });

  if (COVERS_BODY.includes(forge)) {
    test('is refused when its body was changed, or written otherwise', () => {
      expect(isBelieved(forge, headers, body.replace('servers', 'sErvers'))).toBe(false);
      expect(isBelieved(forge, headers, JSON.stringify(JSON.parse(body), null, 1))).toBe(false);
      expect(isBelieved(forge, headers, '')).toBe(false);
      expect(isBelieved(forge, headers, `${body}\n`)).toBe(false);
    });

    test('in upper-case hexadecimal is refused', () => {
      expect(isBelieved(forge, { ...without('x-gitea-signature'), [header]: value.toUpperCase() }, body)).toBe(false);
    });
  }

  test('is believed by no repository of our own hooks only, and by none of another forge unless that one proves in the same way', () => {
    expect(isBelieved(null, headers, body)).toBe(false);
    const alike = FORGES.filter((other) => isBelieved(other, headers, body));
    const same: Partial<Record<Forge, Forge[]>> = {
      // Gitea and Forgejo send each other's headers.
      gitea: ['github', 'gitea', 'forgejo'],
      forgejo: ['gitea', 'forgejo'],
      'bitbucket-cloud': ['bitbucket-cloud', 'bitbucket-server'],
      'bitbucket-server': ['bitbucket-cloud', 'bitbucket-server'],
      'azure-devops': ['bitbucket-server', 'azure-devops', 'gerrit'],
      gerrit: ['bitbucket-server', 'azure-devops', 'gerrit'],
    };
    expect(alike).toEqual(same[forge] ?? [forge]);
  });

  test('does not keep our own hooks out', () => {
    const own = '{"event":"ping"}';
    const key = Buffer.from(SECRET.slice('whsec_'.length), 'base64');
    expect(isBelieved(forge, standardHeaders(own, key, NOW), own)).toBe(true);
    expect(isBelieved(forge, standardHeaders(own, key, NOW - 301_000), own)).toBe(false);
    expect(
      hookReader.read({ repository: 'shop', forge, headers: standardHeaders(own, key, NOW), body: Buffer.from(own), receivedAt: NOW }),
    ).toEqual({
      ping: true,
    });
  });
});

test("GitHub's documented example is believed", () => {
  const signature = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17';
  const secret = "It's a Secret to Everybody";
  expect(isBelieved('github', { 'x-hub-signature-256': signature }, 'Hello, World!', [secret])).toBe(true);
  expect(isBelieved('github', { 'x-hub-signature-256': signature }, 'Hello, World?', [secret])).toBe(false);
});

test('a form is signed over its bytes by GitHub, and over its JSON by Gitea, Forgejo and Gogs', () => {
  const json = JSON.stringify({ ref: 'refs/heads/a b+c&d=é' });
  const form = new URLSearchParams({ payload: json }).toString();
  const type = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
  expect(isBelieved('github', { ...type, 'x-hub-signature-256': `sha256=${hex(SECRET, form)}` }, form)).toBe(true);
  expect(isBelieved('github', { ...type, 'x-hub-signature-256': `sha256=${hex(SECRET, json)}` }, form)).toBe(false);
  for (const [forge, name] of [
    ['gitea', 'x-gitea-signature'],
    ['forgejo', 'x-forgejo-signature'],
    ['gogs', 'x-gogs-signature'],
  ] as const) {
    expect(isBelieved(forge, { ...type, [name]: hex(SECRET, json) }, form)).toBe(true);
    expect(isBelieved(forge, { ...type, [name]: hex(SECRET, form) }, form)).toBe(false);
    expect(isBelieved(forge, { ...type, [name]: hex(SECRET, '') }, 'a=b')).toBe(false);
  }
});

describe("GitLab's signing token", () => {
  const { headers, payload } = fixture('gitlab-push');
  const body = JSON.stringify(payload);
  const key = Buffer.from(SECRET.slice('whsec_'.length), 'base64');

  test('is believed, whether the key is what the secret encodes or its text', () => {
    expect(isBelieved('gitlab', { ...headers, ...standardHeaders(body, key, NOW) }, body)).toBe(true);
    expect(isBelieved('gitlab', { ...headers, ...standardHeaders(body, SECRET, NOW) }, body)).toBe(true);
    expect(isBelieved('gitlab', { ...headers, ...standardHeaders(body, key, NOW - 301_000) }, body)).toBe(false);
    expect(isBelieved('gitlab', { ...headers, ...standardHeaders(body, OTHER_SECRET, NOW) }, body)).toBe(false);
  });

  test('that is wrong is not made good by the secret token beside it', () => {
    const wrong = { ...headers, ...standardHeaders(body, OTHER_SECRET, NOW), 'x-gitlab-token': SECRET };
    expect(isBelieved('gitlab', wrong, body)).toBe(false);
    expect(isBelieved('gitlab', { ...wrong, 'webhook-signature': '' }, body)).toBe(false);
  });
});

test("Forgejo's wrong or empty signature is not made good by Gitea's beside it, which counts only alone", () => {
  const { headers, body } = signedDelivery(fixture('forgejo-push'), SECRET, NOW);
  expect(isBelieved('forgejo', { ...headers, 'x-forgejo-signature': 'a'.repeat(64) }, body)).toBe(false);
  expect(isBelieved('forgejo', { ...headers, 'x-forgejo-signature': '' }, body)).toBe(false);
  expect(isBelieved('forgejo', { ...headers, 'x-forgejo-signature': undefined }, body)).toBe(true);
});

describe('Gitee', () => {
  const { headers, body } = signedDelivery(fixture('gitee-push'), SECRET, NOW);

  test('may send the password itself, or the signature percent-encoded', () => {
    expect(isBelieved('gitee', { ...headers, 'x-gitee-token': SECRET }, body)).toBe(true);
    expect(isBelieved('gitee', { ...headers, 'x-gitee-token': encodeURIComponent(headers['x-gitee-token'] ?? '') }, body)).toBe(true);
    expect(isBelieved('gitee', { ...headers, 'x-gitee-token': OTHER_SECRET }, body)).toBe(false);
  });

  test('is believed for an hour', () => {
    expect(isBelieved('gitee', headers, body, [SECRET], NOW + 3_599_000)).toBe(true);
    expect(isBelieved('gitee', headers, body, [SECRET], NOW + 3_601_000)).toBe(false);
    expect(isBelieved('gitee', { ...headers, 'x-gitee-timestamp': String(NOW + 1) }, body)).toBe(false);
  });
});

test('Bitbucket Server may use basic authentication, but not to make a wrong signature good', () => {
  const { headers, payload } = fixture('bitbucket-server-push');
  const body = JSON.stringify(payload);
  expect(isBelieved('bitbucket-server', { ...headers, authorization: basic(SECRET) }, body)).toBe(true);
  expect(isBelieved('bitbucket-server', { ...headers, authorization: basic(SECRET), 'x-hub-signature': 'sha256=' }, body)).toBe(false);
  expect(isBelieved('bitbucket-cloud', { ...headers, authorization: basic(SECRET) }, body)).toBe(false);
});

test('10,000 random headers are refused, and none of them makes the check throw', () => {
  for (let i = 0; i < 10_000; i++) {
    const forge = FORGES[i % FORGES.length] as Forge;
    const random = String.fromCodePoint(...Array.from({ length: i % 90 }, (_, k) => (i * 7919 + k * 104729) % 0xd7ff));
    const prefix = ['', 'sha256=', 'Basic ', 'v1,'][i % 4] ?? '';
    expect(isBelieved(forge, { [HEADER[forge]]: prefix + random, 'x-gitee-timestamp': '1772362800000' }, 'x')).toBe(false);
  }
});
