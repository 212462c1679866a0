// Crashes: the daemon is killed at every journal append of a deployment; the next start brings the cluster to its end.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { oneCluster } from '../lab/configuration.ts';
import { startSshd } from '../lab/sshd.ts';
import { until } from '../lab/until.ts';
import { openWorkshop, run, untilLive } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';

const CRASHING = fileURLToPath(new URL('../lab/crashing-daemon.js', import.meta.url));
const ADDRESSES = ['127.0.7.1', '127.0.7.2', '127.0.7.3'];

describe('a daemon that is killed, with three servers over ssh', () => {
  let sshd: Awaited<ReturnType<typeof startSshd>>;
  let shop: Workshop;

  beforeAll(async () => {
    sshd = await startSshd({ addresses: ADDRESSES });
    shop = await openWorkshop(({ dir, git }) =>
      oneCluster('demo', git, {
        ssh: { identity: sshd.identity, knownHosts: sshd.knownHosts },
        servers: ADDRESSES.map((host, i) => ({ name: `web${i + 1}`, host, port: sshd.port, path: join(dir, 'servers', `web${i + 1}`) })),
        maintenance: { lockTimeout: '20s' },
        commands: { migrate: `echo "$LOCKSTEP_REVISION" >>${dir}/migrations` },
      }),
    );
  });

  afterAll(async () => {
    await shop.close();
    await sshd.stop();
  });

  const pathOf = (i: number): string => join(shop.dir, 'servers', `web${i}`);
  const migrations = async (revision: string): Promise<number> =>
    (await readFile(join(shop.dir, 'migrations'), 'utf8').catch(() => '')).split('\n').filter((line) => line === revision).length;

  async function expectAllEqual(revision: string): Promise<void> {
    const { release, servers } = await untilLive(shop, 'demo', revision, 60_000);
    expect(servers.map(({ state }) => state)).toEqual(['live', 'live', 'live']);
    for (const i of [1, 2, 3]) {
      expect(await readlink(join(pathOf(i), 'current'))).toBe(`releases/${release?.id}`);
      expect((await run('test', ['-e', join(pathOf(i), 'maintenance')])).code).toBe(1);
    }
    expect(await migrations(revision)).toBe(1);
  }

  const order = (): string => join(shop.dir, 'kill');
  const start = (): Promise<void> => shop.start([process.execPath, CRASHING], { KILL_FILE: order() });

  /** Deploys a new commit with the daemon that runs, which dies at that append; returns whether it died. */
  async function deployAndKill(at: number, when: 'before' | 'after'): Promise<{ revision: string; died: boolean }> {
    const revision = await shop.commit({ 'index.html': `${at} ${when}\n` });
    await shop.push('HEAD:servers/demo');
    const child = shop.daemon();
    const hasDied = (): boolean => child?.signalCode === 'SIGKILL';
    const headers = {
      authorization: `Bearer ${(await readFile(join(shop.data, 'token'), 'utf8')).trim()}`,
      'content-type': 'application/json',
    };
    await writeFile(order(), `${when} ${at}`);
    // One that dies of it does not answer.
    await fetch(`${shop.url}/api/v1/clusters/demo/deploy`, { method: 'POST', headers, body: '{}' }).catch(() => undefined);
    await until(async () => hasDied() || (await isIdle(revision)), { what: 'the daemon dies or the deployment ends' });
    await rm(order());
    return { revision, died: hasDied() };
  }

  const isIdle = async (revision: string): Promise<boolean> => {
    const view = await shop.status('demo').catch(() => null);
    return view?.release?.revision === revision && view.state === 'idle';
  };

  for (const when of ['before', 'after'] as const) {
    test(`I5, I14: right ${when} any journal append ends every deployment when it is back: all servers equal, no lock, one migration`, async () => {
      await start();
      for (let at = 1; ; at++) {
        const { revision, died } = await deployAndKill(at, when);
        await shop.stop();
        await start();
        await expectAllEqual(revision);
        if (!died) {
          expect(at).toBeGreaterThan(12);
          return shop.stop();
        }
      }
    }, 600_000);
  }

  test('I4: while servers are locked and does not come back leaves no server locked for longer than its lock time limit', async () => {
    const { lastLocked } = await killWhileLocked();
    expect(lastLocked).toBe(true);
    const areUnlocked = async (): Promise<boolean> => {
      const flags = await Promise.all([1, 2, 3].map((i) => run('test', ['-e', join(pathOf(i), 'maintenance')])));
      return flags.every(({ code }) => code === 1);
    };
    await until(areUnlocked, { timeoutMs: 25_000, what: 'all servers have unlocked themselves' });
    const links = await Promise.all([1, 2, 3].map((i) => readlink(join(pathOf(i), 'current'))));
    expect(new Set(links).size).toBe(1);
  }, 120_000);

  async function killWhileLocked(): Promise<{ lastLocked: boolean }> {
    const { dir } = shop;
    // A migration that waits keeps the servers locked for as long as this test needs.
    const config = await readFile(shop.config, 'utf8');
    await writeFile(
      shop.config,
      config.replace('echo \\"$LOCKSTEP_REVISION\\"', `while [ -e ${dir}/wait ]; do sleep 0.1; done; echo \\"$LOCKSTEP_REVISION\\"`),
    );
    await writeFile(join(dir, 'wait'), '');
    await shop.commit({ 'index.html': 'locked\n' });
    await shop.push('HEAD:servers/demo');
    await shop.start();
    const flag = (i: number) => run('test', ['-e', join(pathOf(i), 'maintenance')]);
    const areLocked = async (): Promise<boolean> => (await Promise.all([1, 2, 3].map(flag))).every(({ code }) => code === 0);
    await until(areLocked, { what: 'all servers are locked' });
    await shop.stop('SIGKILL');
    const lastLocked = await areLocked();
    await run('rm', [join(dir, 'wait')]);
    return { lastLocked };
  }
});
