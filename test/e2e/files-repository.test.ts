// Files from a second repository, Git or Subversion: its head is read at each deployment; and a release that is named by its version.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../lab/until.ts';
import { must, openWorkshop } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';
import type { ClusterView, DeploymentView } from '../../src/core/views.ts';

let shop: Workshop;
let ops: string;
let checkout: string;

beforeAll(async () => {
  shop = await openWorkshop(({ dir, git, svn }) => ({
    project: 'shop',
    repositories: {
      shop: { type: 'git', url: git },
      ops: { type: 'git', url: join(dir, 'ops.git') },
      attic: { type: 'svn', url: `file://${svn}` },
    },
    branches: [
      { repository: 'shop', branch: 'servers/{developer}', clusters: ['sandbox-{developer}'], build: { version: 'tag' } },
      { repository: 'shop', branch: 'trunk', clusters: ['old'], build: { version: { file: 'VERSION' } } },
    ],
    clusters: {
      'sandbox-{developer}': {
        servers: [{ name: 'box', path: join(dir, 'servers/{developer}') }],
        files: { repository: 'ops', branch: 'main', subdirectory: 'files' },
        variables: { home: '/home/{developer}' },
        secrets: { KEY: { command: 'echo key of {developer}' } },
      },
      old: {
        environment: 'test',
        servers: [{ name: 'old', path: join(dir, 'servers/old') }],
        files: { repository: 'attic', branch: 'trunk' },
      },
    },
  }));
  ops = join(shop.dir, 'ops');
  checkout = join(shop.dir, 'checkout');
  await must('git', ['init', '-q', '--bare', join(shop.dir, 'ops.git')]);
  await must('git', ['clone', '-q', join(shop.dir, 'ops.git'), ops]);
  await commitOps('files/all/home.template', '{{ home }} {{ secret KEY }}\n');
  await must('svnadmin', ['create', shop.svn]);
  await must('svn', ['mkdir', '-q', '-m', 'Layout', `file://${shop.svn}/trunk`]);
  await must('svn', ['checkout', '-q', `file://${shop.svn}/trunk`, checkout]);
  await must(
    'sh',
    ['-c', 'mkdir -p all environments/test && echo all >all/a && echo test >environments/test/a && svn add -q all environments'],
    {
      cwd: checkout,
    },
  );
  await must('svn', ['commit', '-q', '-m', 'Files', checkout]);
  await shop.start();
  await shop.lockstep(['hooks', 'install', shop.git]);
});

afterAll(() => shop.close());

async function commitOps(path: string, text: string): Promise<void> {
  await must(
    'sh',
    [
      '-c',
      'mkdir -p "$(dirname "$1")" && printf %s "$2" >"$1" && git add -A && git commit -q -m x && git push -q origin HEAD:main',
      'sh',
      path,
      text,
    ],
    {
      cwd: ops,
    },
  );
}

async function ended(cluster: string, ask: () => Promise<unknown>): Promise<DeploymentView> {
  const before = ((await shop.status(cluster)) as Partial<ClusterView>).deployment ?? null;
  await ask();
  const number = await until(
    async () => {
      // There is no such cluster before its branch exists.
      const view: Partial<ClusterView> = await shop.status(cluster);
      return view.state === 'idle' && view.deployment !== null && view.deployment !== undefined && view.deployment !== before
        ? view.deployment
        : null;
    },
    { what: 'the deployment ends', timeoutMs: 40_000 },
  );
  return shop.show(number);
}

test('a cluster of a pattern gets the head of the other repository, with its own name filled in', async () => {
  await shop.commit({ 'index.html': 'x\n', VERSION: '7.1\n' });
  await must('git', ['tag', 'v2.5'], { cwd: shop.tree });
  await shop.commit({ 'index.html': 'y\n' });
  const view = await ended('sandbox-ada', () => shop.push('--tags', 'HEAD:refs/heads/servers/ada'));
  expect([view.result, view.problem]).toEqual(['done', null]);
  expect(view.release).toMatch(new RegExp(`^shop_development_v2\\.5-1-g${view.revision.slice(0, 8)}_servers-ada_`));
  const home = join(shop.dir, 'servers/ada/current/home');
  expect(await readFile(home, 'utf8')).toBe('/home/ada key of ada\n');
  await commitOps('files/all/home.template', 'newer {{ home }}\n');
  expect((await ended('sandbox-ada', () => shop.lockstep(['deploy', 'sandbox-ada', '--force']))).result).toBe('done');
  expect(await readFile(home, 'utf8')).toBe('newer /home/ada\n');
  expect(await readdir(join(shop.data, 'files'))).toEqual([]);
});

test('Subversion may hold them too', async () => {
  const view = await ended('old', () => shop.push('HEAD:refs/heads/trunk'));
  expect([view.result, view.problem]).toEqual(['done', null]);
  expect(view.release).toMatch(/^shop_test_7\.1_trunk_/);
  expect(await readFile(join(shop.dir, 'servers/old/current/a'), 'utf8')).toBe('test\n');
});

test('a repository that cannot be read fails the deployment before any server is touched', async () => {
  await must('mv', [join(shop.dir, 'ops.git'), join(shop.dir, 'ops.away')]);
  await shop.commit({ 'index.html': 'z\n' });
  const view = await ended('sandbox-ada', () => shop.push('HEAD:refs/heads/servers/ada'));
  expect([view.result, view.problem?.code]).toEqual(['failed', 'repository']);
  expect(view.reason).toContain('ops');
});
