import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ownerActor } from '../../src/core/actor.ts';
import { openPeople } from '../lab/people.ts';

const ann = ownerActor('ann', '10.0.0.1');
const DAY_MS = 86_400_000;
const START = Date.UTC(2026, 0, 1);

let now = START;
let lab: Awaited<ReturnType<typeof openPeople>>;
beforeEach(async () => {
  now = START;
  lab = await openPeople({ now: () => now });
});
afterEach(() => lab.close());

const order = { name: 'ci', role: 'deployer', clusters: ['staging-*'], lifetimeMs: null } as const;

test('a token is somebody with a role, until it expires or is revoked', async () => {
  const { token, secret } = await lab.people.createToken(order, ann);
  expect(secret).toMatch(/^lst_[A-Za-z0-9_-]{43}$/);
  expect(token).toMatchObject({ name: 'ci', state: 'valid', createdBy: 'ann', usedAt: null, expiresAt: '2026-04-01T00:00:00.000Z' });
  const actor = { kind: 'token', name: 'ci', teams: [], role: 'deployer', clusters: ['staging-*'], address: '10.0.0.2' };
  expect(await lab.people.byToken(secret, '10.0.0.2')).toEqual(actor);
  expect((await lab.people.tokens())[0]?.usedAt).toBe('2026-01-01T00:00:00.000Z');
  now += 90 * DAY_MS;
  expect(await lab.people.byToken(secret, null)).toBeNull();
  expect((await lab.people.tokens())[0]?.state).toBe('expired');

  const second = await lab.people.createToken(order, ann);
  expect(await lab.people.byToken(secret, null)).toBeNull();
  expect(await lab.people.byToken(second.secret, null)).not.toBeNull();
  expect(await lab.people.revokeToken('ci', ann)).toMatchObject({ state: 'revoked' });
  expect(await lab.people.byToken(second.secret, null)).toBeNull();
  expect(lab.witnessed.map(({ what, who, address }) => `${what} by ${who} from ${String(address)}`)).toEqual([
    'token-created by ann from 10.0.0.1',
    'token-created by ann from 10.0.0.1',
    'token-revoked by ann from 10.0.0.1',
  ]);
});

test('the secret is in no file of the daemon', async () => {
  const { secret } = await lab.people.createToken(order, ann);
  for (const name of ['lockstep.db', 'lockstep.db-wal']) {
    const bytes = await readFile(join(lab.directory, name)).catch(() => Buffer.alloc(0));
    expect({ name, found: bytes.includes(secret) || bytes.includes(secret.slice(4)) }).toEqual({ name, found: false });
  }
  expect(JSON.stringify([await lab.people.tokens(), lab.witnessed])).not.toContain(secret);
});

test('what is not the whole secret opens nothing', async () => {
  const { secret } = await lab.people.createToken(order, ann);
  for (const wrong of ['', 'lst_', secret.slice(0, -1), `${secret}A`, secret.slice(4), secret.toUpperCase(), `${secret.slice(0, -1)}é`]) {
    expect({ wrong, actor: await lab.people.byToken(wrong, null) }).toEqual({ wrong, actor: null });
  }
});

test.each([
  [{ name: 'a b' }, 'is not a name'],
  [{ name: '' }, 'is not a name'],
  [{ name: 'ann (token)' }, 'is not a name'],
  [{ clusters: [] }, 'name the clusters'],
  [{ clusters: ['a b'] }, 'can be no cluster'],
  [{ lifetimeMs: 1000 }, 'at least a minute'],
  [{ lifetimeMs: 367 * DAY_MS }, 'at most 366 days'],
])('%j is refused with what is allowed', async (part, message) => {
  await expect(lab.people.createToken({ ...order, ...part }, ann)).rejects.toMatchObject({
    code: 'refused',
    message: expect.stringContaining(message),
  });
  expect(await lab.people.tokens()).toEqual([]);
});

test('a name in use is not given a second time, and nobody is revoked who is not there', async () => {
  await lab.people.createToken(order, ann);
  await expect(lab.people.createToken(order, ann)).rejects.toMatchObject({ code: 'conflict' });
  await expect(lab.people.revokeToken('nobody', ann)).rejects.toMatchObject({ code: 'not-found' });
});
