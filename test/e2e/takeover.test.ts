// Taking over: servers that a real Capistrano deployed to go on under Lockstep, without a moment of downtime, and can be taken back.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PastReleaseView } from '../../src/core/views.ts';
import { installCapistrano } from '../lab/capistrano.ts';
import { localServers, oneCluster } from '../lab/configuration.ts';
import { startReader } from '../lab/reader.ts';
import { startSshd } from '../lab/sshd.ts';
import type { Sshd } from '../lab/sshd.ts';
import { must, openWorkshop } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';

const SERVERS = [1, 2];
const STAMPS = ['20260101100000', '20260102100000'];

describe('two servers that Capistrano deployed to twice', () => {
  let sshd: Sshd;
  let shop: Workshop;
  const revisions: string[] = [];

  const pathOf = (i: number): string => join(shop.dir, `servers/web${i}`);
  const pages = (): string[] => SERVERS.map((i) => readFileSync(join(pathOf(i), 'current/index.html'), 'utf8'));
  const past = async (): Promise<PastReleaseView[]> => (await shop.json<{ releases: PastReleaseView[] }>('releases', 'demo')).releases;
  const releasesOf = (i: number): string[] => readdirSync(join(pathOf(i), 'releases')).sort();

  beforeAll(async () => {
    sshd = await startSshd();
    shop = await openWorkshop(({ dir, git }) =>
      oneCluster('demo', git, {
        ssh: { identity: sshd.identity, knownHosts: sshd.knownHosts },
        servers: localServers(dir, SERVERS).map((server) => ({ ...server, host: '127.0.0.1', port: sshd.port, user: sshd.user })),
        shared: ['config/local.php', 'var/uploads/'],
        keep: 1,
      }),
    );
    const shared = { files: ['config/local.php'], directories: ['var/uploads'] };
    const capistrano = await installCapistrano(join(shop.dir, 'cap'), { repository: shop.git, sshd, shared });
    for (const i of SERVERS) {
      await mkdir(join(pathOf(i), 'shared/config'), { recursive: true });
      await writeFile(join(pathOf(i), 'shared/config/local.php'), `secret of web${i}`);
    }
    for (const stamp of STAMPS) {
      revisions.push(await shop.commit({ 'index.html': `capistrano ${stamp}\n` }));
      await shop.push('HEAD:refs/heads/main');
      const at = Date.parse(stamp.replace(/(....)(..)(..)(..)(..)(..)/, '$1-$2-$3T$4:$5:$6Z')) / 1000;
      await Promise.all(SERVERS.map((i) => capistrano.deploy(pathOf(i), at)));
    }
    for (const i of SERVERS) await writeFile(join(pathOf(i), 'current/var/uploads/photo'), `photo of web${i}`);
  }, 240_000);

  afterAll(async () => {
    await shop.close();
    await sshd.stop();
  }, 120_000);

  test('have an absolute link, which doctor finds well', async () => {
    expect(readlinkSync(join(pathOf(1), 'current'))).toBe(join(pathOf(1), 'releases', STAMPS[1]!));
    await shop.start();
    const { code, stdout } = await shop.lockstep(['doctor']);
    expect([code, stdout]).toEqual([0, expect.stringContaining(`serves ${STAMPS[1]}`)]);
    expect(readlinkSync(join(pathOf(1), 'current'))).toBe(join(pathOf(1), 'releases', STAMPS[1]!));
  }, 120_000);

  test('are taken over by the first deployment while somebody reads; what they share is there', async () => {
    const readers = await Promise.all(
      SERVERS.flatMap((i) =>
        ['index.html', 'config/local.php', 'var/uploads/photo'].map((file) => startReader(join(pathOf(i), 'current', file))),
      ),
    );
    await shop.commit({ 'index.html': 'lockstep one\n' });
    await shop.push('HEAD:refs/heads/servers/demo');
    const deployed = await shop.lockstep(['deploy', 'demo', '--wait']);
    const seen = await Promise.all(readers.map((reader) => reader.stop()));
    expect(deployed).toMatchObject({ code: 0 });
    const [first, ...others] = seen.map(({ contents, errors }) => [...contents, ...errors]);
    expect(first).toEqual([`capistrano ${STAMPS[1]}\n`, 'lockstep one\n']);
    expect(others).toEqual([['secret of web1'], ['photo of web1'], first, ['secret of web2'], ['photo of web2']]);
    expect(pages()).toEqual(['lockstep one\n', 'lockstep one\n']);
  }, 120_000);

  test('list what Capistrano had left as good, with its revision', async () => {
    const [live, adopted, ...others] = await past();
    expect(live).toMatchObject({ state: 'live' });
    expect(adopted).toMatchObject({ id: STAMPS[1], state: 'good', revision: revisions[1], present: 2, missing: [] });
    expect(others).toEqual([]);
    expect((await shop.lockstep(['releases', 'demo'])).stdout).toMatch(
      new RegExp(`good +${revisions[1]?.slice(0, 7)}.* 2/2 .*${STAMPS[1]}`),
    );
  }, 120_000);

  test('go back to it, all of them, and forward again', async () => {
    expect(await shop.lockstep(['rollback', 'demo', '--wait'])).toMatchObject({ code: 0 });
    expect(pages()).toEqual([`capistrano ${STAMPS[1]}\n`, `capistrano ${STAMPS[1]}\n`]);
    expect(SERVERS.map((i) => readFileSync(join(pathOf(i), 'current/var/uploads/photo'), 'utf8'))).toEqual([
      'photo of web1',
      'photo of web2',
    ]);
    expect(
      await shop.lockstep(['rollback', 'demo', '--to', (await past()).find(({ state }) => state === 'bad')?.id ?? '', '--wait']),
    ).toMatchObject({
      code: 0,
    });
    expect(pages()).toEqual(['lockstep one\n', 'lockstep one\n']);
  }, 120_000);

  test('keep all of Capistrano’s releases, however many deployments follow', async () => {
    for (const text of ['two', 'three', 'four']) {
      await shop.commit({ 'index.html': `lockstep ${text}\n` });
      await shop.push('HEAD:refs/heads/servers/demo');
      expect(await shop.lockstep(['deploy', 'demo', '--wait'])).toMatchObject({ code: 0 });
    }
    for (const i of SERVERS) {
      expect(releasesOf(i).filter((name) => !name.startsWith('shop_'))).toEqual(STAMPS);
      const pages = releasesOf(i).map((name) => readFileSync(join(pathOf(i), 'releases', name, 'index.html'), 'utf8'));
      expect(pages).not.toContain('lockstep one\n');
    }
    expect(await shop.lockstep(['rollback', 'demo', '--to', STAMPS[1]!, '--wait'])).toMatchObject({ code: 0 });
    expect(pages()).toEqual([`capistrano ${STAMPS[1]}\n`, `capistrano ${STAMPS[1]}\n`]);
  }, 120_000);
});

describe('two servers that somebody copied files to', () => {
  let shop: Workshop;

  const pathOf = (i: number): string => join(shop.dir, `servers/web${i}`);
  const pages = (): string[] => SERVERS.map((i) => readFileSync(join(pathOf(i), 'current/index.html'), 'utf8'));

  beforeAll(async () => {
    shop = await openWorkshop(({ dir, git }) =>
      oneCluster(
        'demo',
        git,
        {
          servers: localServers(dir, SERVERS),
          commands: { drain: 'cat index.html >>../drained', migrate: '! test -e fail', lock: '! test -e "../../refuses-$(cat fail-at)"' },
        },
        { branch: 'main' },
      ),
    );
    for (const i of SERVERS) {
      await mkdir(join(pathOf(i), 'current'), { recursive: true });
      await writeFile(join(pathOf(i), 'current/index.html'), `copied\n`);
    }
    await shop.start();
  });

  afterAll(() => shop.close());

  async function deploy(files: Record<string, string | null>): Promise<number> {
    await shop.commit(files);
    await shop.push('HEAD:refs/heads/main');
    return (await shop.lockstep(['deploy', 'demo', '--wait'])).code;
  }

  test('I13: serve on, byte by byte, while deployments fail before the switch', async () => {
    const before = await must('cp', ['-a', join(pathOf(1), 'current'), join(shop.dir, 'before')]);
    expect(before).toBe('');
    const readers = await Promise.all(SERVERS.map((i) => startReader(join(pathOf(i), 'current/index.html'))));
    await writeFile(join(pathOf(2), 'refuses-here'), '');
    // The lock command fails on web2, when web1 is locked and its directory has become a release.
    expect(await deploy({ 'index.html': 'one\n', 'fail-at': 'here' })).toBe(1);
    for (const reader of readers) expect(await reader.stop()).toMatchObject({ contents: ['copied\n'], errors: [] });
    for (const i of SERVERS) {
      expect(await must('diff', ['-r', join(shop.dir, 'before'), join(pathOf(i), 'current/')])).toBe('');
      expect(existsSync(join(pathOf(i), 'maintenance'))).toBe(false);
    }
  }, 120_000);

  test('are taken over without a moment of downtime, and go back together', async () => {
    const readers = await Promise.all(SERVERS.map((i) => startReader(join(pathOf(i), 'current/index.html'))));
    expect(await deploy({ 'index.html': 'two\n', 'fail-at': 'nowhere' })).toBe(0);
    for (const reader of readers) expect(await reader.stop()).toMatchObject({ contents: ['copied\n', 'two\n'], errors: [] });
    expect(await shop.lockstep(['rollback', 'demo', '--wait'])).toMatchObject({ code: 0 });
    expect(pages()).toEqual(['copied\n', 'copied\n']);
    expect(SERVERS.map((i) => readlinkSync(join(pathOf(i), 'current')))).toEqual(['releases/before-lockstep', 'releases/before-lockstep']);
  }, 120_000);
});
