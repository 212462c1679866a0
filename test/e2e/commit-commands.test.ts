// What who commits and who pushes can say: skip this one, build it from scratch, deploy it at ten in the evening.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeliveryView, DeploymentView } from '../../src/core/views.ts';
import { until } from '../lab/until.ts';
import { must, openWorkshop, untilLive } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';

const BUILD = 'mkdir -p dist cache; echo x >> cache/runs; cp cache/runs dist/runs; cp index.html dist/';

describe('a commit and its push', () => {
  let shop: Workshop;
  const deployments = async (): Promise<DeploymentView[]> => (await shop.json<{ deployments: DeploymentView[] }>('history')).deployments;
  const runs = async (): Promise<number> => (await readFile(join(shop.dir, 'servers/a/current/runs'), 'utf8')).split('\n').length - 1;
  const push = (...options: string[]): Promise<string> =>
    must('git', ['push', '--force', ...options.map((one) => `--push-option=${one}`), 'origin', 'HEAD:servers/demo'], { cwd: shop.tree });

  beforeAll(async () => {
    shop = await openWorkshop(({ dir, git }) => ({
      project: 'shop',
      repositories: { shop: { type: 'git', url: git, poll: '1s' } },
      branches: [
        {
          repository: 'shop',
          branch: 'servers/demo',
          clusters: ['demo'],
          commitCommands: ['skip deploy', 'from scratch'],
          build: { command: BUILD, output: 'dist', cache: ['cache'] },
        },
      ],
      clusters: { demo: { environment: 'test', servers: [{ name: 'a', path: join(dir, 'servers/a') }] } },
    }));
    await must('git', ['config', 'receive.advertisePushOptions', 'true'], { cwd: shop.git });
    await shop.start();
    await shop.lockstep(['hooks', 'install', shop.git]);
  });

  afterAll(() => shop.close());

  test('[skip deploy] in the message leaves the cluster as it is, and everybody is told why', async () => {
    const first = await shop.commit({ 'index.html': 'one\n' }, 'One');
    await push();
    await untilLive(shop, 'demo', first);
    const skipped = await shop.commit({ 'index.html': 'two\n' }, 'Two\n\nNot for users yet. [Deploy Skip]');
    await push();
    const delivery = async (): Promise<DeliveryView | undefined> =>
      (await shop.json<{ deliveries: DeliveryView[] }>('deliveries')).deliveries.find((one) => one.decisions[0]?.revision === skipped);
    await until(async () => (await delivery()) !== undefined, { what: 'the push is decided' });
    const why = `${skipped.slice(0, 8)} of servers/demo is not deployed: [Deploy Skip] stands in its message; to deploy it all the same: lockstep deploy demo`;
    expect((await delivery())?.summary).toContain(why);
    expect((await shop.status('demo')).skipped).toBe(why);
    expect((await shop.lockstep(['status', 'demo'])).stdout).toContain('[Deploy Skip] stands in its message');
  });

  test('neither the poll nor a new start nor the same notice brings a skipped commit back; lockstep deploy does', async () => {
    const [delivery] = (await shop.json<{ deliveries: DeliveryView[] }>('deliveries')).deliveries;
    const before = (await deployments()).length;
    await shop.stop();
    await shop.start();
    await shop.lockstep(['deliveries', 'replay', delivery?.id ?? '']);
    expect((await shop.json<{ deliveries: DeliveryView[] }>('deliveries')).deliveries[0]?.decisions[0]?.action).toBe('skipped');
    expect(await deployments()).toHaveLength(before);
    const { code, stderr } = await shop.lockstep(['deploy', 'demo', '--wait']);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const status = await shop.status('demo');
    expect(status.release?.revision).toBe(delivery?.decisions[0]?.revision);
    expect(status.skipped).toBeNull();
  });

  test('[from scratch] builds without what earlier builds kept; a command that is switched off does nothing', async () => {
    const cached = await shop.commit({ 'index.html': 'three\n' }, 'Three [skip ci]');
    await push();
    await untilLive(shop, 'demo', cached);
    expect(await runs()).toBe(3);
    const fresh = await shop.commit({ 'index.html': 'four\n' }, 'Four [from scratch]');
    await push();
    await untilLive(shop, 'demo', fresh);
    expect(await runs()).toBe(1);
    const after = await shop.commit({ 'index.html': 'five\n' }, 'Five');
    await push();
    await untilLive(shop, 'demo', after);
    expect(await runs()).toBe(2);
  });

  test('deploy.skip as an option of the push skips, and what is no option is refused', async () => {
    const skipped = await shop.commit({ 'index.html': 'six\n' });
    await push('deploy.skip');
    await until(async () => (await shop.status('demo')).skipped !== null, { what: 'the head is skipped' });
    expect((await shop.status('demo')).skipped).toContain(
      `${skipped.slice(0, 8)} of servers/demo is not deployed: it was pushed with deploy.skip`,
    );
    await shop.commit({ 'index.html': 'seven\n' });
    await push('deploy.at=noon');
    const summary = async (): Promise<string> =>
      (await shop.json<{ deliveries: DeliveryView[] }>('deliveries')).deliveries[0]?.summary ?? '';
    await until(async () => (await summary()).includes('noon'), { what: 'the option is refused' });
    expect(await summary()).toContain('refused, "deploy.at=noon" is no push option of Lockstep; allowed: deploy.skip, deploy.at=22:00');
  });

  test('the hook of a busy machine still comes before the poll', async () => {
    const hook = join(shop.git, 'hooks/post-receive');
    const script = await readFile(hook, 'utf8');
    await writeFile(hook, script.replace('\n', '\nsleep 3\n'));
    const skipped = await shop.commit({ 'index.html': 'eight\n' });
    await push('deploy.skip');
    await writeFile(hook, script);
    const why = `${skipped.slice(0, 8)} of servers/demo is not deployed: it was pushed with deploy.skip`;
    await until(async () => (await shop.status('demo')).skipped?.includes(why) === true, { what: 'the head is skipped' });
    expect((await deployments()).map(({ revision }) => revision)).not.toContain(skipped);
  });

  test('deploy.at lets a deployment wait, also through a new start; a newer commit supersedes it', async () => {
    const evening = new Date(Date.now() + 6 * 3_600_000);
    const late = await shop.commit({ 'index.html': 'late\n' });
    await push(`deploy.at=${evening.toISOString().slice(11, 16)}Z`);
    await until(async () => (await shop.status('demo')).waiting !== null, { what: 'the deployment waits' });
    const { waiting, waitsFor } = await shop.status('demo');
    expect(waitsFor).toMatchObject({ kind: 'time', until: `${evening.toISOString().slice(0, 16)}:00.000Z` });
    expect((await shop.lockstep(['status'], { TZ: 'UTC' })).stdout).toContain(
      `${waiting} waits until ${evening.toISOString().slice(11, 16)}`,
    );
    expect((await shop.lockstep(['show', String(waiting)], { TZ: 'UTC' })).stdout).toContain('waits until');
    await shop.stop('SIGKILL');
    await shop.start();
    expect(await shop.show(waiting ?? 0)).toMatchObject({ state: 'waiting', revision: late, waitsFor });

    const soon = await shop.commit({ 'index.html': 'soon\n' });
    const at = new Date(Date.now() + 4_000).toISOString().slice(11, 19);
    await push(`deploy.at=${at}Z`);
    const view = await untilLive(shop, 'demo', soon);
    const deployment = await shop.show(view.deployment ?? 0);
    expect((deployment.steps[0]?.startedAt ?? '').slice(11, 19) >= at).toBe(true);
    expect(await shop.show(waiting ?? 0)).toMatchObject({ result: 'superseded', waitsFor: null });
  });
});
