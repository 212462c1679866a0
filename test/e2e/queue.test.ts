// The queue: what happens to commits that arrive while one is being deployed, and how often a build runs.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeploymentView } from '../../src/core/views.ts';
import { until } from '../lab/until.ts';
import { openWorkshop, untilLive } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';

describe('one branch that feeds two clusters', () => {
  let shop: Workshop;

  beforeAll(async () => {
    shop = await openWorkshop(({ dir, git }) => ({
      project: 'shop',
      repositories: { shop: { type: 'git', url: git } },
      branches: [
        {
          repository: 'shop',
          branch: 'servers/demo',
          clusters: ['one', 'two'],
          build: { command: 'echo "BUILD RUNS"; mkdir dist; cp index.html dist/', output: 'dist' },
        },
        { repository: 'shop', branch: 'servers/slow', clusters: ['slow'] },
      ],
      clusters: {
        one: { environment: 'test', servers: [1, 2, 3].map((i) => ({ name: `a${i}`, path: join(dir, `servers/a${i}`) })) },
        two: { environment: 'test', servers: [1, 2].map((i) => ({ name: `b${i}`, path: join(dir, `servers/b${i}`) })) },
        slow: {
          environment: 'test',
          servers: [{ name: 's1', path: join(dir, 'servers/s1') }],
          commands: { migrate: `while [ -e ${dir}/wait ]; do sleep 0.05; done` },
        },
      },
    }));
    await shop.start();
    await shop.lockstep(['hooks', 'install', shop.git]);
  });

  afterAll(() => shop.close());

  test('is built once for all servers of all clusters', async () => {
    const revision = await shop.commit({ 'index.html': 'built\n' });
    await shop.push('HEAD:servers/demo');
    await untilLive(shop, 'one', revision);
    await untilLive(shop, 'two', revision);
    const { deployments } = await shop.json<{ deployments: DeploymentView[] }>('history');
    const own = deployments.filter((one) => one.revision === revision);
    expect(own).toHaveLength(2);
    expect(new Set(own.map((one) => one.artifact)).size).toBe(1);
    const logs = await Promise.all(own.map(async (one) => (await shop.lockstep(['logs', String(one.number)])).stdout));
    // The second deployment either waits for the first one's build, and then shows its output too, or finds the artifact.
    for (const log of logs) expect(log.match(/^BUILD RUNS$/gm)?.length ?? 0).toBeLessThanOrEqual(1);
    expect(logs.join('')).toContain('BUILD RUNS');
  });

  test('five pushes while one deployment runs give two deployments; the others are superseded', async () => {
    await writeFile(join(shop.dir, 'wait'), '');
    const first = await shop.commit({ 'index.html': 'first\n' });
    await shop.push('HEAD:servers/slow');
    const isMigrating = async (): Promise<boolean> => (await shop.status('slow')).state === 'migrating';
    await until(isMigrating, { what: 'the first deployment runs' });
    let last = '';
    for (let i = 1; i <= 5; i++) {
      last = await shop.commit({ 'index.html': `push ${i}\n` });
      expect(await shop.push('HEAD:servers/slow')).toMatch(/servers\/slow → slow: deployment \d+|being looked into/);
    }
    await rm(join(shop.dir, 'wait'));
    await untilLive(shop, 'slow', last);
    const { deployments } = await shop.json<{ deployments: DeploymentView[] }>('history', 'slow');
    expect(deployments.map((one) => one.result)).toEqual(['done', 'superseded', 'superseded', 'superseded', 'superseded', 'done']);
    expect(deployments.at(-1)?.revision).toBe(first);
    const [newest, ...others] = deployments;
    expect(others[0]?.reason).toBe(`superseded by ${newest?.number}`);
  });

  test('an abort while files are uploaded or locked leaves everything as it was', async () => {
    const before = await shop.status('slow');
    await writeFile(join(shop.dir, 'wait'), '');
    await shop.commit({ 'index.html': 'aborted\n' });
    await shop.push('HEAD:servers/slow');
    await until(async () => (await shop.status('slow')).state === 'migrating', { what: 'it runs' });
    const number = (await shop.status('slow')).deployment;
    const late = await shop.lockstep(['abort', String(number)]);
    expect(late.code).toBe(1);
    expect(late.stderr).toContain('has decided to go forward');
    await rm(join(shop.dir, 'wait'));
    await until(async () => (await shop.status('slow')).state === 'idle', { what: 'it ends' });
    expect((await shop.status('slow')).release?.id).not.toBe(before.release?.id);
  });
});
