// The main job, as users see it: a commit to a deployment branch brings the whole cluster to that commit.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeploymentView } from '../../src/core/views.ts';
import { until } from '../lab/until.ts';
import { difference, must, openWorkshop, run, untilLive } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';

const servers = (dir: string, cluster: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({ name: `${cluster}${i + 1}`, path: join(dir, 'servers', `${cluster}${i + 1}`) }));

describe('with three local servers, a bare Git repository and a Subversion repository', () => {
  let shop: Workshop;
  let checkout: string;

  beforeAll(async () => {
    shop = await openWorkshop(({ dir, git, svn }) => ({
      project: 'shop',
      repositories: { shop: { type: 'git', url: git }, portal: { type: 'svn', url: `file://${svn}` } },
      branches: [
        { repository: 'shop', branch: 'servers/demo', clusters: ['demo'] },
        { repository: 'shop', branch: 'servers/staging', clusters: ['staging'] },
        { repository: 'shop', branch: 'servers/strict', clusters: ['strict'] },
        { repository: 'portal', branch: 'trunk', clusters: ['portal'] },
        { repository: 'portal', branch: 'servers/beta', clusters: ['beta'] },
      ],
      clusters: {
        demo: { environment: 'test', servers: servers(dir, 'demo', 3) },
        staging: { environment: 'test', servers: servers(dir, 'staging', 3) },
        strict: { environment: 'production', servers: servers(dir, 'strict', 1) },
        portal: { environment: 'test', servers: servers(dir, 'portal', 3) },
        beta: { environment: 'test', servers: servers(dir, 'beta', 1) },
      },
    }));
    checkout = join(shop.dir, 'checkout');
    await must('svnadmin', ['create', shop.svn]);
    const root = `file://${shop.svn}`;
    await must('svn', ['mkdir', '-q', '-m', 'Layout', `${root}/trunk`, `${root}/servers`, `${root}/servers/beta`]);
    await shop.start();
    for (const path of [shop.git, shop.svn]) {
      const { code, stdout, stderr } = await shop.lockstep(['hooks', 'install', path]);
      expect([code, stderr]).toEqual([0, '']);
      expect(stdout).toContain('installed');
    }
    await must('svn', ['checkout', '-q', root, checkout]);
  });

  afterAll(() => shop.close());

  const pathOf = (server: string): string => join(shop.dir, 'servers', server);

  test('git push brings exactly the tree of the commit to all servers within 10 seconds', async () => {
    const files = { 'index.html': 'one\n', 'lib/deep/er.txt': 'x\n', 'a name with spaces': 'y\n', 'new\nline': 'z\n', '-rf': '-\n' };
    const revision = await shop.commit(files, 'First release');
    const begun = Date.now();
    const said = await shop.push('HEAD:servers/demo');
    expect(said).toMatch(/remote: Lockstep: servers\/demo → demo: deployment \d+/);
    const status = await untilLive(shop, 'demo', revision);
    expect(Date.now() - begun).toBeLessThan(10_000);
    expect(status.release).toMatchObject({ revision, author: 'Yuri Popoff', message: 'First release' });
    for (const server of ['demo1', 'demo2', 'demo3']) {
      expect(await difference(shop.tree, join(pathOf(server), 'current/'))).toBe('');
      expect(await readlink(join(pathOf(server), 'current'))).toBe(`releases/${status.release?.id}`);
    }
    expect(status.servers.map(({ state }) => state)).toEqual(['live', 'live', 'live']);
  });

  test('svn commit brings exactly the tree of the revision to all servers within 10 seconds', async () => {
    await must('sh', ['-c', 'mkdir -p sub && echo one >index.html && echo two >"sub/with space" && svn add -q --force .'], {
      cwd: join(checkout, 'trunk'),
    });
    const begun = Date.now();
    await must('svn', ['commit', '-q', '--username', 'yuri', '-m', 'First page', checkout]);
    const status = await until(
      async () => {
        const view = await shop.status('portal');
        return view.release?.message.startsWith('First page') === true && view.state === 'idle' ? view : null;
      },
      { what: 'the portal serves the commit' },
    );
    expect(Date.now() - begun).toBeLessThan(10_000);
    expect(status.release).toMatchObject({ revision: '2', author: 'yuri' });
    for (const server of ['portal1', 'portal2', 'portal3']) {
      expect(await difference(join(checkout, 'trunk'), join(pathOf(server), 'current/'))).toBe('');
    }
  });

  test('one push of two mapped branches gives two deployments', async () => {
    const revision = await shop.commit({ 'index.html': 'two\n' }, 'Both');
    const said = await shop.push('HEAD:servers/demo', 'HEAD:servers/staging');
    expect(said).toMatch(/servers\/demo → demo: deployment/);
    expect(said).toMatch(/servers\/staging → staging: deployment/);
    await untilLive(shop, 'demo', revision);
    await untilLive(shop, 'staging', revision);
  });

  test('one svn commit that touches two branches gives two deployments', async () => {
    await must('svn', ['update', '-q'], { cwd: checkout });
    await must('sh', ['-c', 'echo more >trunk/more; echo beta >servers/beta/index.html; svn add -q trunk/more servers/beta/index.html'], {
      cwd: checkout,
    });
    await must('svn', ['commit', '-q', '--username', 'yuri', '-m', 'Two branches', checkout]);
    await untilLive(shop, 'portal', '3');
    await untilLive(shop, 'beta', '3');
  });

  test('an unmapped branch, a tag, a deletion and names that look like code deploy nothing, and say why', async () => {
    const count = async (): Promise<number> => (await shop.json<{ deployments: DeploymentView[] }>('history')).deployments.length;
    const before = await count();
    await shop.commit({ 'index.html': 'three\n' });
    await must('git', ['tag', '-f', 'v1'], { cwd: shop.tree });
    expect(await shop.push('HEAD:feature/x')).toMatch(/feature\/x: ignored, no cluster/);
    expect(await shop.push('v1')).toMatch(/refs\/tags\/v1: ignored/);
    for (const name of ['constructor', '__proto__', 'a;touch${IFS}x', '$(id)', '`id`', 'юрий', 'servers/demo;x']) {
      expect(await shop.push(`HEAD:refs/heads/${name}`)).toMatch(/ignored/);
    }
    expect(await shop.push(':feature/x')).toMatch(/ignored/);
    expect(await count()).toBe(before);
  });

  test('a force-push back deploys the older commit where the cluster allows it, and is refused on production', async () => {
    const old = await shop.commit({ 'index.html': 'old\n' }, 'Old');
    await shop.push('HEAD:servers/demo', 'HEAD:servers/strict');
    await untilLive(shop, 'demo', old);
    await untilLive(shop, 'strict', old);
    const fresh = await shop.commit({ 'index.html': 'new\n' }, 'New');
    await shop.push('HEAD:servers/demo', 'HEAD:servers/strict');
    await untilLive(shop, 'demo', fresh);
    await untilLive(shop, 'strict', fresh);
    const said = await shop.push(`${old}:servers/demo`, `${old}:servers/strict`);
    expect(said).toMatch(/servers\/strict: refused, .* does not descend/);
    await untilLive(shop, 'demo', old);
    expect((await shop.status('strict')).release?.revision).toBe(fresh);
    expect(await readFile(join(pathOf('demo1'), 'current/index.html'), 'utf8')).toBe('old\n');
  });

  test('a deleted deployment branch leaves its servers as they are', async () => {
    const before = (await shop.status('staging')).release;
    expect(await shop.push(':servers/staging')).toMatch(/servers\/staging: ignored, the branch does not exist/);
    expect((await shop.status('staging')).release).toEqual(before);
  });

  test('while the daemon is down, commits succeed in less than a second, and the head is deployed once when it is back', async () => {
    await shop.stop();
    const revision = await shop.commit({ 'index.html': 'while away\n' }, 'While away');
    const begun = Date.now();
    const said = await shop.push('HEAD:servers/demo');
    expect(Date.now() - begun).toBeLessThan(1_000);
    expect(said).toMatch(/Lockstep: .*(kept|later)/);
    await must('sh', ['-c', 'echo away >trunk/away; svn add -q trunk/away'], { cwd: checkout });
    const svnBegun = Date.now();
    await must('svn', ['commit', '-q', '-m', 'Away', checkout]);
    expect(Date.now() - svnBegun).toBeLessThan(1_000);
    await shop.start();
    await untilLive(shop, 'demo', revision);
    const { deployments } = await shop.json<{ deployments: DeploymentView[] }>('history');
    expect(deployments.filter((one) => one.revision === revision && one.cluster === 'demo')).toHaveLength(1);
    await until(async () => (await shop.status('portal')).release?.message.startsWith('Away'), { what: 'the portal is live' });
  });

  test('I12: nothing is left over after a deployment: no process, no upload, no lock', async () => {
    for (const server of ['demo1', 'demo2', 'demo3']) {
      const { stdout } = await run('find', [join(pathOf(server), '.lockstep/incoming'), '-mindepth', '1']);
      expect(stdout).toBe('');
      expect((await run('test', ['-e', join(pathOf(server), 'maintenance')])).code).toBe(1);
    }
    const isGone = async (): Promise<boolean> => (await run('pgrep', ['-f', `agent-[0-9a-f]+ .*${shop.dir}`])).stdout === '';
    await until(isGone, { timeoutMs: 10_000, what: 'no agent and no watchdog is left' });
  });
});
