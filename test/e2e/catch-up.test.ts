// Servers that were left behind, and those that are new, come to what their cluster serves, by themselves.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sshd } from '../lab/sshd.ts';
import { startSshd } from '../lab/sshd.ts';
import { until } from '../lab/until.ts';
import { openWorkshop, untilLive } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';

const FLEET = 40;
/** One sshd listens on at most sixteen addresses; the last servers have one of their own. */
const addressOf = (i: number): string => (i >= FLEET ? `127.0.9.${i}` : `127.0.8.${(i % 15) + 1}`);

describe('a fleet of forty ssh servers of which one is away', () => {
  let sshd: Sshd;
  let lost: Sshd | null = null;
  let shop: Workshop;

  function configuration({ dir, git }: { dir: string; git: string }, servers: number): unknown {
    return {
      project: 'shop',
      repositories: { shop: { type: 'git', url: git } },
      branches: [{ repository: 'shop', branch: 'servers/production', clusters: ['production'] }],
      clusters: {
        production: {
          environment: 'test',
          servers: Array.from({ length: servers }, (_, i) => ({
            name: `web${i + 1}`,
            host: addressOf(i + 1),
            port: sshd.port,
            user: sshd.user,
            path: join(dir, `servers/web${i + 1}`),
          })),
          maxFailures: '5%',
          maintenance: { lockTimeout: '20s' },
          commands: { migrate: `touch ${dir}/migrating; while test -e ${dir}/wait; do sleep 0.1; done` },
          connections: 16,
          concurrency: 16,
          ssh: { identity: sshd.identity, knownHosts: sshd.knownHosts },
        },
      },
    };
  }

  beforeAll(async () => {
    // The last server of the fleet is not listened for: it is away.
    const addresses = [...new Set(Array.from({ length: FLEET - 1 }, (_, i) => addressOf(i + 1)))];
    sshd = await startSshd({ addresses, maxStartups: '100:30:200', maxSessions: 100 });
    const known = await readFile(sshd.knownHosts, 'utf8');
    const [, type, key] = known.split('\n')[0]?.split(' ') ?? [];
    const more = [FLEET, FLEET + 1].map((i) => `[${addressOf(i)}]:${sshd.port} ${type} ${key}\n`).join('');
    await writeFile(sshd.knownHosts, known + more);
    shop = await openWorkshop((place) => configuration(place, FLEET));
    for (let i = 1; i <= FLEET + 1; i++) await mkdir(join(shop.dir, `servers/web${i}`), { recursive: true });
    await shop.start();
    await shop.lockstep(['hooks', 'install', shop.git]);
  });

  afterAll(async () => {
    await shop.close();
    await lost?.stop();
    await sshd.stop();
  });

  const pageOf = (i: number): Promise<string> => readFile(join(shop.dir, `servers/web${i}/current/index.html`), 'utf8');
  const stateOf = async (i: number): Promise<string | undefined> =>
    (await shop.status('production')).servers.find(({ name }) => name === `web${i}`)?.state;

  test('goes on without it within the failure budget: thirty-nine live, one unreachable', async () => {
    const revision = await shop.commit({ 'index.html': 'one\n' });
    await shop.push('HEAD:servers/production');
    const status = await untilLive(shop, 'production', revision, 90_000);
    expect(status.servers.filter(({ state }) => state === 'live')).toHaveLength(FLEET - 1);
    expect(await stateOf(FLEET)).toBe('unreachable');
    expect(await pageOf(1)).toBe('one\n');
  }, 120_000);

  test('brings it to the same release within a minute when it is back, and touches nobody else', async () => {
    const before = (await shop.status('production')).deployment;
    const addresses = [FLEET, FLEET + 1].map(addressOf);
    lost = await startSshd({ addresses, port: sshd.port, from: sshd });
    await until(async () => (await stateOf(FLEET)) === 'live', { timeoutMs: 60_000, what: 'the lost server is live' });
    await until(async () => (await shop.status('production')).state === 'idle', { what: 'the server has caught up' });
    expect(await pageOf(FLEET)).toBe('one\n');
    const { deployment, servers } = await shop.status('production');
    expect(deployment).toBe(before);
    expect(servers.every(({ state }) => state === 'live')).toBe(true);
    const history = await shop.json<{ deployments: { purpose: string; servers: { name: string }[] }[] }>('history');
    expect(history.deployments[0]).toMatchObject({ purpose: 'catch-up', result: 'done', servers: [{ name: `web${FLEET}` }] });
  });

  test('sets up and brings up a server that is new in the configuration; one that was removed is left alone, and that is said', async () => {
    await writeFile(shop.config, JSON.stringify(configuration(shop, FLEET + 1), null, 2));
    await until(async () => (await stateOf(FLEET + 1)) === 'live', { timeoutMs: 60_000, what: 'the new server is live' });
    expect(await pageOf(FLEET + 1)).toBe('one\n');
    await writeFile(shop.config, JSON.stringify(configuration(shop, FLEET), null, 2));
    await until(async () => (await shop.status('production')).removed.length > 0, { what: 'the new configuration is in force' });
    expect((await shop.lockstep(['status', 'production'])).stdout).toContain(`web${FLEET + 1}: no longer configured`);
    expect(await pageOf(FLEET + 1)).toBe('one\n');
  });

  test('never serves the old release on a server that was lost after the switch and is back with it', async () => {
    const path = join(shop.dir, `servers/web${FLEET}`);
    const old = await readlink(join(path, 'current'));
    await writeFile(join(shop.dir, 'wait'), '');
    const revision = await shop.commit({ 'index.html': 'two\n' });
    await rm(join(shop.dir, 'migrating'));
    await shop.push('HEAD:servers/production');
    await until(() => existsSync(join(shop.dir, 'migrating')), { timeoutMs: 60_000, what: 'the migration runs' });
    for (const pid of lost?.sessions() ?? []) process.kill(pid, 'SIGKILL');
    await lost?.stop();
    // As if its disk had lost the last seconds.
    await symlink(old, join(path, 'old'));
    await rename(join(path, 'old'), join(path, 'current'));
    let isWatching = true;
    const seen: string[] = [];
    const watch = (async (): Promise<void> => {
      while (isWatching) {
        // Locked before and after: then it was locked in between as well.
        const isLocked = existsSync(join(path, 'maintenance'));
        const page = readFileSync(join(path, 'current/index.html'), 'utf8');
        if (!isLocked && !existsSync(join(path, 'maintenance'))) seen.push(page);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    await rm(join(shop.dir, 'wait'));
    const isOver = async (): Promise<boolean> => (await shop.status('production')).state === 'idle';
    await until(isOver, { timeoutMs: 90_000, what: 'the deployment ends without the lost server' });
    expect(await pageOf(1)).toBe('two\n');
    lost = await startSshd({ addresses: [FLEET, FLEET + 1].map(addressOf), port: sshd.port, from: sshd });
    await until(async () => (await stateOf(FLEET)) === 'live', { timeoutMs: 60_000, what: 'the lost server is live again' });
    isWatching = false;
    await watch;
    expect((await shop.status('production')).release?.revision).toBe(revision);
    expect(await pageOf(FLEET)).toBe('two\n');
    expect(new Set(seen)).toEqual(new Set(['two\n']));
  }, 180_000);
});
