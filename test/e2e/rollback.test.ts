// Rolling back: to the last good release before the live one, in seconds, by the record of what was live, on all servers or none.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFile, readdir, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { PastReleaseView } from '../../src/core/views.ts';
import { until } from '../lab/until.ts';
import { must, openWorkshop, untilLive } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';

const SERVERS = [1, 2, 3];

describe('a cluster of three servers', () => {
  let shop: Workshop;
  const revisions: string[] = [];

  beforeAll(async () => {
    shop = await openWorkshop(({ dir, git }) => ({
      project: 'shop',
      repositories: { shop: { type: 'git', url: git, poll: '1s' } },
      branches: [{ repository: 'shop', branch: 'servers/demo', clusters: ['demo'] }],
      clusters: {
        demo: {
          environment: 'test',
          servers: SERVERS.map((i) => ({ name: `web${i}`, path: join(dir, `servers/web${i}`) })),
          commands: { migrate: `! test -e fail` },
          keep: 2,
        },
      },
    }));
    await shop.start();
    await shop.lockstep(['hooks', 'install', shop.git]);
  });

  afterAll(() => shop.close());

  const pathOf = (i: number): string => join(shop.dir, `servers/web${i}`);
  const pages = (): Promise<string[]> => Promise.all(SERVERS.map((i) => readFile(join(pathOf(i), 'current/index.html'), 'utf8')));
  const past = async (): Promise<PastReleaseView[]> => (await shop.json<{ releases: PastReleaseView[] }>('releases', 'demo')).releases;

  async function push(files: Record<string, string | null>): Promise<string> {
    const before = (await shop.status('demo')).deployment;
    const revision = await shop.commit(files);
    await shop.push('HEAD:servers/demo');
    const isOver = async (): Promise<boolean> => {
      const view = await shop.status('demo');
      return view.deployment !== before && view.state === 'idle';
    };
    await until(isOver, { what: 'the deployment ends' });
    return revision;
  }

  test('that has one release only is not rolled back: exit 1, nothing changed', async () => {
    const nothing = await shop.lockstep(['rollback', 'demo']);
    expect([nothing.code, nothing.stderr]).toEqual([1, expect.stringContaining('no earlier good release')]);
    revisions.push(await push({ 'index.html': 'one\n' }));
    const { code, stderr } = await shop.lockstep(['rollback', 'demo', '--wait']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('nothing was changed')]);
    expect(await pages()).toEqual(['one\n', 'one\n', 'one\n']);
  });

  test('after good, good, failed, failed goes back to the last good one before the live one, whatever the times of directories', async () => {
    revisions.push(await push({ 'index.html': 'two\n' }));
    await push({ 'index.html': 'bad\n', fail: 'x' });
    await push({ 'index.html': 'worse\n', fail: 'x' });
    expect(await pages()).toEqual(['two\n', 'two\n', 'two\n']);
    for (const i of SERVERS) {
      const releases = (await readdir(join(pathOf(i), 'releases'))).map((name) => join(pathOf(i), 'releases', name));
      // On one server all times are equal, on the next the newest release looks like the oldest.
      await must('touch', ['-d', '2020-01-01', ...releases]);
      if (i === 2) for (const [k, release] of releases.sort().entries()) await must('touch', ['-d', `2020-01-${20 - k}`, release]);
    }
    const begun = Date.now();
    const { code } = await shop.lockstep(['rollback', 'demo', '--wait']);
    expect(code).toBe(0);
    expect(Date.now() - begun).toBeLessThan(10_000);
    expect(await pages()).toEqual(['one\n', 'one\n', 'one\n']);
    expect((await past()).map(({ state, revision, present }) => [state, revision, present])).toEqual([
      ['live', revisions[0], 3],
      ['bad', revisions[1], 3],
      ['failed', expect.any(String), 3],
      ['failed', expect.any(String), 0],
    ]);
  });

  test('is held then: polls, a restart and the same head again do not bring the bad release back; a newer commit does go on', async () => {
    expect((await shop.status('demo')).held).toMatch(/rolled back from shop_test_/);
    await shop.push(`${revisions[1]}:refs/heads/servers/demo`);
    await shop.stop();
    await shop.start();
    const said = await shop.lockstep(['deploy', 'demo']);
    expect(said.stdout).toContain('held');
    expect(await pages()).toEqual(['one\n', 'one\n', 'one\n']);
    const again = await shop.lockstep(['rollback', 'demo']);
    expect(again.code).toBe(1);
    revisions.push(await push({ 'index.html': 'three\n', fail: null }));
    const status = await untilLive(shop, 'demo', revisions[2] ?? '');
    expect(status.held).toBeNull();
  });

  test('goes to the release that is named, bad or not, and the hold can be released', async () => {
    const { code } = await shop.lockstep(['rollback', 'demo', '--to', (revisions[1] ?? '').slice(0, 10), '--wait']);
    expect(code).toBe(0);
    expect(await pages()).toEqual(['two\n', 'two\n', 'two\n']);
    expect((await shop.lockstep(['release-hold', 'demo'])).code).toBe(0);
    expect((await shop.status('demo')).held).toBeNull();
    expect((await shop.lockstep(['deploy', 'demo', '--wait'])).code).toBe(0);
    expect(await pages()).toEqual(['three\n', 'three\n', 'three\n']);
    expect((await shop.lockstep(['rollback', 'demo', '--to', 'nonsense'])).code).toBe(1);
  });

  test('whose server has a damaged copy of the release gets it again before any server is touched', async () => {
    const target = (await past()).find(({ state }) => state === 'good')?.id ?? '';
    const file = join(pathOf(3), 'releases', target, 'index.html');
    const text = await readFile(file, 'utf8');
    // The same size and time: only the content tells.
    await must('sh', [
      '-c',
      `cp -p "$1" "$1.x" && printf '%s' "$2" >"$1.x" && touch -r "$1" "$1.x" && mv "$1.x" "$1"`,
      'sh',
      file,
      text.replace(/./, 'X'),
    ]);
    const { code } = await shop.lockstep(['rollback', 'demo', '--to', target, '--wait']);
    expect(code).toBe(0);
    expect(await pages()).toEqual([text, text, text]);
    const { servers } = await shop.show((await shop.status('demo')).deployment ?? 0);
    expect(servers.map(({ carrier }) => carrier)).toEqual(['present', 'present', expect.stringMatching(/delta|full/)]);
  });

  test('whose server has lost the release gets it again before any server is touched; without repository', async () => {
    const target = (await past()).find(({ state }) => state === 'good')?.id ?? '';
    await rm(join(pathOf(2), 'releases', target), { recursive: true, force: true });
    await must('mv', [shop.git, `${shop.git}.away`]);
    const { code } = await shop.lockstep(['rollback', 'demo', '--emergency', '--wait']);
    await must('mv', [`${shop.git}.away`, shop.git]);
    expect(code).toBe(0);
    for (const i of SERVERS) expect(await readlink(join(pathOf(i), 'current'))).toBe(`releases/${target}`);
    expect(new Set(await pages()).size).toBe(1);
    const number = (await shop.status('demo')).deployment ?? 0;
    expect((await shop.show(number)).steps.find(({ step }) => step === 'lock')?.state).toBe('skipped');
  });
});
