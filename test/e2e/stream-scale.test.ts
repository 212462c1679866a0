// Many who watch: 500 event streams during a deployment of 1,000 simulated servers, one of which reads nothing, and one that is cut 100 times.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { TimesView } from '../../src/core/insight.ts';
import { fleet, oneCluster } from '../lab/configuration.ts';
import { until } from '../lab/until.ts';
import { openWorkshop } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';

const SERVERS = 1_000;
const WATCHERS = 500;
const CUTS = 100;

let shop: Workshop;
let headers: { authorization: string };

beforeAll(async () => {
  shop = await openWorkshop(({ git }) => oneCluster('fleet', git, fleet(SERVERS, '100ms')));
  await shop.commit({ 'index.html': 'one' });
  await shop.push('HEAD:refs/heads/servers/fleet');
  await shop.lockstep(['hooks', 'install', shop.git]);
}, 60_000);

afterAll(() => shop.close());

function open(path: string, more: Record<string, string> = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(shop.url + path, { headers: { ...headers, ...more }, agent: false }, resolve).on('error', reject);
  });
}

type Heard = { bytes: number; cells: number; ended: boolean; resync: boolean };

/** Reads a stream of cells to its end and counts. */
async function watch(path: string): Promise<Heard> {
  const heard: Heard = { bytes: 0, cells: 0, ended: false, resync: false };
  const response = await open(path);
  response.setEncoding('latin1').on('error', () => undefined);
  let rest = '';
  response.on('data', (chunk: string) => {
    heard.bytes += chunk.length;
    const messages = (rest + chunk).split('\n\n');
    rest = messages.pop() ?? '';
    for (const message of messages) {
      if (message.startsWith('event: end')) heard.ended = true;
      else if (message.startsWith('event: resync')) heard.resync = true;
      else if (message.startsWith('id: ') && !message.includes('event: ')) heard.cells += message.split('],[').length;
    }
  });
  return heard;
}

/** Follows a stream to `isLast` through as many cuts as come about, as a browser does: with the id of the last whole message. */
async function followWithCuts(
  path: string,
  isLast: (message: string) => boolean,
): Promise<{ ids: number[]; data: string[]; cuts: number }> {
  const ids: number[] = [];
  const data: string[] = [];
  for (let cuts = 0; ; cuts++) {
    const last = ids.at(-1);
    const response = await open(path, last === undefined ? {} : { 'last-event-id': String(last) });
    response.setEncoding('utf8').on('error', () => undefined);
    // A prime step, so that cuts fall everywhere in a message.
    const most = cuts < CUTS ? 3_001 + 997 * (cuts % 23) : Infinity;
    let bytes = 0;
    let rest = '';
    let isOver = false;
    try {
      for await (const chunk of response as AsyncIterable<string>) {
        const taken = chunk.slice(0, Math.max(0, most - bytes));
        bytes += chunk.length;
        const messages = (rest + taken).split('\n\n');
        rest = messages.pop() ?? '';
        for (const message of messages) {
          isOver ||= isLast(message);
          const id = /^id: (\d+)$/m.exec(message)?.[1];
          if (id === undefined) continue;
          ids.push(Number(id));
          data.push(/^data: (.*)$/m.exec(message)?.[1] ?? '');
        }
        if (bytes >= most || isOver) break;
      }
    } catch {
      // The cut is what is tested.
    }
    response.destroy();
    if (isOver) return { ids, data, cuts };
  }
}

test('500 watchers of 1,000 servers cost the daemon a bounded memory, and one that does not read holds nobody up', async () => {
  await shop.start();
  headers = { authorization: `Bearer ${(await readFile(`${shop.data}/token`, 'utf8')).trim()}` };
  await until(async () => (await shop.status('fleet')).deployment !== null, { timeoutMs: 30_000, what: 'the deployment' });
  const began = Date.now();
  const path = '/api/v1/events?form=cells&deployment=1&after=0';
  const asleep = await open(path);
  asleep.pause();
  const watchers = await Promise.all(Array.from({ length: WATCHERS }, () => watch(path)));
  let most = 0;
  await until(
    async () => {
      let metrics = '';
      for await (const chunk of (await open('/metrics')).setEncoding('utf8')) metrics += String(chunk);
      most = Math.max(most, Number(/^process_resident_memory_bytes (\d+)/m.exec(metrics)?.[1]));
      return watchers.every(({ ended }) => ended);
    },
    { timeoutMs: 200_000, everyMs: 1_000, what: 'every watcher heard the end' },
  );
  const [first] = watchers;
  const perCell = (first?.bytes ?? 0) / (first?.cells ?? 1);
  process.stdout.write(
    `\n${WATCHERS} streams of ${SERVERS} servers: ${((Date.now() - began) / 1000).toFixed(1)} s, daemon at most ${Math.round(most / 1e6)} MB, ` +
      `${first?.cells ?? 0} changes, ${perCell.toFixed(1)} bytes each\n`,
  );
  expect(most).toBeLessThan(300e6);
  expect(perCell).toBeLessThanOrEqual(40);
  expect(new Set(watchers.map(({ cells }) => cells)).size).toBe(1);
  expect(watchers.every(({ resync }) => !resync)).toBe(true);
  asleep.destroy();
}, 300_000);

test('a stream that is cut 100 times over 10,000 events has no gap and no duplicate', async () => {
  const last = (await (await fetch(`${shop.url}/api/v1/deployments/1/times`, { headers })).json()) as TimesView;
  const { ids, cuts } = await followWithCuts('/api/v1/events?after=0', (message) => message.startsWith(`id: ${last.event}\n`));
  process.stdout.write(`\n${ids.length} events through ${cuts} cuts\n`);
  expect(cuts).toBeGreaterThanOrEqual(CUTS);
  expect(ids.length).toBeGreaterThanOrEqual(10_000);
  expect(ids).toEqual(Array.from({ length: last.event }, (_, i) => i + 1));

  const isEnd = (message: string): boolean => message.startsWith('event: end');
  const cells = await followWithCuts('/api/v1/events?form=cells&deployment=1&after=0', isEnd);
  const seen = cells.data.flatMap((data) => JSON.parse(data) as unknown[]).filter((cell) => Array.isArray(cell)) as number[][];
  expect(new Set(seen.map((cell) => cell.slice(0, 3).join())).size).toBe(seen.length);
  const began = seen.filter((cell) => cell[2] === 1 && (cell[0] ?? -1) >= 0).length;
  const expected = last.stages.reduce((sum, stage) => sum + (stage.scope === 'server' ? stage.began.filter((ms) => ms >= 0).length : 0), 0);
  expect(began).toBe(expected);
}, 120_000);
