// The post office with a real store and real receivers: what waits, what is tried again, what is given up, and what a new start finds.
import { afterEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Configuration } from '../../src/core/configuration.ts';
import type { NoticeTarget } from '../../src/core/notice.ts';
import type { Listener, Store } from '../../src/core/ports.ts';
import { readSecret } from '../../src/files/secrets.ts';
import { createPostOffice } from '../../src/notify/post-office.ts';
import type { PostOffice } from '../../src/notify/post-office.ts';
import { openStore } from '../../src/store/sqlite.ts';
import { startRecorder } from '../lab/recorder.ts';
import type { Recorder } from '../lab/recorder.ts';
import { until } from '../lab/until.ts';
import { inEnvironment, LOOPBACK, routing } from './sample.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

type Place = { directory: string; recorder: Recorder; slack: (more?: Partial<NoticeTarget>) => NoticeTarget };

async function place(): Promise<Place> {
  const directory = await mkdtemp(join(tmpdir(), 'lockstep-notices-'));
  const recorder = await startRecorder(() => ({ body: 'ok' }));
  cleanups.push(() => rm(directory, { recursive: true }), recorder.stop);
  const url = inEnvironment('TEST_SLACK_URL', `${recorder.url}/team`);
  const slack = (more: Partial<NoticeTarget> = {}) =>
    ({ ...routing('team'), kind: 'slack', url, states: ['locked', 'unlocked', 'drift-found'], ...more }) as NoticeTarget;
  return { directory, recorder, slack };
}

type Office = {
  store: Store;
  office: PostOffice;
  lock: (cluster: string, reason?: string) => Promise<void>;
  lines: string[];
  close: () => Promise<void>;
};

/** As the daemon does it: the journal first, then the listeners. */
async function openOffice({ directory }: Place, targets: NoticeTarget[], allow: readonly string[] = LOOPBACK): Promise<Office> {
  const store = await openStore(directory);
  const lines: string[] = [];
  const configuration: Configuration = {
    project: 'shop',
    repositories: new Map(),
    branches: [],
    clusters: new Map(),
    notices: { page: null, allow, targets },
  };
  const office = createPostOffice({
    store,
    state: { clusters: new Map(), deployments: new Map(), lastDeployment: 0 },
    configuration: () => configuration,
    replay: () => Promise.resolve(null),
    readSecret,
    log: (line) => lines.push(line),
    now: Date.now,
    firstPauseMs: 20,
  });
  await office.start();
  let isOpen = true;
  const close = async (): Promise<void> => {
    if (!isOpen) return;
    isOpen = false;
    await office.stop();
    await store.close();
  };
  cleanups.push(close);
  return { store, office, lines, close, lock: async (cluster, reason = 'moving') => office.listen(await journal(store, cluster, reason)) };
}

async function journal(store: Store, cluster: string, reason: string): Promise<Parameters<Listener>[0]> {
  const recorded = {
    number: (await store.lastEvent()) + 1,
    at: Date.now(),
    deployment: null,
    event: { type: 'cluster-locked', cluster, by: 'ann', reason },
  } as const;
  await store.append({ events: [recorded], deployments: [], clusters: [], deliveries: [], heads: [], audit: [] });
  return [{ recorded, deployment: null }];
}

const texts = (recorder: Recorder): string[] => recorder.told.map(({ json }) => String(json['text']));
const isQuiet = async ({ office }: Office): Promise<boolean> => (await office.notices()).notices.length === 0;

test('notices go to the targets that want this state of this cluster', async () => {
  const at = await place();
  const open = await openOffice(at, [at.slack({ clusters: ['prod*'] }), at.slack({ name: 'none', states: ['failed'] })]);
  await open.lock('staging');
  await open.lock('production');
  await until(() => at.recorder.told.length === 1, { what: 'the notice comes' });
  await until(() => isQuiet(open), { what: 'nothing is left' });
  expect(texts(at.recorder)).toEqual(['production: locked\nmoving']);
});

test('what cannot be delivered is tried again, later each time, and then goes as one message', async () => {
  const at = await place();
  let failures = 3;
  at.recorder.answer(() => (failures-- > 0 ? { status: 503 } : { body: 'ok' }));
  const open = await openOffice(at, [at.slack()]);
  await open.lock('a');
  await open.lock('b');
  await until(() => at.recorder.told.length >= 4, { what: 'it is tried again' });
  await until(() => isQuiet(open), { what: 'all is delivered' });
  expect(texts(at.recorder).at(-1)).toContain('locked\nmoving');
  // The same failure is one line.
  expect(open.lines.filter((line) => line.includes('answered 503'))).toHaveLength(1);
});

test('what is refused for good is a dead letter, until somebody sends it again', async () => {
  const at = await place();
  at.recorder.answer(() => ({ status: 404, body: 'no_service' }));
  const open = await openOffice(at, [at.slack()]);
  await open.lock('production', 'moving <https://evil.example|here>');
  const dead = await until(async () => (await open.office.notices()).notices.find(({ nextAt }) => nextAt === null), {
    what: 'it is given up',
  });
  expect(dead).toMatchObject({
    target: 'team',
    attempts: 1,
    state: 'locked',
    summary: 'production: locked',
    error: `127.0.0.1:${at.recorder.port} answered 404`,
  });
  expect((await open.office.notices()).targets).toMatchObject([{ name: 'team', kind: 'slack', waiting: 0, dead: 1, problem: dead.error }]);
  at.recorder.answer(() => ({ body: 'ok' }));
  await open.office.retryNotice(dead.id);
  await until(() => isQuiet(open), { what: 'it is delivered' });
  await expect(open.office.retryNotice(dead.id)).rejects.toMatchObject({ code: 'not-found' });
});

test('after so many attempts it is given up, and nothing of the secret URL is kept anywhere', async () => {
  const at = await place();
  await at.recorder.stop();
  cleanups.pop();
  const open = await openOffice({ ...at }, [at.slack({ url: inEnvironment('TEST_DEAD', `${at.recorder.url}/T0-secret`) })]);
  await open.lock('production');
  // 20 ms, 80 ms, … : nine attempts would take half an hour, so only the growth is looked at.
  await until(async () => ((await open.office.notices()).notices[0]?.attempts ?? 0) >= 4, { what: 'four attempts' });
  const [notice] = (await open.office.notices()).notices;
  expect(Date.parse(notice?.nextAt ?? '') - Date.now()).toBeGreaterThan(500);
  expect(JSON.stringify([notice, open.lines])).not.toContain('T0-secret');
});

test('notices wait for others, and go together; a rate is kept', async () => {
  const at = await place();
  const open = await openOffice(at, [at.slack({ digestMs: 400 }), at.slack({ name: 'slow', perMinute: 1 })]);
  await open.lock('a');
  await open.lock('b');
  await until(() => texts(at.recorder).some((text) => text.includes('a: locked') && text.includes('b: locked')), { what: 'the digest' });
  await until(() => texts(at.recorder).filter((text) => text.includes('a: locked')).length === 2, { what: 'the slow one got its first' });
  await open.lock('c');
  await until(() => texts(at.recorder).includes('c: locked\nmoving'), { what: 'the quick one has all' });
  expect((await open.office.notices()).targets[1]?.waiting).toBeGreaterThan(0);
});

describe('a new start', () => {
  test('sends what waited', async () => {
    const at = await place();
    at.recorder.answer(() => ({ status: 500 }));
    const first = await openOffice(at, [at.slack()]);
    await first.lock('production');
    await until(() => at.recorder.told.length > 0, { what: 'an attempt' });
    await first.close();
    at.recorder.told.splice(0);
    at.recorder.answer(() => ({ body: 'ok' }));
    const second = await openOffice(at, [at.slack()]);
    await until(() => isQuiet(second), { what: 'it is delivered' });
    expect(texts(at.recorder)).toEqual(['production: locked\nmoving']);
  });

  test('finds what became durable, and was not kept as a notice before the crash; once', async () => {
    const at = await place();
    const first = await openOffice(at, [at.slack()]);
    await first.lock('known');
    await until(() => isQuiet(first), { what: 'the first is delivered' });
    await until(() => at.recorder.told.length === 1, { what: 'the first is delivered' });
    await first.close();
    const store = await openStore(at.directory);
    await journal(store, 'lost', 'crash');
    await store.close();
    const second = await openOffice(at, [at.slack()]);
    await until(() => at.recorder.told.length === 2, { what: 'the lost one comes' });
    await until(() => isQuiet(second), { what: 'nothing is left' });
    await second.close();
    await (await openOffice(at, [at.slack()])).close();
    expect(texts(at.recorder)).toEqual(['known: locked\nmoving', 'lost: locked\ncrash']);
  });

  test('gives up what was meant for a target that is gone', async () => {
    const at = await place();
    at.recorder.answer(() => ({ status: 500 }));
    const first = await openOffice(at, [at.slack()]);
    await first.lock('production');
    await until(() => at.recorder.told.length > 0, { what: 'an attempt' });
    await first.close();
    const second = await openOffice(at, [at.slack({ name: 'other' })]);
    const dead = await until(async () => (await second.office.notices()).notices[0], { what: 'the dead letter' });
    await until(async () => (await second.office.notices()).notices[0]?.error === 'the target is not configured any more', {
      what: 'it is given up',
    });
    expect(dead.target).toBe('team');
  });
});

test('a target of a private network is not reached unless it is allowed', async () => {
  const at = await place();
  const open = await openOffice(at, [at.slack()], []);
  await open.lock('production');
  await until(async () => (await open.office.notices()).targets[0]?.dead === 1, { what: 'it is given up' });
  expect(at.recorder.told).toEqual([]);
  await expect(open.office.testNotice('team')).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining('"notices.allow"'),
  });
});

test('a test notice says whether it was taken', async () => {
  const at = await place();
  const open = await openOffice(at, [at.slack()]);
  expect(await open.office.testNotice('team')).toMatchObject({ message: 'team (slack) has taken the test notice' });
  expect(texts(at.recorder)[0]).toContain('Nothing was deployed');
  await expect(open.office.testNotice('nobody')).rejects.toMatchObject({
    code: 'not-found',
    message: expect.stringContaining('there are: team'),
  });
});
