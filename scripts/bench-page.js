#!/usr/bin/env node
// The page with 5,000 simulated servers and about 200 changes a second: prints when it can be used, the longest task while it runs, its
// memory, and what a change costs on the wire. Ends by itself and leaves nothing behind. scripts/setup first.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const SERVERS = 5000;
const WATCHED_MS = 20_000;
const dir = mkdtempSync(join(tmpdir(), 'lockstep-bench-'));
const git = (...args) =>
  execFileSync('git', ['-c', 'user.name=Bench', '-c', 'user.email=bench@example.org', ...args], {
    cwd: join(dir, 'tree'),
    stdio: 'ignore',
  });

execFileSync('git', ['init', '-q', '--bare', join(dir, 'shop.git')]);
execFileSync('git', ['clone', '-q', join(dir, 'shop.git'), join(dir, 'tree')], { stdio: 'ignore' });
writeFileSync(join(dir, 'tree/index.html'), 'one\n');
git('add', '-A');
git('commit', '-q', '-m', 'Open the shop');
git('push', '-q', 'origin', 'HEAD:servers/many');
writeFileSync(
  join(dir, 'branches.config.json'),
  JSON.stringify({
    project: 'bench',
    repositories: { shop: { type: 'git', url: join(dir, 'shop.git') } },
    branches: [{ repository: 'shop', branch: 'servers/many', clusters: ['many'] }],
    clusters: {
      // Half a second for one operation on average, fifty at a time: a hundred begin and a hundred end in a second.
      many: { transport: 'simulated', simulation: { delay: '1s' }, servers: [`web[1-${SERVERS}]`], concurrency: 50, connections: 50 },
    },
  }),
);

const env = { ...process.env, LOCKSTEP_CONFIG: join(dir, 'branches.config.json'), LOCKSTEP_DATA: join(dir, 'data') };
const daemon = spawn(fileURLToPath(new URL('../bin/lockstep', import.meta.url)), ['daemon', '--listen', '127.0.0.1:0'], { env });
const gone = new Promise((resolve) => daemon.once('exit', resolve));
let browser = null;
try {
  const url = await new Promise((resolve, reject) => {
    let said = '';
    daemon.stdout.on('data', (chunk) => {
      said += chunk;
      const found = /Lockstep listening on (\S+)/.exec(said);
      if (found) resolve(found[1]);
    });
    void gone.then(() => reject(new Error(`the daemon did not start: ${said}`)));
  });
  const token = readFileSync(join(dir, 'data/token'), 'utf8').trim();
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const accepted = await fetch(`${url}/api/v1/clusters/many/deploy`, { method: 'POST', headers, body: '{}' });
  const { deployment, error } = await accepted.json();
  if (!deployment) throw new Error(`no deployment: ${JSON.stringify(error)}`);
  await new Promise((resolve) => setTimeout(resolve, 4_000));

  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking', '--enable-precise-memory-info'],
  });
  const context = await browser.newContext({ httpCredentials: { username: 'bench', password: token, send: 'always' } });
  const page = await context.newPage();
  await page.addInitScript(`
    sessionStorage.setItem('lockstep-token', ${JSON.stringify(token)});
    window.tasks = [];
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map((task) => task.duration))).observe({ type: 'longtask', buffered: true });
  `);
  const wire = await context.newCDPSession(page);
  const streams = new Set();
  let bytes = 0;
  await wire.send('Network.enable');
  wire.on('Network.requestWillBeSent', ({ requestId, request }) => {
    if (request.url.includes('/api/v1/events')) streams.add(requestId);
  });
  wire.on('Network.dataReceived', ({ requestId, dataLength }) => {
    if (streams.has(requestId)) bytes += dataLength;
  });

  const began = Date.now();
  await page.goto(`${url}/deployments/${deployment}`, { waitUntil: 'commit' });
  await page.locator('.matrix canvas[style*="height"]').waitFor();
  const interactive = Date.now() - began;
  const atLoad = await page.evaluate('tasks.splice(0)');
  const lines = () => page.evaluate(`Number(/([\\d,]+) lines/.exec(document.body.innerText)?.[1].replaceAll(',', '') ?? 0)`);
  await page.waitForTimeout(2_000);
  const before = await lines();
  bytes = 0;
  await page.evaluate('tasks.splice(0)');
  await page.waitForTimeout(WATCHED_MS);
  const changes = (await lines()) - before;
  const tasks = await page.evaluate('tasks.splice(0)');
  const heap = await page.evaluate('performance.memory.usedJSHeapSize');
  console.log(`servers                   ${SERVERS}`);
  console.log(`changes a second          ${Math.round(changes / (WATCHED_MS / 1000))}`);
  console.log(`usable after              ${interactive} ms`);
  console.log(`longest task at load      ${Math.round(Math.max(0, ...atLoad))} ms`);
  console.log(`longest task while it runs ${Math.round(Math.max(0, ...tasks))} ms (${tasks.length} over 50 ms)`);
  console.log(`heap                      ${Math.round(heap / 1e6)} MB`);
  console.log(`bytes for a change        ${Math.round(bytes / Math.max(1, changes))}`);
} finally {
  await browser?.close();
  daemon.kill('SIGTERM');
  // Called twice, it does not wait for what is under way.
  setTimeout(() => daemon.kill('SIGTERM'), 500);
  await gone;
  rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
}
