// The journal and its projections: what comes back, what is refused, what stays quick.
import { afterAll, describe, expect, test } from '@jest/globals';
import Database from 'better-sqlite3';
import { chmod, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterRecord } from '../../src/core/records.ts';
import type { Store } from '../../src/core/ports.ts';
import { loadState } from '../../src/engine/load.ts';
import { openStore } from '../../src/store/sqlite.ts';
import { deliveryRecord, deploymentRecord, emptyBatch, removeTemporaryDirectories, started, temporaryDirectory } from './lab.ts';

const stores: Store[] = [];
async function open(directory: string): Promise<Store> {
  const store = await openStore(directory);
  stores.push(store);
  return store;
}

afterAll(async () => {
  for (const store of stores) await store.close();
  await removeTemporaryDirectories();
});

const cluster: ClusterRecord = {
  name: 'demo',
  releases: [],
  attempts: [],
  missing: { old: ['web2'] },
  servers: [],
  bad: { older: 5 },
  locked: null,
  drifted: [],
  skipped: null,
  held: { revision: 'b', reason: 'rolled back' },
  lastDeployment: 3,
};

describe('the store', () => {
  test('gives back a whole batch, also after it was closed and opened again', async () => {
    const directory = await temporaryDirectory();
    const first = await open(directory);
    const change = deliveryRecord('d1', false);
    const received = { number: 1, at: 5, deployment: null, event: { type: 'change-received', change: change.change } } as const;
    await first.append({
      events: [received, started(2, 1), started(3, 1)],
      deployments: [deploymentRecord(1, 'demo', false)],
      clusters: [cluster],
      deliveries: [change],
      heads: [{ repository: 'shop', branch: 'servers/demo', revision: 'a1' }],
      audit: [],
    });
    await first.close();

    const second = await open(directory);
    expect(await second.lastEvent()).toBe(3);
    expect(await second.lastDeployment()).toBe(1);
    expect(await second.events({ after: 0, limit: 10 })).toEqual([received, started(2, 1), started(3, 1)]);
    expect(await second.events({ after: 2, limit: 10, deployment: 1 })).toEqual([started(3, 1)]);
    expect(await second.clusters()).toEqual([cluster]);
    expect(await second.heads()).toEqual([{ repository: 'shop', branch: 'servers/demo', revision: 'a1' }]);
    expect(await second.deployment(1)).toEqual(deploymentRecord(1, 'demo', false));
    expect(await second.deployment(2)).toBeNull();
    expect(await second.delivery('shop', 'd1')).toEqual(change);
    expect(await second.delivery('shop', 'other')).toBeNull();
  });

  test('starts empty, with deployment and event numbers at 0', async () => {
    const store = await open(await temporaryDirectory());
    expect([await store.lastEvent(), await store.lastDeployment()]).toEqual([0, 0]);
    expect(await store.history({ limit: 5 })).toEqual([]);
  });

  test('replaces projections and keeps lists of what is unfinished', async () => {
    const store = await open(await temporaryDirectory());
    const deployments = [1, 2, 3].map((number) => deploymentRecord(number, 'demo', false));
    await store.append({ ...emptyBatch, deployments, deliveries: [deliveryRecord('a', false), deliveryRecord('b', false)] });
    await store.append({ ...emptyBatch, deployments: [deploymentRecord(2, 'demo', true)], deliveries: [deliveryRecord('a', true)] });
    await store.append({ ...emptyBatch, heads: [{ repository: 'shop', branch: '__proto__', revision: null }] });
    expect((await store.unfinished()).map(({ number }) => number)).toEqual([1, 3]);
    expect((await store.openDeliveries()).map(({ change }) => change.delivery)).toEqual(['b']);
    expect((await store.deployment(2))?.view.result).toBe('done');
    expect(await store.heads()).toEqual([{ repository: 'shop', branch: '__proto__', revision: null }]);
  });

  test('pages through the history of one cluster, newest first', async () => {
    const store = await open(await temporaryDirectory());
    const deployments = Array.from({ length: 30 }, (_, i) => deploymentRecord(i + 1, i % 3 === 0 ? 'production' : 'demo', true));
    await store.append({ ...emptyBatch, deployments });
    const page = await store.history({ cluster: 'production', limit: 4 });
    expect(page.map(({ number }) => number)).toEqual([28, 25, 22, 19]);
    expect((await store.history({ cluster: 'production', before: 19, limit: 2 })).map(({ number }) => number)).toEqual([16, 13]);
    expect((await store.history({ limit: 2 })).map(({ number }) => number)).toEqual([30, 29]);
    expect(await store.history({ cluster: 'nobody', limit: 2 })).toEqual([]);
  });

  test('lists deliveries, newest first, of all repositories or of one, and an outcome does not make one newer', async () => {
    const store = await open(await temporaryDirectory());
    const of = (repository: string, id: string, closed = true) => {
      const record = deliveryRecord(id, closed);
      return { ...record, change: { ...record.change, repository } };
    };
    await store.append({ ...emptyBatch, deliveries: [of('shop', 'a', false), of('portal', 'a'), of('shop', 'b')] });
    await store.append({ ...emptyBatch, deliveries: [of('shop', 'a')] });
    const ids = async (query: { repository?: string; limit: number }): Promise<string[]> =>
      (await store.deliveries(query)).map(({ change }) => `${change.repository} ${change.delivery}`);
    expect(await ids({ limit: 10 })).toEqual(['shop b', 'portal a', 'shop a']);
    expect(await ids({ limit: 1 })).toEqual(['shop b']);
    expect(await ids({ repository: 'shop', limit: 10 })).toEqual(['shop b', 'shop a']);
    expect(await ids({ repository: 'nobody', limit: 10 })).toEqual([]);
  });

  test('keeps the newest 10,000 deliveries, and older ones only while they have no outcome', async () => {
    const store = await open(await temporaryDirectory());
    await store.append({ ...emptyBatch, deliveries: [deliveryRecord('open', false), deliveryRecord('closed', true)] });
    const many = Array.from({ length: 10_000 }, (_, i) => deliveryRecord(`d${i}`, true));
    await store.append({ ...emptyBatch, deliveries: many });
    expect(await store.deliveries({ limit: 20_000 })).toHaveLength(10_001);
    expect(await store.delivery('shop', 'closed')).toBeNull();
    expect(await store.delivery('shop', 'd0')).not.toBeNull();
    expect((await store.openDeliveries()).map(({ change }) => change.delivery)).toEqual(['open']);
    await store.append({ ...emptyBatch, deliveries: [deliveryRecord('open', true)] });
    expect(await store.deliveries({ limit: 20_000 })).toHaveLength(10_000);
  });

  test('refuses a batch whose events leave a gap, and keeps nothing of it', async () => {
    const store = await open(await temporaryDirectory());
    await store.append({ ...emptyBatch, events: [started(1, 1)] });
    const gap = { ...emptyBatch, events: [started(2, 1), started(4, 1)], clusters: [cluster] };
    await expect(store.append(gap)).rejects.toThrow('event 4 (started) does not follow event 2');
    await expect(store.append({ ...emptyBatch, events: [started(1, 1)] })).rejects.toThrow('does not follow event 1');
    expect(await store.lastEvent()).toBe(1);
    expect(await store.clusters()).toEqual([]);
    await store.append({ ...emptyBatch, events: [started(2, 1)] });
  });

  test('raises the epoch durably at each start', async () => {
    const directory = await temporaryDirectory();
    const store = await open(directory);
    const begun = Math.floor(Date.now() / 1000);
    const first = await store.raiseEpoch();
    const second = await store.raiseEpoch();
    await store.close();
    const third = await (await open(directory)).raiseEpoch();
    expect(first).toBeGreaterThanOrEqual(begun);
    expect(second).toBeGreaterThan(first);
    expect(third).toBeGreaterThan(second);
  });

  test('reads clusters of an older version, which knew of no drift', async () => {
    const directory = await temporaryDirectory();
    const store = await open(directory);
    const older: Partial<ClusterRecord> = { ...cluster };
    delete (older as { drifted?: unknown }).drifted;
    await store.append({ events: [], deployments: [], clusters: [older as ClusterRecord], deliveries: [], heads: [], audit: [] });
    expect(await store.clusters()).toEqual([cluster]);
  });

  test('reads as much at a start as is unfinished, however long the history is', async () => {
    const directory = await temporaryDirectory();
    const store = await open(directory);
    const events = Array.from({ length: 3_000 }, (_, i) => started(i + 1, Math.floor(i / 3) + 1));
    const deployments = Array.from({ length: 1_000 }, (_, i) => deploymentRecord(i + 1, 'demo', i !== 499));
    await store.append({ ...emptyBatch, events, deployments, clusters: [cluster] });
    const read: string[] = [];
    const counting = new Proxy(store, {
      get: (target, name: keyof Store) => async (query: never) => {
        const answer: unknown = await (target[name] as (query: never) => Promise<unknown>)(query);
        read.push(`${name} ${Array.isArray(answer) ? answer.length : 1}`);
        return answer;
      },
    });
    const state = await loadState(counting);
    expect(read.sort()).toEqual(['clusters 1', 'events 3', 'lastDeployment 1', 'unfinished 1']);
    expect(state.lastDeployment).toBe(1_000);
    expect(state.clusters.get('demo')?.record).toEqual(cluster);
  });

  test('answers from an index, however long the history is', async () => {
    const directory = await temporaryDirectory();
    await (await open(directory)).close();
    const database = new Database(join(directory, 'lockstep.db'));
    const plan = (sql: string): string =>
      (database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as { detail: string }[]).map((row) => row.detail).join();
    const queries = [
      'SELECT * FROM deployments WHERE cluster = ? AND number < ? ORDER BY number DESC LIMIT ?',
      'SELECT * FROM deployments WHERE number < ? ORDER BY number DESC LIMIT ?',
      'SELECT * FROM journal WHERE number > ? ORDER BY number LIMIT ?',
      'SELECT * FROM deliveries WHERE repository = ? ORDER BY id DESC LIMIT ?',
      'SELECT * FROM deliveries WHERE id <= (SELECT max(id) FROM deliveries) - ? AND closed = 1',
      'SELECT * FROM journal WHERE deployment = ? AND number > ? ORDER BY number LIMIT ?',
      'SELECT coalesce(max(number), 0) FROM journal',
      'SELECT coalesce(max(number), 0) FROM deployments',
      'SELECT coalesce(max(deployment), 0) FROM journal WHERE deployment IS NOT NULL',
    ].map((sql) => plan(sql.replaceAll('?', "'1'")));
    for (const detail of queries) {
      expect(detail).toMatch(/^SEARCH/);
      expect(detail).not.toMatch(/TEMP B-TREE/);
    }
    expect(plan('SELECT * FROM deployments WHERE ended = 0 ORDER BY number')).toContain('deployments_unfinished');
    expect(plan('SELECT * FROM deliveries WHERE closed = 0 ORDER BY id')).toContain('deliveries_open');
    database.close();
  });
});

describe('promise I8: the journal', () => {
  test('cannot be updated, deleted, replaced or renumbered, not even by hand', async () => {
    const directory = await temporaryDirectory();
    const store = await open(directory);
    await store.append({ ...emptyBatch, events: [started(1, 1), started(2, 1)] });
    const database = new Database(join(directory, 'lockstep.db'));
    for (const sql of [
      "UPDATE journal SET body = '{}' WHERE number = 1",
      'DELETE FROM journal WHERE number = 2',
      "INSERT OR REPLACE INTO journal VALUES (1, 1, 1, 'started', '{}')",
      "INSERT INTO journal VALUES (9, 1, 1, 'started', '{}')",
    ]) {
      expect(() => database.exec(sql)).toThrow(/append-only|no gaps/);
    }
    database.close();
    expect(await store.events({ after: 0, limit: 9 })).toEqual([started(1, 1), started(2, 1)]);
  });

  test('is written with a full fsync at each commit, into files that only the daemon can read', async () => {
    const directory = join(await temporaryDirectory(), 'data');
    const store = await open(directory);
    await store.append({ ...emptyBatch, events: [started(1, 1)] });
    const mode = async (name: string): Promise<number> => (await stat(join(directory, name))).mode & 0o777;
    expect(await mode('.')).toBe(0o700);
    for (const name of ['lockstep.db', 'lockstep.db-wal', 'lockstep.db-shm']) expect(await mode(name)).toBe(0o600);
  });
});

describe('opening the store', () => {
  test('refuses a database of a newer Lockstep and leaves it as it is', async () => {
    const directory = await temporaryDirectory();
    await (await openStore(directory)).close();
    const database = new Database(join(directory, 'lockstep.db'));
    database.pragma('user_version = 99');
    database.close();
    await expect(openStore(directory)).rejects.toMatchObject({
      code: 'store',
      message: expect.stringContaining('newer Lockstep (schema 99'),
    });
  });

  test('refuses the database of another program', async () => {
    const directory = await temporaryDirectory();
    const database = new Database(join(directory, 'lockstep.db'));
    database.exec('CREATE TABLE music (title)');
    database.close();
    await chmod(join(directory, 'lockstep.db'), 0o600);
    await expect(openStore(directory)).rejects.toThrow('database of another program');
  });

  test('refuses a file that is no database', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'lockstep.db'), 'x'.repeat(5000), { mode: 0o600 });
    await expect(openStore(directory)).rejects.toMatchObject({ code: 'store', message: expect.stringContaining('cannot be opened') });
  });

  test('refuses a database that others can read, and a directory that others can write', async () => {
    const directory = await temporaryDirectory();
    await (await openStore(directory)).close();
    await chmod(join(directory, 'lockstep.db'), 0o644);
    await expect(openStore(directory)).rejects.toMatchObject({ code: 'configuration', message: expect.stringContaining('chmod 600') });
    await chmod(join(directory, 'lockstep.db'), 0o600);
    await chmod(directory, 0o777);
    await expect(openStore(directory)).rejects.toThrow('chmod 700');
  });

  test('reports a damaged entry instead of believing it', async () => {
    const directory = await temporaryDirectory();
    const store = await open(directory);
    const database = new Database(join(directory, 'lockstep.db'));
    database.exec(`INSERT INTO journal VALUES (1, 1, 1, 'started', '{"type":"finished"}')`);
    database.exec(`INSERT INTO journal VALUES (2, 1, NULL, 'constructor', '{"type":"constructor"}')`);
    database.exec(`INSERT INTO journal VALUES (3, 1, NULL, 'daemon-started', '[')`);
    database.close();
    for (const after of [0, 1, 2]) {
      await expect(store.events({ after, limit: 1 })).rejects.toMatchObject({
        code: 'store',
        message: expect.stringContaining(`journal entry ${after + 1}`),
      });
    }
  });
});
