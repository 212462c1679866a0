// What the daemon tells the page beside the state itself: times, servers, the queue, commits, changes, settings, statistics.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChangesView, CommitsView, ConfigurationView, QueueView, ServerDetailView, TimesView } from '../../src/core/insight.ts';
import type { Statistics } from '../../src/core/statistics.ts';
import { until } from '../lab/until.ts';
import { openWorkshop, untilLive } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';

let workshop: Workshop;
let first: string;
let second: string;

beforeAll(async () => {
  workshop = await openWorkshop(({ dir, git }) => ({
    project: 'shop',
    repositories: { shop: { type: 'git', url: git } },
    branches: [{ repository: 'shop', branch: 'servers/production', clusters: ['production'], build: { environment: { TOKEN: 'sesame' } } }],
    clusters: {
      production: {
        environment: 'production',
        servers: ['a', 'b', 'c'].map((name) => {
          mkdirSync(join(dir, name), { recursive: true });
          return { name, path: join(dir, name) };
        }),
        secrets: { key: { command: 'echo open-sesame' } },
      },
    },
  }));
  await workshop.start();
  await workshop.lockstep(['hooks', 'install', workshop.git]);
  first = await workshop.commit({ 'index.html': 'one\n', 'old.txt': 'old\n' }, 'First');
  await workshop.push('HEAD:refs/heads/servers/production');
  await untilLive(workshop, 'production', first);
  await workshop.commit({ 'index.html': 'two\n', 'old.txt': null, 'new.txt': 'new\n' }, 'Second\n\nwith a body');
  second = await workshop.commit({ 'index.html': 'three\n' }, 'Third <b>');
}, 60_000);
afterAll(async () => workshop.close());

async function api<T>(path: string): Promise<T> {
  const token = (await readFile(join(workshop.data, 'token'), 'utf8')).trim();
  const response = await fetch(`${workshop.url}/api/v1/${path}`, { headers: { authorization: `Bearer ${token}` } });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

/** The stream of one deployment to its end: its cells, and the ids of its messages. */
async function cellsOf(deployment: number, after: number): Promise<{ cells: number[][]; ids: number[]; text: string }> {
  const token = (await readFile(join(workshop.data, 'token'), 'utf8')).trim();
  const response = await fetch(`${workshop.url}/api/v1/events?form=cells&deployment=${deployment}&after=${after}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const text = await response.text();
  const messages = text.split('\n\n').filter((message) => message.startsWith('id: '));
  const cells = messages.flatMap((message) =>
    message.includes('event:') ? [] : (JSON.parse(message.split('data: ')[1] ?? '[]') as number[][]),
  );
  return { cells, ids: messages.map((message) => Number(/^id: (\d+)/.exec(message)?.[1])), text };
}

test('commits that are not deployed yet are named, counted and then gone', async () => {
  await workshop.lockstep(['lock', 'production', '--reason', 'moving the database']);
  await workshop.push('HEAD:refs/heads/servers/production');
  const isSeen = async (): Promise<boolean> => (await api<CommitsView>('clusters/production/commits')).head === second;
  await until(isSeen, { timeoutMs: 30_000, what: 'the new head' });
  const commits = await api<CommitsView>('clusters/production/commits');
  expect(commits).toMatchObject({ base: first, head: second, total: 2, diverged: false });
  expect(commits.commits.map(({ message }) => message)).toEqual(['Third <b>', 'Second']);
  const { waiting } = await api<QueueView>('queue');
  expect(waiting).toMatchObject([{ deployment: 2, cluster: 'production', kind: 'lock', revision: second }]);
  expect(waiting[0]?.waitsFor).toContain('moving the database');
  const isCounted = async (): Promise<boolean> => (await workshop.status('production')).head?.ahead === 2;
  await until(isCounted, { what: 'the count of commits ahead' });
  await workshop.lockstep(['unlock', 'production']);
  await untilLive(workshop, 'production', second);
  expect((await workshop.status('production')).head).toEqual({ revision: second, ahead: 0 });
  expect(await api<QueueView>('queue')).toEqual({ waiting: [], running: [] });
});

test('a deployment knows its commits and files, and when each server passed each stage', async () => {
  const changes = await api<ChangesView>('deployments/2/changes');
  expect(changes).toMatchObject({ base: first, head: second, totalCommits: 2, totalFiles: 3, diverged: false });
  expect([...changes.files].sort((a, b) => (a.path < b.path ? -1 : 1))).toEqual([
    { path: 'index.html', change: 'changed' },
    { path: 'new.txt', change: 'added' },
    { path: 'old.txt', change: 'deleted' },
  ]);
  const times = await api<TimesView>('deployments/2/times');
  expect(times.servers).toEqual(['a', 'b', 'c']);
  const lock = times.stages.find((stage) => stage.action === 'lock');
  expect(lock).toMatchObject({ state: 'done', done: 3, total: 3, failures: [] });
  expect(lock?.began.every((ms) => ms >= 0)).toBe(true);
  expect(lock?.took.every((ms) => ms >= 0)).toBe(true);
  expect(times.estimate.find(({ action }) => action === 'lock')).toMatchObject({ deployments: 1 });

  const { cells, ids, text } = await cellsOf(2, 0);
  expect(text).toMatch(/event: end\ndata: \{\}\n\n$/);
  expect(ids).toEqual([...ids].sort((a, b) => a - b));
  for (const [index, stage] of times.stages.entries()) {
    for (const [server, began] of stage.scope === 'server' ? stage.began.entries() : []) {
      expect(cells).toContainEqual([server, index, 1, stage.startedMs + began]);
      expect(cells).toContainEqual([server, index, 2, stage.startedMs + began + (stage.took[server] ?? 0)]);
    }
  }
  const rest = await cellsOf(2, ids.at(-2) ?? 0);
  expect(rest.ids).toEqual(ids.slice(-1));
  expect((await cellsOf(2, times.event)).ids).toEqual([]);
});

test('a server shows its releases, its room and its last deployments', async () => {
  const server = await api<ServerDetailView>('servers/production/b');
  expect(server).toMatchObject({ cluster: 'production', name: 'b', state: 'live', behind: false, drift: null, transport: 'local' });
  expect(server.releases.map(({ revision, current }) => ({ revision, current }))).toEqual([
    { revision: second, current: true },
    { revision: first, current: false },
  ]);
  expect(server.contact?.freeBytes).toBeGreaterThan(0);
  expect(server.deployments.map(({ number }) => number)).toEqual([2, 1]);
  expect(server.deployments[0]?.steps.map(({ action }) => action)).toEqual(expect.arrayContaining(['upload', 'lock', 'switch', 'unlock']));
  await expect(api('servers/production/none')).rejects.toThrow('404');
});

test('the configuration in force is shown with its hash, and without any secret', async () => {
  const view = await api<ConfigurationView>('clusters/production/configuration');
  expect(view).toMatchObject({
    cluster: 'production',
    problem: null,
    branch: { branch: 'servers/production', build: { environment: ['TOKEN'] } },
  });
  expect(view.hash).toMatch(/^[0-9a-f]{64}$/);
  expect(view.settings['secrets']).toEqual({ key: 'from command' });
  expect(JSON.stringify(view)).not.toContain('sesame');
});

test('statistics count what was deployed', async () => {
  const { total, clusters, weeks } = await api<Statistics>('statistics?since=7d');
  expect(total).toMatchObject({ deployments: 2, changes: 2, failedChanges: 0, changeFailureRate: 0, results: { done: 2 } });
  expect(total.cutoverMs).toBeGreaterThan(0);
  expect(clusters.map(({ cluster }) => cluster)).toEqual(['production']);
  expect(weeks.reduce((sum, week) => sum + week.deployments, 0)).toBe(2);
  await expect(api('statistics?since=yesterday')).rejects.toThrow('400');
});
