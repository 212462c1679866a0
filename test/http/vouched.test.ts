// People whom somebody else vouches for: an identity provider, or a proxy in front.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PeopleSettings } from '../../src/core/people.ts';
import { startOidcProvider } from '../lab/oidc-provider.ts';
import { OWNER_TOKEN } from '../lab/people.ts';
import { ask, startServer } from './lab.ts';
import type { Answer } from './lab.ts';

const GROUPS = [
  { group: 'ops', role: 'operator', clusters: ['production'], teams: ['web'] },
  { group: 'dev', role: 'deployer', clusters: ['staging-*'], teams: [] },
] as const;
const NOTHING: PeopleSettings = { url: null, oidc: null, proxy: null, groups: GROUPS };

let settings: PeopleSettings = NOTHING;
let lab: Awaited<ReturnType<typeof startServer>>;
beforeEach(async () => {
  settings = NOTHING;
  lab = await startServer({ settings: () => settings });
});
afterEach(() => lab.close());

const me = async (headers: Record<string, string>): Promise<unknown> =>
  (JSON.parse((await ask(lab.url, '/api/v1/me', { headers })).body) as { actor: unknown }).actor;

describe('an identity provider', () => {
  let provider: Awaited<ReturnType<typeof startOidcProvider>>;
  let directory: string;
  beforeEach(async () => {
    provider = await startOidcProvider('lockstep', 'the secret of the client');
    provider.says.claims = { preferred_username: 'ann', groups: ['dev', 'ops'] };
    directory = await mkdtemp(join(tmpdir(), 'lockstep-oidc-'));
    await writeFile(join(directory, 'secret'), 'the secret of the client\n');
    const oidc = { issuer: provider.issuer, clientId: 'lockstep', clientSecret: { file: join(directory, 'secret') } };
    settings = { ...NOTHING, url: lab.url, oidc: { ...oidc, name: 'preferred_username', groups: 'groups', scopes: ['openid'] } };
  });
  afterEach(async () => {
    await provider.close();
    await rm(directory, { recursive: true, force: true });
  });

  const cookiesOf = ({ headers }: Answer): string[] =>
    (headers['set-cookie'] ?? []).filter((one) => !one.includes('Max-Age=0')).map((one) => one.split(';', 1)[0] ?? '');

  /** To the provider and back with what it says; `pending` is the browser's cookie. */
  async function go(): Promise<{ path: string; pending: string }> {
    const begun = await ask(lab.url, '/login/oidc');
    expect(begun.status).toBe(303);
    const there = await fetch(String(begun.headers.location), { redirect: 'manual' });
    const back = new URL(there.headers.get('location') ?? '');
    return { path: back.pathname + back.search, pending: cookiesOf(begun)[0] ?? '' };
  }
  const comeBack = (path: string, cookie: string): Promise<Answer> => ask(lab.url, path, { headers: { cookie } });

  test('lets somebody in with what the first of their groups may, as long as the configuration says so', async () => {
    expect((await ask(lab.url, '/login')).body).toContain('href="/login/oidc"');
    const { path, pending } = await go();
    const answer = await comeBack(path, pending);
    expect(answer.status).toBe(200);
    const cookie = cookiesOf(answer)[0] ?? '';
    expect(await me({ cookie })).toEqual({ kind: 'user', name: 'ann', role: 'operator', clusters: ['production'], teams: ['web'] });
    settings = { ...settings, groups: GROUPS.slice(1) };
    expect(await me({ cookie })).toMatchObject({ role: 'deployer' });
    settings = { ...settings, groups: [] };
    expect(await me({ cookie })).toBeNull();
    expect(lab.registry.witnessed.map(({ what, who }) => `${what} ${who}`)).toEqual(['signed-in ann']);
  });

  test('counts once, in the browser that was sent there, with the state that it was sent with', async () => {
    const first = await go();
    expect((await comeBack(first.path, '')).status).toBe(401);
    const second = await go();
    expect((await comeBack(first.path, second.pending)).status).toBe(401);
    expect((await comeBack(second.path, second.pending)).status).toBe(401);
    expect((await comeBack(first.path, first.pending)).status).toBe(200);
    expect((await comeBack(first.path, first.pending)).status).toBe(401);
  });

  test.each([
    ['another nonce', { nonce: 'other' }],
    ['another audience', { aud: 'somebody else' }],
    ['another issuer', { iss: 'https://evil.example' }],
    ['an end that has passed', { exp: 1_000_000 }],
    ['no name', { preferred_username: undefined }],
    ['a name that nobody can have', { preferred_username: 'ci (token)' }],
    ['groups that were given nothing', { groups: ['guests'] }],
    ['no groups', { groups: undefined }],
  ])('is not believed with %s', async (_what, claims) => {
    provider.says.claims = { ...provider.says.claims, ...claims };
    const { path, pending } = await go();
    const answer = await comeBack(path, pending);
    expect({ status: answer.status, cookies: cookiesOf(answer) }).toEqual({ status: 401, cookies: [] });
    expect(lab.registry.witnessed.at(-1)).toMatchObject({ what: 'sign-in-refused' });
  });

  test('is not believed when somebody else has signed, or with the name of a user of ours', async () => {
    provider.says.key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const forged = await go();
    expect((await comeBack(forged.path, forged.pending)).status).toBe(401);
    provider.says.key = provider.ownKey;
    await lab.registry.addUser({ name: 'ann', role: 'admin', clusters: ['*'], teams: [] });
    const taken = await go();
    expect((await comeBack(taken.path, taken.pending)).status).toBe(401);
  });

  test('that is none, or does not answer, is said so', async () => {
    const { issuer } = provider;
    await provider.close();
    expect((await ask(lab.url, '/login/oidc')).status).toBe(502);
    provider = await startOidcProvider('lockstep', 'x');
    expect(issuer).not.toBe(provider.issuer);
    settings = NOTHING;
    expect((await ask(lab.url, '/login/oidc')).status).toBe(409);
  });
});

describe('a proxy', () => {
  const proxy = { from: ['127.0.0.1'], user: 'x-forwarded-user', groups: 'x-forwarded-groups' };
  const says = { 'x-forwarded-user': 'ann', 'x-forwarded-groups': 'guests, ops' };

  test('is believed when it is configured and the connection comes from it, and never otherwise', async () => {
    expect(await me(says)).toBeNull();
    settings = { ...NOTHING, proxy: { ...proxy, from: ['10.0.0.5'] } };
    expect(await me(says)).toBeNull();
    expect(await me({ ...says, 'x-forwarded-for': '10.0.0.5' })).toBeNull();
    settings = { ...NOTHING, proxy };
    expect(await me(says)).toEqual({ kind: 'user', name: 'ann', role: 'operator', clusters: ['production'], teams: ['web'] });
    expect(await me({ 'x-forwarded-user': 'ann' })).toBeNull();
    expect(await me({ ...says, 'x-forwarded-user': '' })).toBeNull();
    expect(await me({ ...says, 'x-forwarded-groups': 'guests' })).toBeNull();
    expect(await me({ ...says, authorization: 'Bearer wrong' })).toBeNull();
  });

  test('does not make a request of another site one of ours', async () => {
    settings = { ...NOTHING, proxy };
    const lock = (headers: Record<string, string>) =>
      ask(lab.url, '/api/v1/clusters/production/lock', { method: 'POST', headers: { ...says, ...headers } });
    expect((await lock({})).status).toBe(403);
    expect((await lock({ origin: 'https://evil.example' })).status).toBe(403);
    expect((await lock({ origin: lab.url })).status).toBe(200);
    expect(lab.application.requests).toEqual(['lock production by ann: by hand']);
  });
});

test('the name that the configuration gives the daemon may stand in Host and Origin, and sessions get its cookies', async () => {
  const host = 'deploy.example.org';
  expect((await ask(lab.url, '/livez', { headers: { host } })).status).toBe(421);
  settings = { ...NOTHING, url: `https://${host}` };
  const headers = { host, origin: `https://${host}`, 'content-type': 'application/x-www-form-urlencoded' };
  const answer = await ask(lab.url, '/login', { method: 'POST', headers, body: `name=&password=${OWNER_TOKEN}` });
  expect(answer.headers['set-cookie']?.[0]).toMatch(/^__Host-lockstep=.*; Secure$/);
});
