import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createConnection } from 'node:net';
import { DeployError } from '../../src/core/errors.ts';
import { A, ask, pushOf, signed, startServer } from './lab.ts';
import type { Answer, Asked } from './lab.ts';

let lab: Awaited<ReturnType<typeof startServer>>;
beforeEach(async () => {
  lab = await startServer();
});
afterEach(() => lab.close());

const BODY = pushOf('refs/heads/servers/production');
const knock = (asked: Asked, path = '/hooks/shop'): Promise<Answer> => ask(lab.url, path, { method: 'POST', body: BODY, ...asked });
const deliver = (body: string, options = {}, headers = {}): Promise<Answer> =>
  knock({ body, headers: { ...signed(body, options), ...headers } });

describe('an authentic notice', () => {
  test('is received before it is answered, with one decision per ref', async () => {
    const answer = await deliver(pushOf('refs/heads/servers/production', 'refs/heads/a"b'));
    expect(answer.status).toBe(202);
    expect(JSON.parse(answer.body)).toMatchObject({ delivery: 'msg_1', decisions: [{ ref: 'servers/production' }, { ref: 'a"b' }] });
    expect(lab.application.received).toMatchObject([
      {
        delivery: 'msg_1',
        repository: 'shop',
        address: '127.0.0.1',
        actor: 'ann',
        source: 'hook',
        refs: [
          { ref: 'servers/production', deleted: false },
          { ref: 'a"b', deleted: false },
        ],
      },
    ]);
  });

  test('is answered in lines of text for who asks so', async () => {
    const answer = await deliver(BODY, {}, { accept: 'text/plain' });
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(answer.body).toBe('servers/production → production: deployment 42\n');
  });

  test('that comes twice is answered twice and received once', async () => {
    expect((await deliver(BODY)).status).toBe(202);
    const again = await deliver(BODY);
    expect(again.status).toBe(200);
    expect(JSON.parse(again.body)).toMatchObject({ decisions: [{ deployment: 42 }] });
    expect(lab.application.received).toHaveLength(1);
  });

  test('that is a ping is answered and not received', async () => {
    const body = '{"repository":"shop","event":"ping"}';
    expect(await deliver(body)).toMatchObject({ status: 200, body: '{"pong":true}' });
    expect((await deliver(body, {}, { accept: 'text/plain' })).body).toBe('pong\n');
    expect(lab.application.received).toEqual([]);
  });

  test('may be signed with the older of two secrets while one is being replaced', async () => {
    const older = 'whsec_b2xkZXIgc2VjcmV0IG9mIHRoZSBzaG9wIHJlcG9zaXRvcnk=';
    lab.application.repositories.set('shop', [...(lab.application.repositories.get('shop') ?? []), older]);
    expect((await deliver(BODY, { secret: older })).status).toBe(202);
  });

  test.each([
    ['malformed', '{'],
    ['empty', ''],
    ['of another kind', '{"hello":1}'],
    ['deeply nested', '['.repeat(976 * 1024)],
    ['null', 'null'],
  ])('whose body is %s gets 400 with a reason', async (_what, body) => {
    const answer = await deliver(body);
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toMatchObject({
      error: { code: 'malformed', message: expect.stringContaining('cannot be understood') },
    });
    expect((await deliver(BODY)).status).toBe(202);
  });

  test('gets 503 and a time to come back when the store cannot write', async () => {
    lab.application.failure = new DeployError('store', 'The journal cannot be written: no space left on device.');
    const answer = await deliver(BODY);
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
    lab.application.failure = null;
    expect((await deliver(BODY)).status).toBe(202);
  });

  test('that meets a mistake of ours gets one neutral sentence; the log has the rest', async () => {
    lab.application.failure = new TypeError('secret detail');
    const answer = await deliver(BODY);
    expect(answer.status).toBe(500);
    expect(answer.body).not.toContain('secret detail');
    expect(lab.logged.join()).toContain('secret detail');
    expect(lab.logged.join()).not.toContain('\n');
  });
});

test('every wrong signature, unknown repository and wrong method is the same 401, byte for byte, and nothing is received', async () => {
  const good = signed(BODY);
  const { 'webhook-id': id = '', 'webhook-timestamp': timestamp = '', 'webhook-signature': signature = '' } = good;
  const hex = Buffer.from(signature.slice(3), 'base64').toString('hex');
  const variants: [string, Promise<Answer>][] = [
    ['no header', knock({})],
    ['an empty signature', knock({ headers: { ...good, 'webhook-signature': '' } })],
    ['another algorithm', knock({ headers: { ...good, 'webhook-signature': signature.replace('v1,', 'v1a,') } })],
    ['only the old SHA-1 header', knock({ headers: { 'x-hub-signature': `sha1=${hex.slice(0, 40)}` } })],
    ['a truncated signature', knock({ headers: { ...good, 'webhook-signature': signature.slice(0, -4) } })],
    ['upper-case hexadecimal', knock({ headers: { ...good, 'webhook-signature': `v1,${hex.toUpperCase()}` } })],
    ['two headers', knock({ headers: { ...good, 'webhook-signature': [signature, signature] } })],
    ['two ids', knock({ headers: { ...good, 'webhook-id': [id, id] } })],
    ["another repository's secret", knock({ headers: signed(BODY, { secret: lab.application.repositories.get('portal')?.[0] ?? '' }) })],
    ['GET', ask(lab.url, '/hooks/shop', { headers: good })],
    [
      'another method in a header',
      ask(lab.url, '/hooks/shop', { method: 'PUT', body: BODY, headers: { ...good, 'x-http-method-override': 'POST' } }),
    ],
    ['the same JSON written otherwise', knock({ headers: good, body: JSON.stringify(JSON.parse(BODY), null, 1) })],
    ['an unknown repository', knock({ headers: good }, '/hooks/nobody')],
    ['a repository without secret', knock({ headers: good }, '/hooks/closed')],
    ['a property of all objects', knock({ headers: good }, '/hooks/constructor')],
    ['a NUL', knock({ headers: good }, '/hooks/%00')],
    ['an old time', knock({ headers: signed(BODY, { at: Date.now() - 400_000 }) })],
    ['a time changed afterwards', knock({ headers: { ...good, 'webhook-timestamp': String(Number(timestamp) + 1) } })],
    ['an empty key', knock({ headers: signed(BODY, { secret: 'whsec_' }) }, '/hooks/closed')],
    ['bytes that are not ASCII', knock({ headers: { ...good, 'webhook-signature': signature.replace(/.$/, 'é') } })],
  ];
  const shapes = new Set<string>();
  for (const [what, answering] of variants) {
    const { status, headers, body } = await answering;
    expect({ what, status }).toEqual({ what, status: 401 });
    shapes.add(JSON.stringify([{ ...headers, date: '' }, body]));
  }
  expect([...shapes]).toHaveLength(1);
  expect(lab.application.received).toEqual([]);
  expect(lab.registry.witnessed.map(({ what, address }) => ({ what, address }))).toEqual([{ what: 'hook-refused', address: '127.0.0.1' }]);
  expect((await knock({ headers: good })).status).toBe(202);
});

test('unreadable secrets look like a wrong signature from outside; the log says why', async () => {
  lab.application.secrets = () => Promise.reject(new DeployError('configuration', 'the file can be read by others'));
  expect((await deliver(BODY)).status).toBe(401);
  expect(lab.logged).toEqual(['notices of shop are refused: the file can be read by others']);
});

describe('a body of 25 MB', () => {
  const large = Buffer.alloc(25 * 1024 * 1024, '{},');

  test('is refused without being read, signed or not, with and without its length', async () => {
    const before = process.memoryUsage().rss;
    expect((await knock({ body: large, headers: signed(large) })).status).toBe(413);
    expect((await knock({ body: large, headers: signed(large), chunked: true })).status).toBe(413);
    expect((await knock({ body: large, headers: signed('x') })).status).toBe(413);
    expect((await knock({ body: large })).status).toBe(401);
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 1024 * 1024);
    expect((await deliver(BODY)).status).toBe(202);
  });
});

test('a broken body is nobody’s business and does no harm', async () => {
  const { hostname, port } = new URL(lab.url);
  const head = Object.entries(signed('x'))
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
  for (let i = 0; i < 5; i++) {
    await new Promise<void>((resolve) => {
      const socket = createConnection(Number(port), hostname, () => {
        socket.write(`POST /hooks/shop HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${head}Content-Length: 1000\r\n\r\n{`, () =>
          socket.destroy(),
        );
      });
      socket.on('close', () => resolve());
    });
  }
  expect((await deliver(BODY)).status).toBe(202);
  expect(lab.logged).toEqual([]);
});

test('the refs of a notice are taken as they are, also those that look like properties of objects', async () => {
  await deliver(pushOf('refs/heads/constructor', 'refs/heads/__proto__'));
  expect(lab.application.received[0]?.refs.map(({ ref }) => ref)).toEqual(['constructor', '__proto__']);
  expect(A).toHaveLength(40);
});
