// What a start finds in the journal that nobody was told of yet.
import { afterEach, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Store } from '../../src/core/ports.ts';
import { createPoster } from '../../src/notify/poster.ts';
import { openStore } from '../../src/store/sqlite.ts';

const HOUR = 3_600_000;
const [OLD, FRESH] = [20_000, 3];

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

test('what is too old to be told is not read at a start, however much of it there is', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'lockstep-poster-'));
  cleanups.push(() => rm(directory, { recursive: true }));
  const store = await openStore(directory);
  cleanups.push(() => store.close());
  const events = Array.from({ length: OLD + FRESH }, (_, i) => ({
    number: i + 1,
    at: Date.now() - (i < OLD ? 48 * HOUR : HOUR),
    deployment: null,
    event: { type: 'cluster-locked', cluster: 'demo', by: 'ann', reason: 'moving' } as const,
  }));
  await store.append({ events, deployments: [], clusters: [], deliveries: [], heads: [], audit: [] });
  await store.post([], 1, Date.now());

  let read = 0;
  const counting: Store = {
    ...store,
    events: async (query) => {
      const page = await store.events(query);
      read += page.length;
      return page;
    },
  };
  const complaints: string[] = [];
  const poster = createPoster({
    store: counting,
    state: { clusters: new Map(), deployments: new Map(), lastDeployment: 0 },
    configuration: () => ({
      project: 'shop',
      repositories: new Map(),
      branches: [],
      clusters: new Map(),
      notices: { page: null, allow: [], targets: [] },
    }),
    addressees: () => [
      {
        name: 'chat',
        kind: 'slack',
        perMinute: 60,
        digestMs: 0,
        isOneByOne: false,
        isTestable: true,
        wants: () => true,
        groupOf: () => null,
        deliver: () => Promise.resolve(),
      },
    ],
    replay: () => Promise.resolve(null),
    log: (line) => complaints.push(line),
    now: Date.now,
    onPosted: () => undefined,
  });
  await poster.catchUp();

  expect(await store.undelivered(10)).toHaveLength(FRESH);
  expect(await store.postedUpTo()).toBe(OLD + FRESH);
  expect(read).toBeLessThan(FRESH + 20);
  expect(complaints).toEqual([]);
});
