import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DeployError } from '../../src/core/errors.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { hookReader } from '../../src/forge/hook-reader.ts';
import { ask, get, post, startServer, withToken } from './lab.ts';
import { sampleClusterView, TOKEN } from './memory-application.ts';

let lab: Awaited<ReturnType<typeof startServer>>;
beforeEach(async () => {
  lab = await startServer();
});
afterEach(() => lab.close());

const READS = [
  '/api/v1/clusters',
  '/api/v1/clusters/production',
  '/api/v1/clusters/production/plan',
  '/api/v1/deployments',
  '/api/v1/deployments/42',
  '/api/v1/deployments/42/log',
  '/api/v1/openapi.json',
  '/metrics',
  '/',
];
const REQUESTS = [
  'clusters/production/deploy',
  'clusters/production/drift',
  'clusters/production/lock',
  'clusters/production/unlock',
  'deployments/42/abort',
  'deployments/42/pause',
  'deployments/42/resume',
  'deployments/42/skip',
  'deployments/42/retry',
  'deployments/42/migration',
];

describe('what can be read', () => {
  test('is there for who has the token, and kept in no cache', async () => {
    for (const path of READS)
      expect({ path, ...(await get(lab.url, path)) }).toMatchObject({
        path,
        status: 200,
        headers: { 'cache-control': expect.stringContaining('no-store') },
      });
  });

  test('is what the application says', async () => {
    expect(JSON.parse((await get(lab.url, '/api/v1/clusters')).body)).toMatchObject({
      version: '1',
      clusters: [{ cluster: 'production' }],
    });
    expect(JSON.parse((await get(lab.url, '/api/v1/clusters/production')).body)).toMatchObject({ release: { id: 'shop_1' } });
    expect(JSON.parse((await get(lab.url, '/api/v1/clusters/production/plan?revision=abc')).body)).toMatchObject({ revision: 'abc' });
    expect(JSON.parse((await get(lab.url, '/api/v1/deployments?limit=5&cluster=production&before=99')).body)).toMatchObject({
      deployments: [{ number: 42 }],
    });
    expect((await get(lab.url, '/api/v1/deployments/42/log')).body).toBe('build: first line\nbuild: second line\n');
  });

  test.each(['limit=0', 'limit=-1', 'limit=x', 'before=1e3', 'limit=1&limit=2'])('with %s is a malformed question', async (query) => {
    expect((await get(lab.url, `/api/v1/deployments?${query}`)).status).toBe(400);
  });
});

describe('requests', () => {
  test('reach the application with who asks', async () => {
    expect(await post(lab.url, '/api/v1/clusters/production/deploy', { revision: 'abc', force: true, by: 'ann' })).toMatchObject({
      status: 202,
    });
    expect(await post(lab.url, '/api/v1/clusters/production/lock', { reason: 'sale\nday' })).toMatchObject({ status: 200 });
    expect(await ask(lab.url, '/api/v1/clusters/production/unlock', { method: 'POST', headers: withToken })).toMatchObject({ status: 200 });
    expect(await post(lab.url, '/api/v1/deployments/42/abort', '')).toMatchObject({
      status: 202,
      body: '{"message":"abort 42 by api","deployment":42}',
    });
    for (const verb of ['pause', 'resume', 'retry']) await post(lab.url, `/api/v1/deployments/42/${verb}`, '');
    await post(lab.url, '/api/v1/deployments/42/skip', { server: 'web1' });
    await post(lab.url, '/api/v1/deployments/42/migration', { done: false });
    expect(lab.application.requests).toEqual([
      'deploy production abc force=true by ann',
      'lock production by api: sale\\nday',
      'unlock production by api',
      'abort 42 by api',
      'pause 42 by api',
      'resume 42 by api',
      'retry all of 42 by api',
      'skip web1 in 42 by api',
      'settle 42 false by api',
    ]);
  });

  test.each([
    ['deploy', '{'],
    ['deploy', '[]'],
    ['deploy', '{"revision":5}'],
    ['deploy', '{"force":"yes"}'],
    ['deploy', '{"unknown":1}'],
    ['deploy', '{"__proto__":{"force":true}}'],
    ['deploy', `{"by":"${'x'.repeat(70_000)}"}`],
    ['lock', '{"reason":""}'],
  ])('to %s with %.40s are malformed and change nothing', async (what, body) => {
    const answer = await post(lab.url, `/api/v1/clusters/production/${what}`, body);
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toMatchObject({ error: { code: 'malformed' } });
    expect(lab.application.requests).toEqual([]);
  });

  test('of a form on a web page change nothing', async () => {
    for (const type of ['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain', 'application/jsonp']) {
      expect((await post(lab.url, '/api/v1/clusters/production/deploy', '{}', { 'content-type': type })).status).toBe(403);
    }
    const untyped = await ask(lab.url, '/api/v1/clusters/production/deploy', { method: 'POST', headers: withToken, body: '{}' });
    expect(untyped.status).toBe(403);
    expect(lab.application.requests).toEqual([]);
  });

  test('cannot be made with GET', async () => {
    for (const path of REQUESTS) expect((await get(lab.url, `/api/v1/${path}`)).status).toBe(404);
    expect(lab.application.requests).toEqual([]);
  });

  test.each([
    ['not-found', 404],
    ['conflict', 409],
    ['refused', 403],
    ['store', 503],
    ['repository', 502],
  ] as const)('that fail as %s are answered %i with the reason', async (code, status) => {
    lab.application.failure = new DeployError(code, 'The reason.');
    const answer = await post(lab.url, '/api/v1/clusters/production/deploy', {});
    expect(answer).toMatchObject({ status, body: JSON.stringify({ error: { code, message: 'The reason.' } }) });
  });
});

describe('without the token', () => {
  test.each([
    '',
    'Bearer',
    'Bearer ',
    `Bearer ${TOKEN}x`,
    `Bearer ${TOKEN.slice(0, -1)}`,
    `Basic ${Buffer.from('x:y').toString('base64')}`,
    `Token ${TOKEN}`,
    'Bearer é',
  ])('and with "%s" nothing is shown or done', async (authorization) => {
    for (const path of [...READS, '/api/v1/events']) {
      const answer = await ask(lab.url, path, { headers: authorization === '' ? {} : { authorization } });
      expect({ path, status: answer.status }).toEqual({ path, status: 401 });
      expect(answer.body).not.toContain('production');
    }
    for (const path of REQUESTS) {
      const headers = { 'content-type': 'application/json', ...(authorization === '' ? {} : { authorization }) };
      expect((await ask(lab.url, `/api/v1/${path}`, { method: 'POST', headers, body: '{}' })).status).toBe(401);
    }
    expect(lab.application.requests).toEqual([]);
  });

  test('the page, and only the page, takes it as a password', async () => {
    const authorization = `Basic ${Buffer.from(`anybody:${TOKEN}`).toString('base64')}`;
    expect((await ask(lab.url, '/')).headers['www-authenticate']).toContain('Basic');
    expect((await ask(lab.url, '/', { headers: { authorization } })).status).toBe(200);
    expect((await ask(lab.url, '/api/v1/clusters', { headers: { authorization } })).status).toBe(401);
  });

  test('the health of the daemon can be asked', async () => {
    expect(await ask(lab.url, '/livez')).toMatchObject({ status: 200 });
    expect(await ask(lab.url, '/readyz')).toMatchObject({ status: 200, body: '{"ready":true}' });
    lab.application.unready = 'the journal cannot be written';
    expect(await ask(lab.url, '/readyz')).toMatchObject({ status: 503, body: '{"ready":false,"reason":"the journal cannot be written"}' });
  });
});

describe('web pages of others', () => {
  test.each([
    'evil.example',
    '127.0.0.1',
    'localhost',
    '127.0.0.1:1',
    'localhost.:PORT',
    '127.0.0.1.:PORT',
    'evil.example:PORT',
    'x@127.0.0.1:PORT',
    '0:PORT',
  ])('that reach the loopback as %s are misdirected', async (host) => {
    const { port } = new URL(lab.url);
    for (const path of ['/', '/livez', '/api/v1/clusters']) {
      expect((await get(lab.url, path, { host: host.replace('PORT', port) })).status).toBe(421);
    }
  });

  test('are told apart from our own names', async () => {
    const { port } = new URL(lab.url);
    for (const host of ['localhost', 'LOCALHOST', '127.0.0.1', '[::1]'])
      expect((await get(lab.url, '/livez', { host: `${host}:${port}` })).status).toBe(200);
  });

  test.each([
    { origin: 'http://evil.example' },
    { origin: 'null' },
    { origin: 'http://127.0.0.1' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ])('that send %j change nothing', async (headers) => {
    expect((await post(lab.url, '/api/v1/clusters/production/deploy', {}, headers as unknown as Record<string, string>)).status).toBe(403);
    expect(lab.application.requests).toEqual([]);
  });

  test('do not keep our own page, or a link to it, from working', async () => {
    expect(
      (await post(lab.url, '/api/v1/clusters/production/deploy', {}, { origin: lab.url, 'sec-fetch-site': 'same-origin' })).status,
    ).toBe(202);
    expect((await get(lab.url, '/', { 'sec-fetch-site': 'cross-site' })).status).toBe(200);
  });

  test('of a proxy that the operator named are ours', async () => {
    const named = await startServer({ settings: () => ({ url: 'https://deploy.example.org', oidc: null, proxy: null, groups: [] }) });
    try {
      const headers = { host: 'deploy.example.org', origin: 'https://deploy.example.org' };
      expect((await post(named.url, '/api/v1/clusters/production/deploy', {}, headers)).status).toBe(202);
    } finally {
      await named.close();
    }
  });
});

describe('hostile addresses', () => {
  test.each(['constructor', '__proto__', 'toString', '%2e%2e', '..%2f..%2fetc%2fpasswd', '%00', 'a%0ab', 'x'.repeat(300), '%F0%9F%9A%80'])(
    'of a cluster, %s, are not found',
    async (name) => {
      for (const path of ['', '/plan']) expect((await get(lab.url, `/api/v1/clusters/${name}${path}`)).status).toBe(404);
    },
  );

  test.each(['0', '-1', '1.5', '1e3', '0x1', '99999999999999999999', 'constructor', '%00', '42%20'])(
    'of a deployment, %s, are not found',
    async (number) => {
      for (const path of ['', '/log']) expect((await get(lab.url, `/api/v1/deployments/${number}${path}`)).status).toBe(404);
    },
  );

  test.each(['/api/v1/clusters/%zz', '/hooks/%zz'])('that are not percent-encoded (%s) are malformed', async (path) => {
    expect((await get(lab.url, path)).status).toBe(400);
  });

  test('as absolute URLs are malformed', async () => {
    expect((await get(lab.url, 'http://evil.example/api/v1/clusters')).status).toBe(400);
  });

  test('that do not exist are 404, without the token too', async () => {
    for (const path of ['/api', '/api/v1/secrets', '/hooks', '/hooks/a/b', '/.env', '/API/v1/clusters'])
      expect((await ask(lab.url, path)).status).toBe(404);
  });
});

test('every answer forbids what a page could do', async () => {
  for (const path of ['/', '/nothing', '/livez']) {
    const { headers } = await get(lab.url, path);
    expect(headers['content-security-policy']).toMatch(
      /^default-src 'none';script-src 'self';style-src 'self' 'sha256-[^']+';connect-src 'self';img-src 'self';base-uri 'none';form-action 'none';frame-ancestors 'none'$/,
    );
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'same-origin' });
    expect(headers['x-powered-by']).toBeUndefined();
  }
});

test('the page shows clusters without trusting a word of them', async () => {
  const view = sampleClusterView('<script>alert(1)</script>');
  lab.application.clusters.set('hostile', {
    ...view,
    held: '"><img src=x onerror=alert(1)>',
    release: { ...view.release!, message: '\u202e</td>\u001b[2J' },
  });
  const { body } = await get(lab.url, '/');
  expect(body).toContain('&lt;script&gt;');
  expect(body).not.toMatch(/<script|<img|\u202e|\u001b/);
  expect(body).toContain('2, of these 1 behind');
  lab.application.clusters.clear();
  expect((await get(lab.url, '/')).body).toContain('No cluster yet');
});

test('the metrics can be read by Prometheus', async () => {
  lab.application.clusters.set('odd', sampleClusterView('a"b\\c\nd'));
  const { body, headers } = await get(lab.url, '/metrics');
  expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(body).toContain('lockstep_servers_behind{cluster="production"} 1\n');
  expect(body).toContain('lockstep_cluster_state{cluster="a\\"b\\\\c\\nd",state="idle"} 1\n');
  expect(body).toContain('lockstep_deployments_newest{result="done"} 1\n');
  for (const line of body.trimEnd().split('\n')) expect(line).toMatch(/^(# (HELP|TYPE) |[a-z_]+(\{.*\})? \d+$)/);
});

test('an address that is taken is refused with what to do', async () => {
  const second = createHttpServer(lab.application, {
    token: TOKEN,
    people: lab.people,
    witness: lab.registry.witness,
    version: '1',
    hooks: hookReader,
    log: () => undefined,
  });
  await expect(second.listen('127.0.0.1', Number(new URL(lab.url).port))).rejects.toThrow(/something listens there already.*--listen/);
  await second.close();
});
