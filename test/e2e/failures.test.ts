// Failures: whatever goes wrong, all servers end on one release, unlocked, and the record says why.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeploymentView } from '../../src/core/views.ts';
import { until } from '../lab/until.ts';
import { must, openWorkshop, run, untilLive } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';

const SERVERS = [1, 2, 3];

describe('a deployment to three servers', () => {
  let shop: Workshop;
  let health: Server;
  let answers: Record<string, number> = {};
  let good = '';

  beforeAll(async () => {
    health = createServer((request, response) => {
      response.writeHead(answers[request.url ?? ''] ?? 200).end(`health of ${request.url}: all I can say`);
    });
    await new Promise<void>((resolve) => health.listen(0, '127.0.0.1', resolve));
    const { port } = health.address() as AddressInfo;
    shop = await openWorkshop(({ dir, git }) => ({
      project: 'shop',
      repositories: { shop: { type: 'git', url: git } },
      branches: [
        { repository: 'shop', branch: 'servers/demo', clusters: ['demo'], build: { command: 'sh build.sh', timeout: '5s' } },
        { repository: 'shop', branch: 'servers/tolerant', clusters: ['tolerant'] },
      ],
      clusters: {
        demo: {
          environment: 'test',
          servers: SERVERS.map((i) => ({ name: `web${i}`, path: join(dir, `servers/web${i}`) })),
          maintenance: { botsTimeout: '1s', lockTimeout: '20s' },
          commands: {
            lock: `! grep -qx "$LOCKSTEP_SERVER lock" ${dir}/fail`,
            migrate: `! grep -qx migrate ${dir}/fail`,
            flush: `! grep -qx "$LOCKSTEP_SERVER flush" ${dir}/fail`,
          },
          verify: { http: [`http://127.0.0.1:${port}/{server}`], timeout: '1s' },
        },
        tolerant: {
          environment: 'test',
          maxFailures: 1,
          servers: SERVERS.map((i) => ({ name: `t${i}`, path: join(dir, `servers/t${i}`) })),
        },
      },
    }));
    await writeFile(join(shop.dir, 'fail'), '');
    await shop.start();
    await shop.lockstep(['hooks', 'install', shop.git]);
    good = await shop.commit({ 'build.sh': 'true\n', 'index.html': 'good\n' }, 'Good');
    await shop.push('HEAD:servers/demo');
    await untilLive(shop, 'demo', good);
  });

  afterAll(async () => {
    await shop.close();
    await new Promise((resolve) => health.close(resolve));
  });

  const pathOf = (name: string): string => join(shop.dir, 'servers', name);

  async function deployed(files: Record<string, string>, branch = 'servers/demo', cluster = 'demo'): Promise<DeploymentView> {
    const before = (await shop.status(cluster)).deployment;
    await shop.commit(files);
    await shop.push(`HEAD:${branch}`);
    const number = await until(
      async () => {
        const view = await shop.status(cluster);
        return view.deployment !== before && view.state === 'idle' ? view.deployment : null;
      },
      { what: `a deployment of ${cluster} ends`, timeoutMs: 50_000 },
    );
    return shop.show(number);
  }

  /** I1, I13: all servers serve the good release, whole and unlocked. */
  async function expectUnchanged(): Promise<void> {
    for (const i of SERVERS) {
      expect(await readFile(join(pathOf(`web${i}`), 'current/index.html'), 'utf8')).toBe('good\n');
      expect((await run('test', ['-e', join(pathOf(`web${i}`), 'maintenance')])).code).toBe(1);
    }
    const status = await shop.status('demo');
    expect(status.release?.revision).toBe(good);
  }

  test('I13: whose build fails touches no server and says what the build said', async () => {
    const view = await deployed({ 'build.sh': 'echo the compiler is unhappy; exit 3\n', 'index.html': 'bad\n' });
    expect(view).toMatchObject({ result: 'failed', state: 'ended' });
    expect(view.reason).toMatch(/build of shop .* failed: exited 3 .*the compiler is unhappy/);
    expect(view.steps.find(({ step }) => step === 'schedule')?.state).toBe('skipped');
    await expectUnchanged();
    expect((await shop.lockstep(['logs', String(view.number)])).stdout).toContain('the compiler is unhappy');
  });

  test('whose build hangs, with children that run away, is ended at its time limit and leaves no process', async () => {
    const view = await deployed({ 'build.sh': 'sleep 987654 & (setsid sleep 987654 &) ; sleep 987654\n' });
    expect(view.reason).toMatch(/took longer|time limit|timed out/);
    expect((await run('pgrep', ['-f', 'sleep 98765[4]'])).stdout).toBe('');
    await expectUnchanged();
  });

  test('I13: with a server that cannot take the release fails before the lock; the others are not touched', async () => {
    await rm(pathOf('web2'), { recursive: true });
    await writeFile(pathOf('web2'), 'a file where the directory should be\n');
    const view = await deployed({ 'build.sh': 'true\n', 'index.html': 'bad\n' });
    expect(view.result).toBe('failed');
    expect(view.reason).toContain('web2');
    expect(view.steps.find(({ step }) => step === 'lock')?.state).toBe('skipped');
    await rm(pathOf('web2'));
    const { code } = await shop.lockstep(['deploy', 'demo', '--revision', good, '--force', '--wait']);
    expect(code).toBe(0);
    await expectUnchanged();
  });

  test('of which one server fails to lock unlocks the others; all keep what they serve', async () => {
    await writeFile(join(shop.dir, 'fail'), 'web3 lock\n');
    const view = await deployed({ 'index.html': 'bad\n' });
    await writeFile(join(shop.dir, 'fail'), '');
    expect(view.result).toBe('failed');
    expect(view.reason).toMatch(/lock on web3 failed: .* exited 1/);
    expect(view.steps.filter(({ direction }) => direction === 'back').map(({ step }) => step)).toContain('unlock');
    await expectUnchanged();
  });

  test('whose migration fails takes all servers back to what they served', async () => {
    await writeFile(join(shop.dir, 'fail'), 'migrate\n');
    const view = await deployed({ 'index.html': 'bad\n' });
    await writeFile(join(shop.dir, 'fail'), '');
    expect(view.result).toBe('failed');
    expect(view.reason).toMatch(/migrate on web1 failed: .* exited 1/);
    await expectUnchanged();
  });

  test('that verification finds unwell on one server takes all servers back, with the unwell server’s answer in the record', async () => {
    answers = { '/web2': 500 };
    const view = await deployed({ 'index.html': 'bad\n' });
    answers = {};
    expect(view.result).toBe('rolled-back');
    expect(view.problem?.message).toMatch(/verification of web2 failed: .* answered 500, expected 200/);
    expect(view.problem?.detail).toContain('all I can say');
    await expectUnchanged();
  });

  test('waits for a bot that holds the shared lock, and gives up without a change when it does not end', async () => {
    const bot = run(join(pathOf('web1'), '.lockstep/with-lock'), ['sleep', '4']);
    const view = await deployed({ 'index.html': 'bad\n' });
    expect(view.result).toBe('failed');
    expect(view.reason).toMatch(/lock of web1 failed: .*bot/);
    await bot;
    await expectUnchanged();
    await must('touch', [join(pathOf('web1'), 'maintenance')]);
    expect((await run(join(pathOf('web1'), '.lockstep/with-lock'), ['true'])).code).toBe(75);
    await rm(join(pathOf('web1'), 'maintenance'));
  });

  test('whose cache flush fails on one server is reported as failed, while all servers serve the new release', async () => {
    await writeFile(join(shop.dir, 'fail'), 'web3 flush\n');
    const view = await deployed({ 'index.html': 'good\n', 'flush.txt': 'new\n' });
    await writeFile(join(shop.dir, 'fail'), '');
    expect(view.result).toBe('failed');
    expect(view.reason).toMatch(/flush on web3 failed/);
    good = view.revision;
    await expectUnchanged();
    expect(new Set(await Promise.all(SERVERS.map((i) => readlink(join(pathOf(`web${i}`), 'current'))))).size).toBe(1);
  });

  test('within the failure budget goes on without the server that fails, and shows it as left out', async () => {
    await mkdir(join(shop.dir, 'servers'), { recursive: true });
    await writeFile(pathOf('t2'), 'not a directory\n');
    const view = await deployed({ 'index.html': 'tolerated\n' }, 'servers/tolerant', 'tolerant');
    expect(view.result).toBe('done');
    expect(view.servers.map(({ state }) => state)).toEqual(['live', expect.stringMatching(/behind|unreachable/), 'live']);
    expect(await readFile(join(pathOf('t3'), 'current/index.html'), 'utf8')).toBe('tolerated\n');
  });
});
