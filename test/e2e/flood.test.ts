// A flood of notices while the daemon deploys: each is durable before it is answered, none is lost, none counts twice.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import Database from 'better-sqlite3';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { fixture, proofHeaders } from '../forge/deliveries.ts';
import { openWorkshop, untilLive } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';
import { until } from '../lab/until.ts';

const DELIVERIES = 10_000;
const CONNECTIONS = 100;
/** Every so many deliveries somebody pushes, so that there is always a deployment under way. */
const DEPLOYMENTS = 5;
const all = Array.from({ length: DELIVERIES }, (_, i) => `flood-${i + 1}`);
/** Every fourth is about the branch that is deployed all the time, the others about branches that nobody configured. */
const refOf = (number: number): string => (number % 4 === 0 ? 'servers/production' : `feature/${number}`);

let shop: Workshop;
let secret = '';
beforeAll(async () => {
  shop = await openWorkshop(({ dir, git }) => ({
    project: 'shop',
    repositories: { hub: { type: 'git', url: git, forge: 'github', poll: '1h' } },
    branches: [{ repository: 'hub', branch: 'servers/production', clusters: ['production'] }],
    clusters: {
      production: { environment: 'test', servers: [1, 2, 3].map((i) => ({ name: `web${i}`, path: join(dir, `servers/web${i}`) })) },
    },
  }));
  await shop.start();
  secret = (await shop.json<{ secret: string }>('hooks', 'secret', 'hub')).secret;
});
afterAll(() => shop.close());

const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
afterAll(() => agent.destroy());

const { headers, payload } = fixture('github-push');

/** Sends one delivery over one of the connections; resolves with the status and how long it took, in milliseconds. */
function deliver(id: string, ref: string, after: string): Promise<{ status: number; ms: number }> {
  const body = JSON.stringify({ ...payload, ref, after });
  const own = { 'x-github-delivery': id, 'content-length': Buffer.byteLength(body) };
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const asked = request(
      `${shop.url}/hooks/hub`,
      { method: 'POST', agent, headers: { ...headers, ...proofHeaders('github', body, secret), ...own } },
      (response) => {
        response.resume();
        response.on('end', () => resolve({ status: response.statusCode ?? 0, ms: performance.now() - start }));
      },
    );
    asked.on('error', reject);
    asked.end(body);
  });
}

test('ten thousand notices over a hundred connections are all kept, each with one outcome, while deployments go on', async () => {
  let revision = await shop.commit({ 'index.html': '0\n' });
  await shop.push('HEAD:servers/production');
  await deliver('first', 'refs/heads/servers/production', revision);
  await untilLive(shop, 'production', revision);

  const times: number[] = [];
  const statuses = new Set<number>();
  let sent = 0;
  const sender = async (): Promise<void> => {
    while (sent < DELIVERIES) {
      const number = (sent += 1);
      const { status, ms } = await deliver(`flood-${number}`, `refs/heads/${refOf(number)}`, revision);
      statuses.add(status);
      times.push(ms);
    }
  };
  const began = performance.now();
  const senders = Promise.all(Array.from({ length: CONNECTIONS }, sender));
  for (let i = 1; i <= DEPLOYMENTS; i++) {
    await until(() => sent >= (DELIVERIES / (DEPLOYMENTS + 1)) * i, { timeoutMs: 120_000, what: 'the next push' });
    revision = await shop.commit({ 'index.html': `${i}\n` });
    await shop.push('HEAD:servers/production');
  }
  await senders;
  const seconds = (performance.now() - began) / 1000;
  await shop.stop('SIGKILL');
  await shop.start();
  await untilLive(shop, 'production', revision);

  const journal = new Database(join(shop.data, 'lockstep.db'), { readonly: true });
  const isAllDecided = (): boolean => journal.prepare('SELECT 1 FROM deliveries WHERE closed = 0').get() === undefined;
  await until(isAllDecided, { timeoutMs: 60_000, what: 'all are decided' });
  const counted = (type: string, id: string): Map<string, number> => {
    const sql = `SELECT ${id} AS id, count(*) AS times FROM journal WHERE type = ? GROUP BY id`;
    return new Map(
      journal
        .prepare<[string], { id: string; times: number }>(sql)
        .all(type)
        .map((row) => [row.id, row.times]),
    );
  };
  const received = counted('change-received', "json_extract(body, '$.change.delivery')");
  const decided = counted('outcome-recorded', "json_extract(body, '$.delivery') || ' ' || json_extract(body, '$.ref')");
  journal.close();
  const wrong = all.filter((id, i) => received.get(id) !== 1 || decided.get(`${id} ${refOf(i + 1)}`) !== 1);
  const { deployments } = await shop.json<{ deployments: { revision: string }[] }>('history', '--limit', '100');
  const revisions = deployments.map((one) => one.revision);

  times.sort((a, b) => a - b);
  const p = (share: number): string => `${Math.round(times[Math.floor((times.length - 1) * share)] ?? 0)} ms`;
  console.log(`${DELIVERIES} deliveries in ${seconds.toFixed(1)} s: p50 ${p(0.5)}, p99 ${p(0.99)}, slowest ${p(1)}`);
  expect([...statuses]).toEqual([202]);
  expect(wrong).toEqual([]);
  expect(received.size).toBe(DELIVERIES + 1);
  expect(new Set(revisions).size).toBe(revisions.length);
  expect(times[Math.floor(times.length * 0.99)]).toBeLessThan(5_000);
}, 300_000);
