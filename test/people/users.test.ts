// What a user may can be changed: it counts at once, and it is on record.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { ownerActor } from '../../src/core/actor.ts';
import { openPeople } from '../lab/people.ts';
import { ask, startServer } from '../http/lab.ts';
import { TOKEN } from '../http/memory-application.ts';

const root = ownerActor('root', '10.0.0.1');
const PASSWORD = 'correct horse battery';

let lab: Awaited<ReturnType<typeof openPeople>>;
beforeEach(async () => {
  lab = await openPeople({ now: Date.now });
  await lab.people.addUser({ name: 'ann', role: 'operator', clusters: ['web*'], teams: ['web'], password: PASSWORD }, root);
});
afterEach(() => lab.close());

const signIn = async (): Promise<string> => {
  const found = await lab.people.signIn({ name: 'ann', password: PASSWORD, address: null, previous: null });
  if (found.state !== 'in') throw new Error(found.state);
  return found.session;
};

test('another role, other clusters or teams count for who is signed in, and the password stays', async () => {
  const session = await signIn();
  expect(await lab.people.changeUser('ann', { role: 'viewer' }, root)).toMatchObject({ role: 'viewer', clusters: ['web*'] });
  expect(await lab.people.bySession(session, null, true)).toMatchObject({ role: 'viewer', clusters: ['web*'], teams: ['web'] });
  await lab.people.changeUser('ann', { clusters: ['db'], teams: [] }, root);
  expect(await lab.people.bySession(session, null, true)).toMatchObject({ role: 'viewer', clusters: ['db'], teams: [] });
  await signIn();
  expect(lab.witnessed.filter(({ what }) => what === 'user-changed')).toEqual([
    {
      what: 'user-changed',
      who: 'root',
      address: '10.0.0.1',
      detail: 'ann: operator for web*, of web → viewer for web*, of web',
    },
    { what: 'user-changed', who: 'root', address: '10.0.0.1', detail: 'ann: viewer for web*, of web → viewer for db' },
  ]);
});

test('nobody is changed who is not there, nor to what nobody can be', async () => {
  await expect(lab.people.changeUser('bob', { role: 'admin' }, root)).rejects.toMatchObject({ code: 'not-found' });
  await expect(lab.people.changeUser('ann', { clusters: [] }, root)).rejects.toMatchObject({ code: 'refused' });
  await expect(lab.people.changeUser('ann', { teams: ['a b'] }, root)).rejects.toMatchObject({ code: 'refused' });
  expect(await lab.people.users()).toMatchObject([{ role: 'operator', clusters: ['web*'], teams: ['web'] }]);
});

test('over HTTP the request names what changes, and at least one thing', async () => {
  const http = await startServer();
  try {
    await http.registry.addUser({ name: 'ann', role: 'admin', clusters: ['*'], teams: [] });
    const change = (body: object) =>
      ask(http.url, '/api/v1/users/ann/change', {
        method: 'POST',
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    expect((await change({})).status).toBe(400);
    expect((await change({ role: 'owner' })).status).toBe(400);
    expect((await change({ password: 'correct horse battery' })).status).toBe(400);
    const { status, body } = await change({ role: 'deployer', by: 'root' });
    expect({ status, body: JSON.parse(body) as unknown }).toMatchObject({
      status: 200,
      body: { user: { role: 'deployer', clusters: ['*'] } },
    });
    expect(http.registry.witnessed.at(-1)).toMatchObject({ what: 'user-changed', who: 'root', address: '127.0.0.1' });
  } finally {
    await http.close();
  }
});
