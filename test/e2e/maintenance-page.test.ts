// The visitor's side of a deployment: the built-in maintenance page in a real browser, behind a real nginx as docs/web-servers.md has it.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';
import { oneCluster } from '../lab/configuration.ts';
import { startNginx } from '../lab/nginx.ts';
import type { Nginx } from '../lab/nginx.ts';
import { until } from '../lab/until.ts';
import { freePort, openWorkshop, untilLive } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';

let shop: Workshop;
let nginx: Nginx;
let browser: Browser;
let site: string;
let path: string;

beforeAll(async () => {
  shop = await openWorkshop(({ dir, git }) =>
    oneCluster('demo', git, {
      servers: [{ name: 'web1', path: join(dir, 'web1') }],
      // Takes until the test has seen enough; the first deployment does not wait.
      commands: { migrate: `while [ -e '${dir}/wait' ]; do sleep 0.1; done` },
    }),
  );
  path = join(shop.dir, 'web1');
  await mkdir(path, { recursive: true });
  const port = await freePort();
  site = `http://127.0.0.1:${port}/`;
  const guide = await readFile(new URL('../../docs/web-servers.md', import.meta.url), 'utf8');
  const server = /```nginx\n(server \{\n {4}listen 80;[\s\S]*?\n\}\n)```/.exec(guide)?.[1] ?? '';
  expect(server).toContain('location = /maintenance.json');
  const configuration = server.replace('listen 80;', `listen 127.0.0.1:${port};`).replaceAll('/srv/shop', path);
  nginx = await startNginx(join(shop.dir, 'nginx'), configuration, port);
  browser = await chromium.launch({ executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
  await shop.start();
  await shop.lockstep(['hooks', 'install', shop.git]);
  const revision = await shop.commit({ 'index.html': 'the first version' });
  await shop.push('HEAD:refs/heads/servers/demo');
  await untilLive(shop, 'demo', revision);
}, 120_000);

afterAll(async () => {
  await browser.close();
  await nginx.stop();
  await shop.close();
});

test('a visitor sees how far the deployment is, and the new version as soon as it is there', async () => {
  await writeFile(join(shop.dir, 'wait'), '');
  const revision = await shop.commit({ 'index.html': 'the second version' });
  await shop.push('HEAD:refs/heads/servers/demo');
  await until(async () => (await shop.status('demo')).state === 'migrating', { timeoutMs: 30_000, what: 'the migration runs' });

  const page = await browser.newPage();
  const failures: string[] = [];
  page.on('pageerror', (error) => failures.push(error.message));
  const answer = await page.goto(site);
  expect({ status: answer?.status(), retry: answer?.headers()['retry-after'] }).toEqual({ status: 503, retry: '5' });
  await page.getByText('It began').waitFor();
  const steps = await page.evaluate<string[]>("[...document.querySelectorAll('#steps li')].map((item) => item.className)");
  expect(steps).toEqual(['done', 'done', 'now']);
  const told = JSON.parse(await readFile(join(path, 'maintenance.json'), 'utf8')) as { began: number; step: string };
  expect(told.step).toBe('finish');
  expect(Math.abs(Date.now() / 1000 - told.began)).toBeLessThan(60);

  await rm(join(shop.dir, 'wait'));
  await page.getByText('the second version').waitFor({ timeout: 20_000 });
  await untilLive(shop, 'demo', revision);
  await expect(readFile(join(path, 'maintenance.json'))).rejects.toThrow('ENOENT');
  expect(failures).toEqual([]);
}, 90_000);
