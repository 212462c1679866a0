// The fault tests of crash.test.ts with each carrier, with clones made ahead and without, and with an rsync of 2022 at either end or both.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { chmod, copyFile, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { olderRsync } from '../lab/older-rsync.ts';
import { startSshd } from '../lab/sshd.ts';
import type { Sshd } from '../lab/sshd.ts';
import { until } from '../lab/until.ts';
import { difference, must, openWorkshop, untilLive } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';

const CRASHING = fileURLToPath(new URL('../lab/crashing-daemon.js', import.meta.url));

/** What differs from a configuration without any of these keys; the servers of `older` have the older rsync. */
const CLUSTERS = {
  packs: { keys: {}, older: false },
  'packs-now': { keys: { cloneAhead: false }, older: false },
  rsync: { keys: { carrier: 'rsync' }, older: false },
  'rsync-now': { keys: { carrier: 'rsync', cloneAhead: false }, older: true },
} as const;
const NAMES = Object.keys(CLUSTERS) as (keyof typeof CLUSTERS)[];
const SERVERS = ['one', 'two'];

/** build, schedule, upload, lock, switch, decide, unlock, collect: which append of a deployment is the daemon's last. */
const DEATHS = [
  ['before', '1'],
  ['before', 'finished 2'],
  ['after', 'started 3'],
  ['before', 'finished 4'],
  ['after', 'started 7'],
] as const;

const older = olderRsync();
const missing = 'skipped: apt-get could not bring rsync 3.2.7';

describe('clusters whose releases come by packs and by rsync, with clones made ahead and without', () => {
  let shop: Workshop;
  let sshds: Sshd[];
  let commits = 0;

  beforeAll(async () => {
    const current = await startSshd();
    const old = await startSshd({ from: current, environment: [`PATH=${older === null ? '' : `${older}:`}/usr/bin:/bin`] });
    sshds = [current, old];
    const knownHosts = join(current.directory, 'known_by_daemon');
    await writeFile(knownHosts, sshds.map((sshd) => readFileSync(sshd.knownHosts, 'utf8')).join(''));
    shop = await openWorkshop(({ dir, git }) => ({
      project: 'shop',
      repositories: { shop: { type: 'git', url: git } },
      branches: [{ repository: 'shop', branch: 'main', clusters: NAMES }],
      clusters: Object.fromEntries(
        NAMES.map((name) => {
          const { user, port } = CLUSTERS[name].older ? old : current;
          const servers = SERVERS.map((server) => ({ name: server, host: '127.0.0.1', port, user, path: join(dir, name, server) }));
          return [name, { environment: 'test', ssh: { identity: current.identity, knownHosts }, servers, ...CLUSTERS[name].keys }];
        }),
      ),
    }));
  });

  afterAll(async () => {
    await shop.close();
    for (const sshd of sshds) await sshd.stop();
  });

  afterEach(() => shop.stop());

  const paths = (name: string): string[] => SERVERS.map((server) => join(shop.dir, name, server));
  const current = (path: string): string => join(path, readlinkSync(join(path, 'current')));
  /** Names, types, modes, times and contents. */
  const picture = (directory: string): Promise<string> =>
    must('sh', ['-c', 'find . -printf "%y %m %T@ %P %l\\n" | sort; find . -type f -exec sha256sum {} + | sort'], { cwd: directory });

  /** Every kind of change to a tree that is large enough for a compressor. */
  async function commit(): Promise<string> {
    const i = ++commits;
    const filler = Object.fromEntries(
      Array.from({ length: 40 }, (_, n) => [`lib/${n % 4}/f${n}.js`, `${n < 4 ? i : 0} ${'words '.repeat(600)}\n`]),
    );
    const odd = i % 2 === 1;
    await rm(join(shop.tree, 'turns'), { recursive: true, force: true });
    await rm(join(shop.tree, `new/${i - 1}.txt`), { force: true });
    await mkdir(join(shop.tree, 'bin'), { recursive: true });
    await writeFile(join(shop.tree, 'bin/run'), '#!/bin/sh\n');
    await chmod(join(shop.tree, 'bin/run'), odd ? 0o755 : 0o644);
    await rm(join(shop.tree, 'link'), { force: true });
    await symlink(odd ? 'lib/1' : 'index.html', join(shop.tree, 'link'));
    return shop.commit({ ...filler, 'index.html': `${i}\n`, [`new/${i}.txt`]: `${i}\n`, [odd ? 'turns' : 'turns/inner']: 'x\n' });
  }

  async function startOf(rsync: string | null): Promise<Record<string, string>> {
    const path = process.env['PATH'] ?? '';
    return Promise.resolve({ PATH: rsync === null ? path : `${rsync}:${path}` });
  }

  /** All serve the commit, whole and unlocked. */
  async function expectAllAt(revision: string): Promise<void> {
    for (const name of NAMES) {
      const { release } = await untilLive(shop, name, revision, 60_000);
      for (const path of paths(name)) {
        expect([name, await difference(shop.tree, join(path, 'current/'))]).toEqual([name, '']);
        expect(readlinkSync(join(path, 'current'))).toBe(`releases/${release?.id}`);
        expect(existsSync(join(path, 'maintenance'))).toBe(false);
      }
    }
  }

  /** What every server serves, to be looked at again when it serves something else. */
  async function before(): Promise<() => Promise<void>> {
    const seen = new Map<string, string>();
    for (const path of NAMES.flatMap(paths)) if (existsSync(join(path, 'current'))) seen.set(current(path), await picture(current(path)));
    return async () => {
      for (const [release, was] of seen) expect(await picture(release)).toBe(was);
    };
  }

  /** The daemon dies, another one takes over, and one commit later nothing shows it. */
  async function dieAndGoOn(when: string, at: string, rsync: string | null): Promise<void> {
    const unharmed = await before();
    const revision = await commit();
    await shop.push('HEAD:main');
    const environment = await startOf(rsync);
    const order = join(shop.dir, 'kill');
    await writeFile(order, `${when} ${at}`);
    await shop.start([process.execPath, CRASHING], { ...environment, KILL_FILE: order });
    const child = shop.daemon();
    await until(() => child?.signalCode === 'SIGKILL', { timeoutMs: 40_000, what: `the daemon dies ${when} ${at}` });
    await shop.stop();
    await shop.start(undefined, environment);
    await expectAllAt(revision);
    await unharmed();
    await shop.stop();
  }

  test('all get their first releases', async () => {
    const revision = await commit();
    await shop.push('HEAD:main');
    await shop.start();
    await expectAllAt(revision);
    await shop.stop();
  });

  test('I5, I13, I14: a daemon that is killed at any step ends every deployment when it is back; the releases before are as they were', async () => {
    for (const [when, at] of DEATHS) await dieAndGoOn(when, at, null);
  }, 300_000);

  (older === null ? test.skip : test)(
    `and so does one with rsync 3.2.7, with servers that have 3.5 or 3.2.7 themselves${older === null ? ` (${missing})` : ''}`,
    async () => {
      for (const [when, at] of DEATHS.slice(1, 3)) await dieAndGoOn(when, at, older);
      const doctor = (await must('sh', ['-c', `${older}/rsync --version | head -n 1`])).trim();
      expect(doctor).toContain('version 3.2.7');
      await shop.start(undefined, await startOf(older));
      const said = (await shop.lockstep(['doctor', '--json'])).stdout;
      await shop.stop();
      expect(said).toContain('rsync 3.2.7');
    },
    300_000,
  );

  /** Each replaces something, as an editor or a careless `cp` would: what a clone shares with the release that is served is not written to. */
  const DAMAGES: Readonly<Record<string, (clone: string) => Promise<unknown>>> = {
    'a byte changed': (clone) => replaced(join(clone, 'lib/2/f6.js'), (file) => writeFile(file, `1 ${'words '.repeat(600)}\n`)),
    'a file missing': (clone) => rm(join(clone, 'lib/3/f7.js')),
    'a mode changed': (clone) => replaced(join(clone, 'lib/2/f10.js'), (file) => chmod(file, 0o600)),
    'a directory replaced by a link': (clone) =>
      rename(join(clone, 'lib/1'), join(shop.dir, 'outside')).then(() => symlink(join(shop.dir, 'outside'), join(clone, 'lib/1'))),
  };

  async function replaced(file: string, how: (copy: string) => Promise<void>): Promise<void> {
    await copyFile(file, `${file}.new`);
    await how(`${file}.new`);
    await rename(`${file}.new`, file);
  }

  test(`clones that were made ahead, with ${Object.keys(DAMAGES).join(', ')}: the next release is right, the one before unharmed`, async () => {
    await shop.start();
    const damages = Object.values(DAMAGES);
    await expectAllAt(await deployed());
    for (const two of [damages.slice(0, 2), damages.slice(2)]) {
      const unharmed = await before();
      for (const name of ['packs', 'rsync']) {
        await rm(join(shop.dir, 'outside'), { recursive: true, force: true });
        for (const [i, path] of paths(name).entries()) {
          const [clone = ''] = readdirSync(join(path, '.lockstep/next'));
          await two[i]?.(join(path, '.lockstep/next', clone));
        }
      }
      const outside = join(shop.dir, 'outside');
      const seen = existsSync(outside) ? await picture(outside) : '';
      for (const path of ['packs-now', 'rsync-now'].flatMap(paths)) expect(existsSync(join(path, '.lockstep/next'))).toBe(false);
      await expectAllAt(await deployed());
      await unharmed();
      if (seen !== '') expect(await picture(outside)).toBe(seen);
      // It was damaged, and found out: by the one another clone is made, by the other it is repaired.
      for (const path of paths('packs')) expect(readFileSync(join(path, '.lockstep/log'), 'utf8')).toMatch(/that was ready is damaged/);
      const { deployment } = await shop.status('rsync');
      const { stdout } = await shop.lockstep(['logs', String(deployment)]);
      for (const server of SERVERS) expect(stdout).toContain(`upload to ${server}: the release does not match its manifest; repairing`);
    }
  }, 300_000);

  async function deployed(): Promise<string> {
    const revision = await commit();
    await shop.push('HEAD:main');
    const ended = await Promise.all(NAMES.map((name) => shop.lockstep(['deploy', name, '--wait'])));
    expect(ended.map(({ code }) => code)).toEqual(NAMES.map(() => 0));
    return revision;
  }
});
