// Verification: a release that is not well never stays, and where the web server allows it, users never meet it.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeploymentView } from '../../src/core/views.ts';
import { localServers, oneCluster } from '../lab/configuration.ts';
import { until } from '../lab/until.ts';
import { openWorkshop, untilLive } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';

const SERVERS = [1, 2, 3, 4, 5];

describe('a cluster of five servers with checks at every moment', () => {
  let shop: Workshop;
  let site: Server;
  /** What the application says, by path; it reads the files of the release, as one would. */
  let answers: Record<string, { status?: number; body?: string; delayMs?: number }> = {};
  let asked: { path: string; host: string; locked: boolean }[] = [];
  let good = '';

  beforeAll(async () => {
    site = createServer((request, response) => {
      const [, name = '', link = ''] = /^\/([^/]*)\/([^/?]*)/.exec(request.url ?? '') ?? [];
      const root = join(shop.dir, 'servers', name);
      asked.push({ path: request.url ?? '', host: request.headers.host ?? '', locked: existsSync(join(root, 'maintenance')) });
      const { status = 200, body, delayMs = 0 } = answers[request.url ?? ''] ?? {};
      setTimeout(() => {
        const page = (): string => readFileSync(join(root, link, 'index.html'), 'utf8');
        response.writeHead(status, { 'x-app': 'shop' }).end(body ?? (link === '' ? 'the site' : page()));
      }, delayMs);
    });
    await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
    const address = `127.0.0.1:${(site.address() as AddressInfo).port}`;
    shop = await openWorkshop(({ dir, git }) =>
      oneCluster('demo', git, {
        servers: localServers(dir, SERVERS),
        commands: {
          drain: `echo drain >>${dir}/balancer.$LOCKSTEP_SERVER`,
          readd: `echo readd >>${dir}/balancer.$LOCKSTEP_SERVER`,
          install: `cp index.html ${dir}/installed.$LOCKSTEP_SERVER`,
        },
        verify: {
          http: [
            { url: 'http://www.example.org/{server}/next/warm', address, when: 'before-switch', times: 3 },
            { url: 'http://www.example.org/{server}/current/probe', address, when: 'before-unlock', headers: { 'X-App': 'shop' } },
            { url: 'http://www.example.org/{server}/current/health', address, body: 'good', latency: '900ms' },
          ],
          cluster: [{ url: 'http://www.example.org/', address }],
          heartbeat: `! grep -qx "$LOCKSTEP_SERVER beat" ${dir}/fail`,
          timeout: '1s',
          watch: '1s',
          log: 'shared/app.log',
        },
      }),
    );
    await writeFile(join(shop.dir, 'fail'), '');
    for (const i of SERVERS) {
      await mkdir(join(shop.dir, `servers/web${i}/shared`), { recursive: true });
      await writeFile(join(shop.dir, `servers/web${i}/shared/app.log`), `web${i}: the database is gone\n`);
    }
    await shop.start();
    await shop.lockstep(['hooks', 'install', shop.git]);
    good = await shop.commit({ 'index.html': 'good\n' });
    await shop.push('HEAD:servers/demo');
    await untilLive(shop, 'demo', good);
  });

  afterAll(async () => {
    await shop.close();
    await new Promise((resolve) => site.close(resolve));
  });

  const fileOf = (name: string): Promise<string> => readFile(join(shop.dir, name), 'utf8');

  async function deployed(files: Record<string, string>): Promise<DeploymentView> {
    const before = (await shop.status('demo')).deployment;
    asked = [];
    await shop.commit(files);
    await shop.push('HEAD:servers/demo');
    const number = await until(
      async () => {
        const view = await shop.status('demo');
        return view.deployment !== before && view.state === 'idle' ? view.deployment : null;
      },
      { what: 'the deployment ends', timeoutMs: 50_000 },
    );
    return shop.show(number);
  }

  /** What the unlocked servers serve, all looked at within a moment; `end` gives what was seen, in order, without repetitions. */
  function watchAll(): { end: () => string[][] } {
    const seen: string[][] = [];
    const look = (): void => {
      const pages = SERVERS.flatMap((i) => {
        const root = join(shop.dir, `servers/web${i}`);
        const page = readFileSync(join(root, 'current/index.html'), 'utf8');
        return existsSync(join(root, 'maintenance')) ? [] : [page];
      });
      const now = [...new Set(pages)].sort();
      if (now.length > 0 && JSON.stringify(seen.at(-1)) !== JSON.stringify(now)) seen.push(now);
    };
    const timer = setInterval(look, 3);
    return {
      end: () => {
        clearInterval(timer);
        return seen;
      },
    };
  }

  async function expectUnchanged(): Promise<void> {
    for (const i of SERVERS) {
      expect(await fileOf(`servers/web${i}/current/index.html`)).toBe('good\n');
      expect(await fileOf(`installed.web${i}`)).toBe('good\n');
      expect((await fileOf(`balancer.web${i}`)).trim().split('\n').at(-1)).toBe('readd');
      expect(existsSync(join(shop.dir, `servers/web${i}/maintenance`))).toBe(false);
    }
    expect((await shop.status('demo')).release?.revision).toBe(good);
  }

  test('is asked before the switch, behind the maintenance page, and when users are back, at the address that is configured', async () => {
    const revision = await shop.commit({ 'index.html': 'good\n', 'more.txt': 'more\n' });
    asked = [];
    await shop.push('HEAD:servers/demo');
    await untilLive(shop, 'demo', revision);
    good = revision;
    const of = (path: string): typeof asked => asked.filter((one) => one.path === path);
    for (const i of SERVERS) {
      expect(of(`/web${i}/next/warm`)).toHaveLength(3);
      expect(of(`/web${i}/next/warm`).every(({ locked }) => !locked)).toBe(true);
      expect(of(`/web${i}/current/probe`).map(({ locked }) => locked)).toEqual([true]);
      expect(of(`/web${i}/current/health`).length).toBeGreaterThan(1);
      expect(of(`/web${i}/current/health`).every(({ locked, host }) => !locked && host === 'www.example.org')).toBe(true);
      expect(await fileOf(`balancer.web${i}`)).toBe('drain\nreadd\ndrain\nreadd\n');
    }
    expect(of('/')).toHaveLength(1);
  });

  test('that is unwell before the switch is not touched', async () => {
    answers = { '/web4/next/warm': { status: 503, body: 'cannot compile' } };
    const view = await deployed({ 'index.html': 'bad\n' });
    answers = {};
    expect(view).toMatchObject({
      result: 'failed',
      problem: { message: expect.stringMatching(/verification of web4 failed: .*answered 503, expected 200/) },
    });
    expect(view.steps.find(({ step }) => step === 'lock')?.state).toBe('skipped');
    await expectUnchanged();
  });

  test('that is unwell behind the maintenance page goes back, and users never meet the release', async () => {
    answers = { '/web2/current/probe': { status: 500, body: 'half of it is missing' } };
    const view = await deployed({ 'index.html': 'bad\n' });
    answers = {};
    expect(view).toMatchObject({ result: 'rolled-back', problem: { message: expect.stringMatching(/verification of web2 failed/) } });
    expect(asked.some(({ path }) => path.endsWith('/current/health'))).toBe(false);
    expect(view.steps.find(({ step }) => step === 'verify')?.state).toBe('skipped');
    await expectUnchanged();
  });

  test('of which one answers 500 after the switch is back on all five, with its answer and the end of its log in the record', async () => {
    answers = { '/web3/current/health': { status: 500, body: 'Fatal error: no such table' } };
    const visitors = watchAll();
    const view = await deployed({ 'index.html': 'good but bad\n' });
    // Whoever was let in met one and the same release everywhere; the others met the maintenance page.
    expect(visitors.end()).toEqual([['good\n'], ['good but bad\n'], ['good\n']]);
    answers = {};
    expect(view.result).toBe('rolled-back');
    expect(view.problem?.detail).toMatch(/Fatal error: no such table[^]*the end of shared\/app.log[^]*web3: the database is gone/);
    await expectUnchanged();
    const { releases } = await shop.json<{ releases: { state: string; reason: string | null }[] }>('releases', 'demo');
    expect(releases.map(({ state }) => state)).toEqual(['live', 'good', 'bad', 'bad', 'failed']);
  });

  test.each([
    ['a body without the text', { body: 'something else' }, /does not hold "good"/],
    ['a late answer', { delayMs: 950 }, /took \d+ ms, at most 900 ms|could not be fetched/],
  ])('is unwell with %s', async (_, answer, reason) => {
    answers = { '/web1/current/health': answer };
    const view = await deployed({ 'index.html': `good ${String(reason)}\n` });
    answers = {};
    expect(view.result).toBe('rolled-back');
    expect(view.problem?.message).toMatch(reason);
    await expectUnchanged();
  });

  test('is unwell when its heartbeat stops within the time that it is watched, or the site as a whole does not answer', async () => {
    const heartbeat = deployed({ 'index.html': 'good for a while\n' });
    await until(() => asked.some(({ path }) => path === '/web5/current/health'), {
      what: 'the first checks have passed',
      timeoutMs: 30_000,
    });
    await writeFile(join(shop.dir, 'fail'), 'web5 beat\n');
    const view = await heartbeat;
    await writeFile(join(shop.dir, 'fail'), '');
    expect(view).toMatchObject({ result: 'rolled-back', problem: { message: expect.stringMatching(/heartbeat on web5 failed/) } });
    await expectUnchanged();
    answers = { '/': { status: 502 } };
    const site = await deployed({ 'index.html': 'good alone\n' });
    answers = {};
    expect(site).toMatchObject({
      result: 'rolled-back',
      problem: { message: expect.stringMatching(/verification of demo failed: .*502/) },
    });
    await expectUnchanged();
  });

  test('does not turn round again when the release that it goes back to is unwell, and a new one is not held up by that', async () => {
    answers = Object.fromEntries(SERVERS.map((i) => [`/web${i}/current/health`, { status: 500 }]));
    const { code } = await shop.lockstep(['rollback', 'demo', '--wait']);
    expect(code).toBe(1);
    const status = await shop.status('demo');
    const view = await shop.show(status.deployment ?? 0);
    expect(view).toMatchObject({
      purpose: 'roll-back',
      result: 'failed',
      problem: { message: expect.stringMatching(/verification of web\d failed/) },
    });
    expect(view.steps.some(({ direction }) => direction === 'back')).toBe(false);
    expect(status.release?.id).toBe(view.release);
    answers = {};
    const revision = await shop.commit({ 'index.html': 'good again\n' });
    await shop.push('HEAD:servers/demo');
    await untilLive(shop, 'demo', revision);
  });
});
