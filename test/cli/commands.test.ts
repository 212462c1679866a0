// Every command: what it asks of the daemon, what it prints as text and as JSON, and its exit code.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeployError } from '../../src/core/errors.ts';
import { clusterView, deploymentView, endedView, overviewView, planView, run, startStandIn } from './stand-in.ts';
import type { StandIn } from './stand-in.ts';

let daemon: StandIn;

beforeEach(async () => {
  daemon = await startStandIn();
});

afterEach(() => daemon.stop());

const answer = (route: string, json: unknown, status = 200): unknown => daemon.answers.set(route, { json, status });

describe('requests', () => {
  test.each([
    { argv: ['deploy', 'production'], path: '/api/v1/clusters/production/deploy', body: { force: false } },
    {
      argv: ['deploy', 'production', '--revision', '1a2b3c4', '--force'],
      path: '/api/v1/clusters/production/deploy',
      body: { revision: '1a2b3c4', force: true },
    },
    { argv: ['lock', 'production', '--reason', 'moving'], path: '/api/v1/clusters/production/lock', body: { reason: 'moving' } },
    { argv: ['unlock', 'a b/c?'], path: '/api/v1/clusters/a%20b%2Fc%3F/unlock', body: {} },
    { argv: ['abort', '42'], path: '/api/v1/deployments/42/abort', body: {} },
    { argv: ['migration', 'mark-done', '42'], path: '/api/v1/deployments/42/migration', body: { done: true } },
    { argv: ['migration', 'mark-not-done', '42'], path: '/api/v1/deployments/42/migration', body: { done: false } },
  ])('$argv sends the request with the token and the name of who asks, and prints the answer', async ({ argv, path, body }) => {
    answer(`POST ${path}`, { message: 'It was accepted.', deployment: null }, 202);
    const text = await run(argv, { url: daemon.url, env: { SUDO_USER: 'ann' } });
    expect(text).toEqual({ exit: 0, stdout: 'It was accepted.\n', stderr: '' });
    expect(daemon.requests).toEqual([
      { method: 'POST', path, body: { ...body, by: 'ann' }, authorization: 'Bearer sesame-sesame-sesame', lastEventId: undefined },
    ]);
    const json = await run(['--json', ...argv], { url: daemon.url });
    expect(JSON.parse(json.stdout)).toEqual({ message: 'It was accepted.', deployment: null });
  });

  test('deploy without --wait says how to follow the deployment', async () => {
    answer('POST /api/v1/clusters/production/deploy', { message: 'Deployment 42 begins.', deployment: 42 }, 202);
    const { exit, stdout } = await run(['deploy', 'production'], { url: daemon.url });
    expect(exit).toBe(0);
    expect(stdout).toBe('Deployment 42 begins.\nFollow it: lockstep wait 42\n');
  });

  test('the token comes from the token file of the data directory when LOCKSTEP_TOKEN is not set', async () => {
    const data = await mkdtemp(join(tmpdir(), 'lockstep-cli-'));
    try {
      await writeFile(join(data, 'token'), 'from-the-file\n');
      answer('GET /api/v1/clusters', overviewView([]));
      await run(['status', '--data', data, '--url', daemon.url], { env: { LOCKSTEP_TOKEN: '' } });
      expect(daemon.requests[0]?.authorization).toBe('Bearer from-the-file');
    } finally {
      await rm(data, { recursive: true });
    }
  });
});

describe('looking', () => {
  test('every looking command prints the document of the API with --json, wherever the option stands', async () => {
    const overview = overviewView([clusterView('production')]);
    const plan = planView();
    const view = endedView();
    answer('GET /api/v1/clusters', overview);
    answer('GET /api/v1/clusters/production', overview.clusters[0]);
    answer('GET /api/v1/clusters/production/plan', plan);
    answer('GET /api/v1/clusters/production/plan?revision=r+1', plan);
    answer('GET /api/v1/deployments/42', view);
    answer('GET /api/v1/deployments?limit=20', { deployments: [view] });
    answer('GET /api/v1/deployments?limit=2&cluster=production', { deployments: [view] });
    const cases: [string[], unknown][] = [
      [['status', '--json'], overview],
      [['--json', 'status', 'production'], overview.clusters[0]],
      [['plan', '--json', 'production'], plan],
      [['plan', 'production', '--revision', 'r 1', '--json'], plan],
      [['show', '42', '--json'], view],
      [['wait', '42', '--json'], view],
      [['history', '--json'], { deployments: [view] }],
      [['history', 'production', '--limit', '2', '--json'], { deployments: [view] }],
      [['servers', '--json'], { servers: overview.clusters[0]!.servers.map((server) => ({ cluster: 'production', ...server })) }],
    ];
    for (const [argv, document] of cases) {
      const { exit, stdout, stderr } = await run(argv, { url: daemon.url });
      expect({ argv, exit, stderr, document: JSON.parse(stdout) as unknown }).toEqual({ argv, exit: 0, stderr: '', document });
    }
  });

  test('status groups clusters by environment, the broken and the moving first, with marks and the problem of the configuration', async () => {
    const clusters = [
      clusterView('zebra'),
      clusterView('held', { held: 'verification failed', locked: 'ann: moving the database' }),
      clusterView('moving', { state: 'uploading', deployment: 43, waiting: 44 }),
      clusterView('broken', { servers: [{ name: 'web1', state: 'unreachable', release: null, error: 'no route' }] }),
      clusterView('fresh', { environment: 'development', release: null, deployment: null }),
    ];
    answer('GET /api/v1/clusters', overviewView(clusters, { configurationProblem: 'clusters.demo.servers: at least one' }));
    const { stdout } = await run(['status'], { url: daemon.url });
    const lines = stdout.split('\n');
    expect(lines.slice(0, 2)).toEqual([
      '! The configuration is not valid; the older one is in force:',
      '  clusters.demo.servers: at least one',
    ]);
    const order = ['production', 'broken', 'moving', 'held', 'zebra', 'development', 'fresh'];
    const found = lines.flatMap((line) => order.filter((name) => line.trim() === name || line.startsWith(`  ${name} `)));
    expect(found).toEqual(order);
    const row = (name: string): string => lines.find((line) => line.startsWith(`  ${name} `)) ?? '';
    expect(row('broken')).toMatch(/✗ failed +0\/1/);
    expect(row('moving')).toMatch(/▸ uploading +3\/3 +1a2b3c4 +Ann Lee +2 h ago +43 runs, 44 waits$/);
    expect(row('held')).toContain('LOCKED by ann: moving the database · HELD: verification failed');
    expect(row('zebra')).toMatch(/✓ live/);
    expect(row('fresh')).toContain('· nothing deployed');
  });

  test('status of a cluster tells the same failure of many servers in one line', async () => {
    const servers = Array.from({ length: 900 }, (_, i) => ({
      name: `web${i}`,
      state: 'failed' as const,
      release: 'old',
      error: `upload to web${i} failed: rsync exited 12 after ${i} s`,
    }));
    answer('GET /api/v1/clusters/production', clusterView('production', { servers }));
    const { stdout } = await run(['status', 'production'], { url: daemon.url });
    expect(stdout).toContain('  ✗ 900 servers (web0, web1, web2, …): upload to web0 failed: rsync exited 12 after 0 s\n');
    expect(stdout.match(/✗ 900 servers/g)).toHaveLength(1);
  });

  test('show prints steps with times, servers by state, failures and warnings', async () => {
    const view = endedView({
      result: 'failed',
      problem: { code: 'command', message: 'upload to web2 failed: rsync exited 12.', detail: 'last words' },
    });
    view.servers[1] = { ...view.servers[1]!, state: 'failed', error: 'rsync exited 12' };
    view.servers[0] = { ...view.servers[0]!, state: 'live', warning: 'an old release could not be removed' };
    answer('GET /api/v1/deployments/42', view);
    const { stdout } = await run(['show', '42'], { url: daemon.url });
    expect(stdout).toMatch(/^deployment 42 production ← servers\/production 1a2b3c4 “Fix the cart” by Ann Lee\n {2}result +failed\n/);
    expect(stdout).toMatch(/upload +✓ done +3\/3 +1\.0 s +\d{4}-\d\d-\d\d /);
    expect(stdout).toContain('  upload to web2 failed: rsync exited 12.\n    last words\n');
    expect(stdout).toContain('  ✗ web2: rsync exited 12\n  ! web1: an old release could not be removed\n');
  });

  test('history asks for more pages than the daemon gives at once', async () => {
    const views = (from: number, count: number): unknown => ({
      deployments: Array.from({ length: count }, (_, i) => deploymentView({ number: from - i })),
    });
    answer('GET /api/v1/deployments?limit=500', views(1000, 500));
    answer('GET /api/v1/deployments?limit=100&before=501', views(500, 100));
    const { stdout } = await run(['history', '--limit', '600', '--json'], { url: daemon.url });
    expect((JSON.parse(stdout) as { deployments: unknown[] }).deployments).toHaveLength(600);
  });

  test('tables fit the width of the terminal and are not cut when piped', async () => {
    const view = endedView({ message: 'A very long message '.repeat(10), author: '山田太郎'.repeat(4) });
    answer('GET /api/v1/deployments?limit=20', { deployments: [view, endedView({ number: 41 })] });
    const terminal = await run(['history'], { url: daemon.url, tty: true, columns: 90, env: { NO_COLOR: '1' } });
    const widths = terminal.stdout.split('\n').map((line) => Array.from(line).reduce((sum, one) => sum + (one > '\u2e80' ? 2 : 1), 0));
    expect(Math.max(...widths)).toBeLessThanOrEqual(90);
    expect(Math.max(...widths)).toBeGreaterThan(80);
    expect(terminal.stdout).toContain('…');
    const piped = await run(['history'], { url: daemon.url });
    expect(piped.stdout).toContain('A very long message '.repeat(10).trim());
  });

  test('colour is for terminals only, and NO_COLOR and TERM=dumb switch it off', async () => {
    answer('GET /api/v1/clusters', overviewView([clusterView('production')]));
    const colours = async (options: object): Promise<boolean> =>
      (await run(['status'], { url: daemon.url, ...options })).stdout.includes('\x1b[');
    expect(await colours({ tty: true })).toBe(true);
    expect(await colours({ tty: true, env: { NO_COLOR: '1' } })).toBe(false);
    expect(await colours({ tty: true, env: { TERM: 'dumb' } })).toBe(false);
    expect(await colours({ tty: true, env: { NO_COLOR: '' } })).toBe(true);
    expect(await colours({})).toBe(false);
  });

  test('empty answers say what to do next', async () => {
    answer('GET /api/v1/clusters', overviewView([]));
    answer('GET /api/v1/deployments?limit=20', { deployments: [] });
    expect((await run(['status'], { url: daemon.url })).stdout).toContain('branches.config.json');
    expect((await run(['history'], { url: daemon.url })).stdout).toContain('lockstep deploy CLUSTER');
    expect((await run(['servers'], { url: daemon.url })).stdout).toContain('lockstep check');
  });
});

describe('setting up', () => {
  test('init, hooks install and servers trust hand absolute paths on and print what was done', async () => {
    const at = { cwd: '/srv/shop', url: 'http://127.0.0.1:1' };
    expect((await run(['init'], at)).stdout).toBe('wrote /srv/shop/branches.config.json\nmade /srv/shop/var\nin /srv/shop\n');
    const named = await run(['init', '--json', '--config', 'etc/b.json', '--data', '/data'], at);
    expect(JSON.parse(named.stdout)).toEqual({
      config: '/srv/shop/etc/b.json',
      data: '/data',
      lines: ['wrote /srv/shop/etc/b.json', 'made /data', 'in /srv/shop/etc'],
    });
    const hooks = await run(['hooks', 'install', '../git/shop.git', '--repository', 'shop'], at);
    expect(hooks.stdout).toBe('/srv/git/shop.git shop http://127.0.0.1:1\n');
    expect((await run(['servers', 'trust'], at)).stdout).toBe('trusted all\n');
    expect((await run(['servers', 'trust', 'production'], at)).stdout).toBe('trusted production\n');
  });

  test('daemon prints one line when it is ready and ends with the daemon', async () => {
    expect(await run(['daemon', '--listen', '127.0.0.1:9999'])).toEqual({
      exit: 0,
      stdout: 'Lockstep listening on http://127.0.0.1:9999\n',
      stderr: '',
    });
    expect(JSON.parse((await run(['daemon', '--json'])).stdout)).toEqual({ listening: 'http://127.0.0.1:8484' });
  });

  test('check prints the explained configuration and its warnings; an invalid one is exit 2', async () => {
    const checkConfiguration = () => Promise.resolve({ text: 'production ← servers/production', warnings: ['demo has one server'] });
    const good = await run(['check'], { wiring: { checkConfiguration }, cwd: '/srv' });
    expect(good).toEqual({
      exit: 0,
      stdout: 'production ← servers/production\nwarning: demo has one server\n',
      stderr: '',
    });
    const invalid = () => Promise.reject(new DeployError('configuration', 'clusters.demo: unknown key "server". Did you mean "servers"?'));
    const bad = await run(['check'], { wiring: { checkConfiguration: invalid } });
    expect(bad).toEqual({ exit: 2, stdout: '', stderr: 'lockstep: clusters.demo: unknown key "server". Did you mean "servers"?\n' });
  });

  test('check --servers tells findings of many servers together and is exit 1 when one fails', async () => {
    const checkServers = () =>
      Promise.resolve([
        ...Array.from({ length: 40 }, (_, i) => ({
          cluster: 'production',
          server: `web${i}`,
          state: 'ok' as const,
          message: 'answers',
          remedy: null,
        })),
        { cluster: 'demo', server: 'box', state: 'fail' as const, message: 'host key unknown', remedy: 'lockstep servers trust demo' },
      ]);
    const { exit, stdout } = await run(['check', '--servers'], { wiring: { checkServers } });
    expect(exit).toBe(1);
    expect(stdout).toContain('✓ ok    40 servers of production (web0, web1, web2, …)  answers\n');
    expect(stdout).toContain('✗ fail  server box of demo        host key unknown\n        → lockstep servers trust demo\n');
    expect(stdout).toContain('40 ok, 0 warn, 1 fail\n');
  });
});
