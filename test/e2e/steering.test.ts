// Steering a deployment by hand: pause, resume, skip a server, retry.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { localServers, oneCluster } from '../lab/configuration.ts';
import { until } from '../lab/until.ts';
import { openWorkshop, untilLive } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';

const SERVERS = [1, 2, 3];

describe('a deployment to three servers', () => {
  let shop: Workshop;

  beforeAll(async () => {
    shop = await openWorkshop(({ dir, git }) =>
      oneCluster(
        'demo',
        git,
        { servers: localServers(dir, SERVERS), commands: { migrate: `! grep -qx migrate ${dir}/fail` } },
        // A build sees nothing but its tree: what it is to wait for is in there.
        { build: { command: 'sleep "$(cat seconds)"' } },
      ),
    );
    await writeFile(join(shop.dir, 'fail'), '');
    await shop.start();
    await shop.lockstep(['hooks', 'install', shop.git]);
    const revision = await shop.commit({ 'index.html': 'one\n', seconds: '0\n' });
    await shop.push('HEAD:servers/demo');
    await untilLive(shop, 'demo', revision);
  });

  afterAll(() => shop.close());

  const page = (i: number): Promise<string> => readFile(join(shop.dir, `servers/web${i}/current/index.html`), 'utf8');
  const running = (): Promise<number> =>
    until(
      async () => {
        const { state, deployment } = await shop.status('demo');
        if (state === 'idle' || deployment === null) return null;
        // One that waits for the end of the one before cannot be paused yet.
        const { steps } = await shop.show(deployment);
        return steps.some(({ startedAt }) => startedAt !== null) ? deployment : null;
      },
      { what: 'a deployment has begun' },
    );

  test('that is paused ends what is under way and begins nothing new, also after a restart, until it is resumed', async () => {
    const revision = await shop.commit({ 'index.html': 'two\n', seconds: '3\n' });
    await shop.push('HEAD:servers/demo');
    const number = await running();
    expect(await shop.lockstep(['pause', String(number)])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`lockstep resume ${number}`),
    });
    expect((await shop.lockstep(['pause', String(number)])).code).toBe(1);
    const isBuilt = async (): Promise<boolean> => (await shop.show(number)).steps.find(({ step }) => step === 'build')?.state === 'done';
    await until(isBuilt, { what: 'the build ends' });
    expect((await shop.status('demo')).state).toBe('paused');
    await shop.stop();
    await shop.start();
    expect((await shop.show(number)).steps.find(({ step }) => step === 'schedule')?.startedAt).toBeNull();
    expect((await shop.status('demo')).state).toBe('paused');
    expect((await shop.lockstep(['resume', String(number)])).code).toBe(0);
    await untilLive(shop, 'demo', revision);
    const late = await shop.lockstep(['pause', String(number)]);
    expect([late.code, late.stderr]).toEqual([1, expect.stringContaining('not running')]);
  });

  test('that is paused can be aborted', async () => {
    await shop.commit({ 'index.html': 'never\n' });
    await shop.push('HEAD:servers/demo');
    const number = await running();
    await shop.lockstep(['pause', String(number)]);
    expect((await shop.lockstep(['abort', String(number)])).code).toBe(0);
    await until(async () => (await shop.show(number)).state === 'ended', { what: 'the deployment ends' });
    expect(await shop.show(number)).toMatchObject({ result: 'aborted' });
    expect(await page(1)).toBe('two\n');
  });

  test('goes on without a server that is skipped, which is locked with the others and catches up afterwards', async () => {
    const path = join(shop.dir, 'servers/web2');
    const holder = spawn('flock', [join(path, '.lockstep/mutex'), 'sleep', '30'], { stdio: 'ignore', detached: true });
    const revision = await shop.commit({ 'index.html': 'three\n', seconds: '0\n' });
    await shop.push('HEAD:servers/demo');
    const number = await running();
    const isHeldUp = async (): Promise<boolean> => {
      const { steps } = await shop.show(number);
      const step = steps.find((one) => one.state === 'running');
      return (step?.step === 'schedule' || step?.step === 'upload') && step.done === 2;
    };
    await until(isHeldUp, { what: 'one server holds the others up' });
    expect((await shop.lockstep(['skip', String(number), 'web9'])).code).toBe(1);
    expect((await shop.lockstep(['skip', String(number), 'web2'])).code).toBe(0);
    process.kill(-(holder.pid ?? 0), 'SIGKILL');
    await until(async () => (await shop.show(number)).state === 'ended', { what: 'the deployment ends', timeoutMs: 40_000 });
    const view = await shop.show(number);
    expect(view).toMatchObject({ result: 'done' });
    expect(view.servers.map(({ state }) => state)).toEqual(['live', 'skipped', 'live']);
    expect(await page(1)).toBe('three\n');
    await until(async () => (await page(2)) === 'three\n', { what: 'the skipped server has caught up', timeoutMs: 40_000 });
    await untilLive(shop, 'demo', revision);
  });

  test('that failed can be tried again', async () => {
    await writeFile(join(shop.dir, 'fail'), 'migrate\n');
    const revision = await shop.commit({ 'index.html': 'four\n' });
    await shop.push('HEAD:servers/demo');
    const number = await running();
    expect((await shop.lockstep(['wait', String(number)])).code).toBe(1);
    await writeFile(join(shop.dir, 'fail'), '');
    expect((await shop.lockstep(['retry', String(number), '--wait'])).code).toBe(0);
    await untilLive(shop, 'demo', revision);
    const settled = await shop.lockstep(['retry', String(number), 'web1']);
    expect([settled.code, settled.stderr]).toEqual([1, expect.stringContaining('web1 of demo is not behind')]);
  });
});
