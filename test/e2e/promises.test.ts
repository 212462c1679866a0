// Promises that concern the daemon as a whole: one daemon acts, every hook has its outcome, no secret gets out, nothing is lost.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { chmod, mkdir, readFile, readdir, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeploymentView } from '../../src/core/views.ts';
import { until } from '../lab/until.ts';
import { LOCKSTEP, must, openWorkshop, run, untilLive } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';

describe('a daemon', () => {
  let shop: Workshop;

  beforeAll(async () => {
    shop = await openWorkshop(({ dir, git }) => ({
      project: 'shop',
      repositories: { shop: { type: 'git', url: git } },
      branches: [{ repository: 'shop', branch: 'servers/{developer}', clusters: ['sandbox-{developer}'] }],
      clusters: {
        'sandbox-{developer}': {
          servers: [1, 2].map((i) => ({ name: `box${i}`, path: join(dir, `servers/{developer}/box${i}`) })),
          keep: 2,
        },
      },
    }));
    await shop.start();
    await shop.lockstep(['hooks', 'install', shop.git]);
  });

  afterAll(() => shop.close());

  test('brings each developer’s branch to a cluster of its own', async () => {
    const revision = await shop.commit({ 'index.html': 'mine\n' });
    await shop.push('HEAD:servers/yuri.popoff', 'HEAD:servers/ann');
    await untilLive(shop, 'sandbox-yuri.popoff', revision);
    await untilLive(shop, 'sandbox-ann', revision);
    expect(await readFile(join(shop.dir, 'servers/yuri.popoff/box2/current/index.html'), 'utf8')).toBe('mine\n');
  });

  test('I10: refuses to start on a data directory that another daemon uses', async () => {
    const env = { LOCKSTEP_CONFIG: shop.config, LOCKSTEP_DATA: shop.data };
    const second = await run(LOCKSTEP, ['daemon', '--listen', '127.0.0.1:0'], { env });
    expect(second.code).not.toBe(0);
    expect(second.stderr).toMatch(/another daemon \(pid \d+/);
  });

  test('I6: records exactly one outcome for each ref of each hook it answered', async () => {
    const token = (await readFile(join(shop.data, 'token'), 'utf8')).trim();
    await shop.commit({ 'index.html': 'outcomes\n' });
    await shop.push('HEAD:servers/ann', 'HEAD:feature', 'HEAD:servers/yuri.popoff');
    await until(async () => (await shop.status('sandbox-ann')).state === 'idle', { what: 'it ends' });
    const response = await fetch(`${shop.url}/api/v1/events?after=0`, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(1_500),
    });
    let text = '';
    try {
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) text += Buffer.from(chunk).toString();
    } catch {
      // The stream has no end of its own.
    }
    const outcomes = text.match(/"text":"shop (servers\/ann|feature|servers\/yuri\.popoff): [^"]*"/g) ?? [];
    expect(outcomes.filter((one) => one.includes('feature'))).toHaveLength(1);
    expect(outcomes.filter((one) => one.includes('servers/ann'))).toHaveLength(2);
    expect(outcomes.filter((one) => one.includes('servers/yuri.popoff'))).toHaveLength(2);
  });

  test('I7: keeps the release before the live one, intact, whatever `keep` says, and removes older ones', async () => {
    for (let i = 1; i <= 4; i++) {
      const revision = await shop.commit({ 'index.html': `keep ${i}\n` });
      await shop.push('HEAD:servers/ann');
      await untilLive(shop, 'sandbox-ann', revision);
    }
    for (const box of ['box1', 'box2']) {
      const path = join(shop.dir, 'servers/ann', box);
      const releases = await readdir(join(path, 'releases'));
      expect(releases).toHaveLength(2);
      const current = (await readlink(join(path, 'current'))).replace('releases/', '');
      const previous = releases.find((one) => one !== current) ?? '';
      expect(await readFile(join(path, 'releases', previous, 'index.html'), 'utf8')).toBe('keep 3\n');
    }
  });

  test('I7: keeps the release of another tool that a server served before its first deployment', async () => {
    const path = join(shop.dir, 'servers/cap/box1');
    await mkdir(join(path, 'releases/20260101120000'), { recursive: true });
    await writeFile(join(path, 'releases/20260101120000/index.html'), 'by Capistrano\n');
    await symlink('releases/20260101120000', join(path, 'current'));
    const revision = await shop.commit({ 'index.html': 'taken over\n' });
    await shop.push('HEAD:servers/cap');
    await untilLive(shop, 'sandbox-cap', revision);
    expect(await readFile(join(path, 'current/index.html'), 'utf8')).toBe('taken over\n');
    expect(await readFile(join(path, 'releases/20260101120000/index.html'), 'utf8')).toBe('by Capistrano\n');
  });

  test('deploys an earlier revision when it is named, by its whole id or, the head, by its beginning', async () => {
    const first = await shop.commit({ 'index.html': 'first\n' });
    const second = await shop.commit({ 'index.html': 'second\n' });
    await shop.push('HEAD:servers/ann');
    await untilLive(shop, 'sandbox-ann', second);
    expect((await shop.lockstep(['deploy', 'sandbox-ann', '--revision', first, '--wait'])).code).toBe(0);
    expect((await shop.status('sandbox-ann')).release?.revision).toBe(first);
    expect((await shop.lockstep(['deploy', 'sandbox-ann', '--revision', second.slice(0, 8), '--wait'])).code).toBe(0);
    expect((await shop.status('sandbox-ann')).release?.revision).toBe(second);
    const wrong = await shop.lockstep(['deploy', 'sandbox-ann', '--revision', 'f'.repeat(40), '--wait']);
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('ffffffff')]);
  });

  test('I8: keeps its history over a restart, and numbers go on', async () => {
    const before = await shop.json<{ deployments: DeploymentView[] }>('history');
    await shop.stop('SIGKILL');
    await shop.start();
    const after = await shop.json<{ deployments: DeploymentView[] }>('history');
    expect(after.deployments.slice(-before.deployments.length).map(({ number, result }) => [number, result])).toEqual(
      before.deployments.map(({ number, result }) => [number, result]),
    );
  });

  test('keeps the older configuration when the file is edited badly, says so in status, and takes a good one over', async () => {
    const text = await readFile(shop.config, 'utf8');
    await writeFile(shop.config, text.replace('"servers"', '"server"'));
    const isTold = async (): Promise<boolean> =>
      (await shop.lockstep(['status'])).stdout.includes('server: unknown key; did you mean "servers"?');
    await until(isTold, { what: 'status tells the problem' });
    expect((await shop.status('sandbox-ann')).release).not.toBeNull();
    await writeFile(shop.config, text.replace('"keep": 2', '"keep": 3'));
    await until(async () => !(await isTold()), { what: 'the problem is gone' });
  });

  test('I11: lets no secret into logs, journal, artifacts, answers or command lines', async () => {
    const secrets = [
      (await readFile(join(shop.data, 'token'), 'utf8')).trim(),
      (await readFile(join(shop.data, 'secrets/shop'), 'utf8')).trim().replace('whsec_', ''),
    ];
    const lines: string[] = [];
    let isOver = false;
    const sampler = (async () => {
      while (!isOver) {
        for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
          lines.push(await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''));
        }
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    const revision = await shop.commit({ 'index.html': 'secret\n' });
    await shop.push('HEAD:servers/ann');
    await untilLive(shop, 'sandbox-ann', revision);
    const { stdout: shown } = await shop.lockstep(['show', String((await shop.status('sandbox-ann')).deployment), '--json']);
    isOver = true;
    await sampler;
    for (const secret of secrets) {
      for (const form of [
        secret,
        Buffer.from(secret).toString('base64'),
        Buffer.from(secret).toString('hex'),
        encodeURIComponent(secret),
      ]) {
        expect(lines.some((line) => line.includes(form))).toBe(false);
        expect(shown).not.toContain(form);
        const { stdout } = await run('grep', [
          '-rlF',
          '--exclude-dir=secrets',
          '--exclude=token',
          '-e',
          form,
          shop.data,
          join(shop.dir, 'servers'),
        ]);
        expect(stdout).toBe('');
      }
    }
  });

  test('keeps its files to its own account', async () => {
    const modes = await must('stat', [
      '-c',
      '%a',
      shop.data,
      join(shop.data, 'token'),
      join(shop.data, 'secrets'),
      join(shop.data, 'lockstep.db'),
    ]);
    expect(modes.trim().split('\n')).toEqual(['700', '600', '700', '600']);
  });

  test('closes the door of a repository whose secret others can read', async () => {
    await chmod(join(shop.data, 'secrets/shop'), 0o644);
    await shop.commit({ 'index.html': 'open secret\n' });
    expect(await shop.push('HEAD:servers/ann')).not.toMatch(/deployment \d+/);
    await chmod(join(shop.data, 'secrets/shop'), 0o600);
  });

  test('finds its servers well with doctor', async () => {
    const { code, stdout } = await shop.lockstep(['doctor']);
    expect([code, stdout]).toEqual([0, expect.stringContaining('ok')]);
  });

  test('with a full disk answers no hook with success, starts nothing, and goes on when there is room again', async () => {
    await shop.stop();
    const disk = join(shop.dir, 'small');
    await mkdir(disk);
    await must('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', disk]);
    try {
      await must('cp', ['-a', `${shop.data}/.`, disk]);
      await chmod(disk, 0o700);
      await shop.start(undefined, { LOCKSTEP_DATA: disk });
      await run('dd', ['if=/dev/zero', `of=${join(disk, 'filler')}`, 'bs=64k']);
      const revision = await shop.commit({ 'index.html': 'full\n' });
      const said = await shop.push('HEAD:servers/ann');
      expect(said).not.toMatch(/deployment \d+/);
      await rm(join(disk, 'filler'));
      await until(async () => (await shop.status('sandbox-ann')).release?.revision === revision, { what: 'it goes on', timeoutMs: 50_000 });
    } finally {
      await shop.stop();
      await must('umount', [disk]);
    }
  });
});
