// Drift: what somebody changed on a server by hand is found, named, told at the next deployment, and repaired without touching a live release.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { appendFile, mkdir, readFile, readlink, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DriftView } from '../../src/core/views.ts';
import { startSshd } from '../lab/sshd.ts';
import type { Sshd } from '../lab/sshd.ts';
import { until } from '../lab/until.ts';
import { difference, openWorkshop, untilLive } from '../lab/workshop.ts';
import type { Ran, Workshop } from '../lab/workshop.ts';

const SERVERS = [1, 2, 3];
const ADDRESSES = SERVERS.map((i) => `127.0.9.${i}`);

describe.each(['local', 'ssh'])('three %s servers', (kind) => {
  let sshd: Sshd | null = null;
  let shop: Workshop;

  beforeAll(async () => {
    if (kind === 'ssh') sshd = await startSshd({ addresses: ADDRESSES });
    shop = await openWorkshop(({ dir, git }) => ({
      project: 'shop',
      repositories: { shop: { type: 'git', url: git, poll: '1s' } },
      branches: [{ repository: 'shop', branch: 'servers/demo', clusters: ['demo'] }],
      clusters: {
        demo: {
          environment: 'test',
          shared: ['var/uploads/'],
          servers: SERVERS.map((i) => ({
            name: `web${i}`,
            path: join(dir, `servers/web${i}`),
            ...(sshd === null ? {} : { host: ADDRESSES[i - 1], port: sshd.port, user: sshd.user }),
          })),
          ...(sshd === null ? {} : { ssh: { identity: sshd.identity, knownHosts: sshd.knownHosts } }),
        },
      },
    }));
    await shop.start();
    await shop.lockstep(['hooks', 'install', shop.git]);
    const revision = await shop.commit({ 'index.html': 'one\n', 'lib/a.txt': 'a\n', 'lib/b.txt': 'b\n', 'a b/c -> d': 'x\n' });
    await shop.push('HEAD:servers/demo');
    await untilLive(shop, 'demo', revision);
  });

  afterAll(async () => {
    await shop.close();
    await sshd?.stop();
  });

  const pathOf = (i: number): string => join(shop.dir, `servers/web${i}`);
  const inCurrent = (i: number, path: string): string => join(pathOf(i), 'current', path);
  const drift = (...args: string[]): Promise<Ran> => shop.lockstep(['drift', ...args]);
  const repair = (): Promise<Ran> => shop.lockstep(['deploy', 'demo', '--force', '--wait']);

  async function expectRepaired(): Promise<void> {
    const { code, stdout } = await drift('demo');
    expect([code, stdout]).toEqual([0, expect.stringContaining('no drift')]);
    for (const i of SERVERS) expect(await difference(shop.tree, `${pathOf(i)}/current/`)).toMatch(/^(Only in .*: var\n)?$/);
    expect((await shop.status('demo')).drifted).toEqual([]);
  }

  test('that nobody has touched show no drift: exit 0', async () => {
    const { code, stdout } = await drift('demo');
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^✓ demo \(3 servers, shop_test_\S+\): no drift\n$/)]);
  });

  test('of which one has another byte in a file, with size and time as before: drift names server and file, exit 1; deploy --force repairs it', async () => {
    const file = inCurrent(2, 'lib/a.txt');
    const { mtime } = await stat(file);
    const damaged = await readlink(join(pathOf(2), 'current'));
    await writeFile(file, 'X\n');
    await utimes(file, mtime, mtime);
    const found = await drift('demo');
    expect([found.code, found.stdout]).toEqual([1, expect.stringContaining('  ✗ web2: changed lib/a.txt (content)\n')]);
    expect(found.stdout).toContain('lockstep deploy demo --force');
    expect((await shop.status('demo')).drifted).toMatchObject([{ server: 'web2', finding: 'changed lib/a.txt (content)' }]);
    expect((await shop.lockstep(['status', 'demo'])).stdout).toContain('DRIFTED: web2');

    expect((await repair()).code).toBe(0);
    await expectRepaired();
    // The release that was live was left as it was found, and another took its place.
    expect(await readFile(join(pathOf(2), damaged, 'lib/a.txt'), 'utf8')).toBe('X\n');
    expect(await readlink(join(pathOf(2), 'current'))).not.toBe(damaged);
    expect((await shop.json<{ releases: unknown[] }>('releases', 'demo')).releases).toHaveLength(1);
  });

  test('with added, changed and missing files: each is named; the same on two servers is one line', async () => {
    for (const i of [1, 3]) await rm(inCurrent(i, 'lib/b.txt'));
    await mkdir(inCurrent(1, 'tmp/deep'), { recursive: true });
    await writeFile(inCurrent(1, 'tmp/deep/x'), 'x');
    await writeFile(inCurrent(1, '\u001b[31mred'), 'x');
    await appendFile(inCurrent(1, 'a b/c -> d'), 'more\n');
    await rm(inCurrent(1, 'index.html'));
    await symlink('lib/a.txt', inCurrent(1, 'index.html'));
    const { code, stdout } = await drift('demo');
    expect(code).toBe(1);
    expect(stdout).toContain('  ✗ 2 servers (web1, web3): missing lib/b.txt\n');
    expect(stdout).toContain('  ✗ web1: added tmp/\n');
    expect(stdout).toContain('  ✗ web1: added \\x1b[31mred\n');
    expect(stdout).toContain('  ✗ web1: changed a b/c -> d (size 2 → 7)\n');
    expect(stdout).toContain('  ✗ web1: changed index.html (it is a link now)\n');
    expect(stdout).not.toContain('tmp/deep');
    const view = await shop.json<DriftView>('drift', 'demo');
    expect(view.servers.map(({ name, findings }) => [name, findings.length])).toEqual([
      ['web1', 5],
      ['web2', 0],
      ['web3', 1],
    ]);
    await repair();
    await expectRepaired();
  });

  test('whose `current` was moved by hand, or is gone: drift says where it should point', async () => {
    const right = await readlink(join(pathOf(1), 'current'));
    await rm(join(pathOf(1), 'current'));
    await rm(join(pathOf(2), 'current'));
    await symlink('/tmp', join(pathOf(2), 'current'));
    await rm(join(pathOf(3), '.lockstep', right));
    const { code, stdout } = await drift('demo');
    expect(code).toBe(1);
    expect(stdout).toContain(`web1: current is missing; it should point to ${right}`);
    expect(stdout).toContain(`web2: current points to /tmp, out of releases/; it should point to ${right}`);
    expect(stdout).toContain(`web3: the record of release ${right.slice(9)} in .lockstep/releases is missing`);
    await rm(join(pathOf(2), 'current'));
    await repair();
    await expectRepaired();
  });

  test('whose files changed: the next deployment warns, names them, and goes on', async () => {
    await appendFile(inCurrent(2, 'index.html'), 'by hand\n');
    const revision = await shop.commit({ 'lib/new.txt': 'new\n' });
    await shop.push('HEAD:servers/demo');
    const { deployment } = await untilLive(shop, 'demo', revision);
    const { servers } = await shop.show(deployment ?? 0);
    expect(servers.map(({ warning }) => warning)).toEqual([
      null,
      expect.stringMatching(/^files of the release that it served, shop_\S+, were changed by hand: changed index.html \(size 4 → 12\)$/),
      null,
    ]);
    await expectRepaired();
  });

  test('deployed with --drift refuse: nothing changes, and how to go on is said; with --drift save the file is set aside', async () => {
    await appendFile(inCurrent(2, 'lib/a.txt'), 'by hand\n');
    await writeFile(inCurrent(2, 'lib/added.txt'), 'added\n');
    const revision = await shop.commit({ 'lib/new.txt': 'newer\n' });
    const before = await readlink(join(pathOf(1), 'current'));
    const refused = await shop.lockstep(['deploy', 'demo', '--force', '--drift', 'refuse', '--wait']);
    expect(refused.code).toBe(1);
    expect(refused.stdout + refused.stderr).toMatch(
      /web2 refuses: files of the release .* changed lib\/a.txt .*, added lib\/added.txt.*--drift save/,
    );
    expect(await readlink(join(pathOf(1), 'current'))).toBe(before);
    expect(await readFile(inCurrent(2, 'lib/added.txt'), 'utf8')).toBe('added\n');

    await shop.push('HEAD:servers/demo');
    await untilLive(shop, 'demo', revision);
    await appendFile(inCurrent(2, 'lib/a.txt'), 'by hand again\n');
    await writeFile(inCurrent(2, 'lib/added.txt'), 'added again\n');
    const release = (await readlink(join(pathOf(2), 'current'))).slice('releases/'.length);
    const saving = await shop.lockstep(['deploy', 'demo', '--force', '--drift', 'save', '--wait']);
    expect(saving.code).toBe(0);
    const saved = join(pathOf(2), '.lockstep/saved', `${release}-1`);
    expect(readdirSync(join(pathOf(2), '.lockstep/saved'))).toEqual([`${release}-1`]);
    expect(await readFile(join(saved, 'lib/a.txt'), 'utf8')).toBe('a\nby hand again\n');
    expect(await readFile(join(saved, 'lib/added.txt'), 'utf8')).toBe('added again\n');
    expect(readdirSync(join(saved, 'lib'))).toEqual(['a.txt', 'added.txt']);
    expect(existsSync(join(pathOf(1), '.lockstep/saved'))).toBe(false);
    const { servers } = await shop.show((await shop.status('demo')).deployment ?? 0);
    expect(servers[1]?.warning).toContain(`the files as they were are in ${saved}`);
    await expectRepaired();
  });

  // What does not depend on the way to the server.
  if (kind === 'ssh') return;

  test('of which one has 200 new files: fifty are named, and how many more there are', async () => {
    for (let n = 0; n < 200; n++) await writeFile(inCurrent(1, `new${n}`), '');
    const { stdout } = await drift();
    expect(stdout.match(/added new/g)).toHaveLength(50);
    expect(stdout).toContain('  ✗ web1: and 150 more\n');
    await repair();
    await expectRepaired();
  });

  test('that are left locked or with the maintenance flag: drift says so', async () => {
    await writeFile(join(pathOf(3), 'maintenance'), '');
    expect((await drift('demo')).stdout).toContain('web3: the file maintenance is there although nothing is locked');
    await rm(join(pathOf(3), 'maintenance'));
    await expectRepaired();
  });

  test('of which one cannot be reached: exit 1, and the others are compared', async () => {
    await rm(join(pathOf(2), '.lockstep', 'releases'), { recursive: true });
    await writeFile(join(pathOf(2), '.lockstep', 'releases'), 'in the way');
    const { code, stdout } = await drift('demo');
    expect(code).toBe(1);
    expect(stdout).toMatch(/ {2}✗ web2: inspection of web2 failed/);
    await rm(join(pathOf(2), '.lockstep', 'releases'));
  });
});

test('without a daemon drift exits 3, and 2 when it is used wrongly', async () => {
  const shop = await openWorkshop(() => ({ project: 'shop', repositories: {}, branches: [], clusters: {} }));
  expect((await shop.lockstep(['drift'])).code).toBe(3);
  expect((await shop.lockstep(['drift', 'a', 'b'])).code).toBe(2);
  await shop.close();
});

describe('a daemon that looks every second', () => {
  let shop: Workshop;

  beforeAll(async () => {
    shop = await openWorkshop(({ dir, git }) => ({
      project: 'shop',
      repositories: { shop: { type: 'git', url: git, poll: '1s' } },
      branches: [
        { repository: 'shop', branch: 'servers/demo', clusters: ['demo'] },
        { repository: 'shop', branch: 'servers/many', clusters: ['many'] },
      ],
      clusters: {
        demo: {
          environment: 'test',
          drift: { check: '1s', onDeploy: 'refuse' },
          servers: SERVERS.map((i) => ({ name: `web${i}`, path: join(dir, `servers/web${i}`) })),
        },
        many: { transport: 'simulated', servers: ['web[1-1000]'], concurrency: 100, connections: 100, drift: { check: '1s' } },
      },
    }));
    await shop.start();
    const revision = await shop.commit({ 'index.html': 'one\n' });
    await shop.push('HEAD:servers/demo', 'HEAD:servers/many');
    await untilLive(shop, 'demo', revision);
    await untilLive(shop, 'many', revision, 60_000);
  });

  afterAll(() => shop.close());

  const marked = async (): Promise<string[]> => (await shop.status('demo')).drifted.map(({ server }) => server);
  const events = async (): Promise<string[]> => (await shop.log()).split('\n').filter((line) => /drift (on|any more)/.test(line));

  test('marks a server whose files changed, once, and takes the mark away when they are right again', async () => {
    const file = join(shop.dir, 'servers/web2/current/index.html');
    const { mtime } = await stat(file);
    await writeFile(file, 'changed\n');
    await until(async () => (await marked()).length > 0, { what: 'the mark appears' });
    expect(await shop.status('demo')).toMatchObject({
      drifted: [{ server: 'web2', finding: expect.stringContaining('lockstep drift demo') }],
    });
    expect((await metrics()).match(/lockstep_servers_drifted\{cluster="demo"\} (\d+)/)?.[1]).toBe('1');
    // Once another server has been marked by a later look, this one has been looked at again.
    await writeFile(join(shop.dir, 'servers/web3/current/added'), '');
    await until(async () => (await marked()).length === 2, { what: 'the second mark appears' });
    await until(async () => (await events()).length === 2, { what: 'both are logged' });

    await rm(join(shop.dir, 'servers/web3/current/added'));
    await writeFile(file, 'one\n');
    await utimes(file, mtime, mtime);
    await until(async () => (await marked()).length === 0, { what: 'the mark goes away' });
    // The daemon's log is written a moment after the event.
    await until(async () => (await events()).length >= 4, { what: 'both ends are logged' });
    expect(await events()).toHaveLength(4);
  });

  test('does not deploy where the cluster refuses, and rolls back all the same', async () => {
    const good = await shop.commit({ 'index.html': 'two\n' });
    await shop.push('HEAD:servers/demo');
    await untilLive(shop, 'demo', good);
    await writeFile(join(shop.dir, 'servers/web1/current/index.html'), 'by hand\n');
    await shop.commit({ 'index.html': 'three\n' });
    await shop.push('HEAD:servers/demo');
    const isOver = async (): Promise<boolean> =>
      (await shop.json<{ deployments: { result: string }[] }>('history', 'demo')).deployments[0]?.result === 'failed';
    await until(isOver, { what: 'the deployment fails' });
    expect((await shop.status('demo')).release?.revision).toBe(good);
    const { code } = await shop.lockstep(['rollback', 'demo', '--wait']);
    expect(code).toBe(0);
    await until(async () => (await marked()).length === 0, { what: 'the mark has gone' });
    expect((await shop.lockstep(['drift', 'demo'])).code).toBe(0);
  });

  test('compares 1,000 servers in a few seconds', async () => {
    const begun = Date.now();
    const view = await shop.json<DriftView>('drift', 'many');
    expect(view).toMatchObject({ drift: false, skipped: null });
    expect(view.servers).toHaveLength(1000);
    expect(Date.now() - begun).toBeLessThan(6_000);
  });

  async function metrics(): Promise<string> {
    const token = (await readFile(join(shop.data, 'token'), 'utf8')).trim();
    return (await fetch(`${shop.url}/metrics`, { headers: { authorization: `Bearer ${token}` } })).text();
  }
});
