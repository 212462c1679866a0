import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ownerActor } from '../../src/core/actor.ts';
import { PASSWORD } from '../lab/people.ts';
import { ask, startServer, withToken } from './lab.ts';
import type { Answer, Asked } from './lab.ts';
import { TOKEN } from './memory-application.ts';

const OWNER = ownerActor('root', null);
const ANN = { name: 'ann', role: 'deployer', clusters: ['production'], teams: ['web'] } as const;

let lab: Awaited<ReturnType<typeof startServer>>;
beforeEach(async () => {
  lab = await startServer();
  await lab.registry.addUser(ANN);
});
afterEach(() => lab.close());

const form = (fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Answer> =>
  ask(lab.url, '/login', {
    method: 'POST',
    headers: { origin: lab.url, 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(fields).toString(),
  });

const cookieOf = ({ headers }: Answer): string => headers['set-cookie']?.[0]?.split(';', 1)[0] ?? '';
const signIn = async (name = 'ann', password = PASSWORD): Promise<string> => cookieOf(await form({ name, password, next: '/' }));
const me = async (cookie: string): Promise<unknown> =>
  (JSON.parse((await ask(lab.url, '/api/v1/me', { headers: { cookie } })).body) as { actor: unknown }).actor;

const page = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

describe('signing in', () => {
  test('leads from the page to the form and back, with a cookie that scripts and other sites cannot get', async () => {
    const away = await ask(lab.url, '/', { headers: page });
    expect(away).toMatchObject({ status: 303, headers: { location: '/login' } });
    const shown = await ask(lab.url, '/login', { headers: page });
    expect(shown.body).toContain('<form method="post" action="/login">');
    expect(shown.headers['content-security-policy']).toContain("form-action 'self'");
    const answer = await form({ name: 'ann', password: PASSWORD, next: '/' });
    expect(answer).toMatchObject({ status: 303, headers: { location: '/' } });
    const port = new URL(lab.url).port;
    expect(answer.headers['set-cookie']).toEqual([
      expect.stringMatching(new RegExp(`^lockstep-${port}=[A-Za-z0-9_-]{43}; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict$`)),
    ]);
    const cookie = cookieOf(answer);
    expect((await ask(lab.url, '/', { headers: { ...page, cookie } })).status).toBe(200);
    expect(await me(cookie)).toEqual({ kind: 'user', name: 'ann', role: 'deployer', clusters: ['production'], teams: ['web'] });
    expect(await me('')).toBeNull();
    const deploy = { method: 'POST', headers: { cookie, origin: lab.url, 'content-type': 'application/json' }, body: '{"by":"root"}' };
    expect((await ask(lab.url, '/api/v1/clusters/production/deploy', deploy)).status).toBe(202);
    expect((await ask(lab.url, '/api/v1/clusters/production/rollback', deploy)).status).toBe(403);
    expect(lab.application.requests).toEqual(['deploy production head force=false by ann']);
  });

  test('as the owner takes the token, and ends with it', async () => {
    const cookie = await signIn('', TOKEN);
    expect(await me(cookie)).toMatchObject({ kind: 'owner', role: 'admin' });
    expect((await form({ name: '', password: `${TOKEN}x`, next: '/' })).status).toBe(401);
  });

  test('answers a wrong name and a wrong password with the same bytes in the same time', async () => {
    await lab.people.removeUser('ann', OWNER);
    await lab.people.addUser({ ...ANN, password: PASSWORD }, OWNER);
    const attempt = async (name: string, password: string) => {
      const began = performance.now();
      const { status, headers, body } = await form({ name, password, next: '/' });
      const { date, ...others } = headers;
      expect(date).toBeDefined();
      return { ms: performance.now() - began, told: JSON.stringify({ status, others, body }) };
    };
    const times: Record<string, number[]> = { ann: [], bob: [] };
    const answers = new Set<string>();
    for (let round = 0; round < 3; round++) {
      for (const name of ['ann', 'bob']) {
        const { ms, told } = await attempt(name, 'wrong password');
        times[name]?.push(ms);
        answers.add(told);
        // Not to be slowed down, which would say nothing here.
        await signInElsewhere();
      }
    }
    expect(answers.size).toBe(1);
    const least = (name: string): number => Math.min(...(times[name] ?? []));
    expect(least('bob')).toBeGreaterThan(least('ann') / 3);
    expect(least('ann')).toBeGreaterThan(least('bob') / 3);
  });

  test('has to wait after some attempts that failed, whoever is tried', async () => {
    // A machine that is slow would wait long enough by itself.
    const now = Date.now();
    await lab.close();
    lab = await startServer({ now: () => now });
    await lab.registry.addUser(ANN);
    const found = [];
    for (let i = 0; i < 6; i++) found.push((await form({ name: 'nobody', password: 'wrong password', next: '/' })).status);
    expect(found).toEqual([401, 401, 401, 401, 401, 429]);
    const told = await form({ name: 'ann', password: PASSWORD, next: '/' });
    expect(told).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
    expect(lab.registry.witnessed.filter(({ what }) => what === 'sign-in-refused')).toHaveLength(5);
  });

  test('makes a new session each time, and the old one ends; so does signing out', async () => {
    const first = await signIn();
    const second = cookieOf(await form({ name: 'ann', password: PASSWORD, next: '/' }, { cookie: first }));
    expect(second).not.toBe(first);
    expect(await me(first)).toBeNull();
    expect(await me(second)).not.toBeNull();
    const out = await ask(lab.url, '/logout', { method: 'POST', headers: { cookie: second, origin: lab.url } });
    expect(out.headers['set-cookie']?.[0]).toContain('Max-Age=0');
    expect(await me(second)).toBeNull();
  });

  test.each(['//evil.example', '/\\evil.example', 'https://evil.example/', 'javascript:alert(1)', '/a\nb', ''])(
    'leads to no other address than ours: %j',
    async (next) => {
      expect(await form({ name: 'ann', password: PASSWORD, next })).toMatchObject({ status: 303, headers: { location: '/' } });
    },
  );

  test('from a link on another site asks the browser for the cookie that it kept back', async () => {
    const answer = await ask(lab.url, '/?a="><b', { headers: { ...page, 'sec-fetch-site': 'cross-site' } });
    expect(answer.status).toBe(200);
    expect(answer.body).not.toContain('"><b');
    expect(answer.body).toContain('http-equiv="refresh"');
  });
});

describe('requests of other sites', () => {
  const json = { 'content-type': 'application/json' };
  const formType = { 'content-type': 'application/x-www-form-urlencoded' };
  const origins: Record<string, string>[] = [
    {},
    { origin: 'null' },
    { origin: 'https://evil.example' },
    { origin: 'http://127.0.0.1' },
    { origin: 'http://127.0.0.1:1' },
    { origin: 'http://localhost.evil.example' },
    { origin: 'file://' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
    { referer: 'https://evil.example/' },
  ];
  const shapes = origins.flatMap((origin): { what: string; path: string; asked: Asked }[] => [
    { what: 'JSON', path: '/api/v1/clusters/production/deploy', asked: { headers: { ...origin, ...json }, body: '{}' } },
    { what: 'form', path: '/api/v1/clusters/production/deploy', asked: { headers: { ...origin, ...formType }, body: 'a=b' } },
    { what: 'text', path: '/api/v1/deployments/42/retry', asked: { headers: { ...origin, 'content-type': 'text/plain' }, body: '{}' } },
    { what: 'empty', path: '/api/v1/deployments/42/retry', asked: { headers: origin } },
    { what: 'sign out', path: '/logout', asked: { headers: origin } },
    { what: 'sign in', path: '/login', asked: { headers: { ...origin, ...formType }, body: `name=ann&password=${PASSWORD}` } },
  ]);

  test(`of ${shapes.length} shapes are refused and change nothing, whoever is signed in`, async () => {
    const cookie = await signIn();
    for (const { what, path, asked } of shapes) {
      const answer = await ask(lab.url, path, { method: 'POST', ...asked, headers: { ...asked.headers, cookie } });
      expect({ what, headers: asked.headers, status: answer.status, set: answer.headers['set-cookie'] }).toEqual({
        what,
        headers: asked.headers,
        status: 403,
        set: undefined,
      });
    }
    expect(lab.application.requests).toEqual([]);
    expect(await me(cookie)).not.toBeNull();
  });

  test('with a token need no page, because no browser sends it by itself', async () => {
    const answer = await ask(lab.url, '/api/v1/deployments/42/retry', { method: 'POST', headers: withToken });
    expect(answer.status).toBe(202);
  });

  test('under 20 other names are misdirected', async () => {
    const port = new URL(lab.url).port;
    const names = [
      'evil.example',
      'localhost.',
      '127.0.0.1.',
      '127.1',
      '0.0.0.0',
      '[::]',
      '127.0.0.2',
      'localhost.evil.example',
      '2130706433',
    ];
    const hosts = [
      ...names.map((name) => `${name}:${port}`),
      ...['localhost', '127.0.0.1', '[::1]', 'evil.example', 'localhost:80'],
      ...[`localhost:${Number(port) + 1}`, `127.0.0.1:0${port}`, `user@127.0.0.1:${port}`, `127.0.0.1:${port}.evil.example`],
      ...[`127.0.0.1:${port}/`, `127.0.0.1:${port}, evil.example`],
    ];
    expect(hosts.length).toBeGreaterThanOrEqual(20);
    const cookie = await signIn();
    for (const host of hosts) {
      for (const headers of [{ cookie }, withToken]) {
        const { status } = await ask(lab.url, '/api/v1/clusters', { headers: { ...headers, host } });
        expect({ host, status }).toEqual({ host, status: 421 });
      }
    }
  });
});

/** A success forgets what failed before from this address. */
async function signInElsewhere(): Promise<void> {
  await lab.people.signIn({ name: 'ann', password: PASSWORD, address: '127.0.0.1', previous: null });
}
