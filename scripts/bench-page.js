#!/usr/bin/env node
// The page with 5,000 simulated servers and about 200 changes a second: prints when it can be used, the longest task while it runs, its
// memory, and what a change costs on the wire. Ends by itself and leaves nothing behind. scripts/setup first.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
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
      // Almost half a second for one operation on average, forty at a time: a hundred begin and a hundred end in a second.
      many: { transport: 'simulated', simulation: { delay: '1s' }, servers: [`web[1-${SERVERS}]`], concurrency: 40, connections: 40 },
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
  // Signed in, but with nothing in the cache.
  const door = await browser.newContext();
  const form = await door.newPage();
  await form.goto(`${url}/login`);
  await form.getByLabel('Password').fill(token);
  await form.getByRole('button', { name: 'Sign in' }).click();
  await form.waitForURL(`${url}/`);
  const context = await browser.newContext({ storageState: await door.storageState(), viewport: { width: 1280, height: 900 } });
  await door.close();
  const page = await context.newPage();
  await page.addInitScript(`
    window.tasks = [];
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map((task) => task.duration))).observe({ type: 'longtask', buffered: true });
    // Looked at in every frame: whoever asks from outside asks after pauses of up to half a second. It can be used when the cells are drawn, the
    // button for the worst moment is there, and the browser has had time for something else since.
    const isSeen = (element) => element !== undefined && element !== null && element.getClientRects().length > 0;
    const look = () => {
      const cells = document.querySelector('.matrix canvas[style*="height"]');
      const abort = [...document.querySelectorAll('#page button')].find((button) => button.textContent.trim() === 'Abort…');
      if (!isSeen(cells) || !isSeen(abort)) requestAnimationFrame(look);
      else requestAnimationFrame(() => setTimeout(() => (window.usableAt = performance.timeOrigin + performance.now())));
    };
    requestAnimationFrame(look);
  `);
  const wire = await context.newCDPSession(page);
  const streams = new Set();
  const bytes = { stream: 0, all: 0 };
  await wire.send('Network.enable');
  wire.on('Network.requestWillBeSent', ({ requestId, request }) => {
    if (request.url.includes('/api/v1/events')) streams.add(requestId);
  });
  wire.on('Network.dataReceived', ({ requestId, dataLength }) => {
    bytes.all += dataLength;
    if (streams.has(requestId)) bytes.stream += dataLength;
  });
  const api = async (path) => (await fetch(`${url}/api/v1/${path}`, { headers })).json();
  /** Every change has a number of its own in the journal. */
  const newest = async () => (await api(`deployments/${deployment}/times`)).event;

  /** What the page costs while changes come, for so long. */
  async function observe(ms) {
    const from = await newest();
    Object.assign(bytes, { stream: 0, all: 0 });
    await page.evaluate('tasks.splice(0)');
    await page.waitForTimeout(ms);
    const cost = { ...bytes };
    const tasks = await page.evaluate('tasks.splice(0)');
    const changes = Math.max(1, (await newest()) - from);
    return { rate: changes / (ms / 1000), longest: Math.max(0, ...tasks), stream: cost.stream / changes, all: cost.all / changes };
  }

  const began = Date.now();
  await page.goto(`${url}/deployments/${deployment}`, { waitUntil: 'commit' });
  await page.getByRole('button', { name: 'Abort…' }).waitFor();
  const interactive = Math.round((await (await page.waitForFunction('window.usableAt')).jsonValue()) - began);
  const atLoad = await page.evaluate('tasks.splice(0)');
  await page.waitForTimeout(1_000);
  const board = await observe(WATCHED_MS);
  await wire.send('HeapProfiler.collectGarbage');
  const heap = await page.evaluate('performance.memory.usedJSHeapSize');
  await page.locator('.log-place').scrollIntoViewIfNeeded();
  await page.locator('.line').first().waitFor();
  await page.waitForTimeout(3_000);
  const log = await observe(WATCHED_MS / 2);
  const heapWithLog = await page.evaluate('performance.memory.usedJSHeapSize');
  const row = (what, value) => console.log(what.padEnd(50) + value);
  row('servers', SERVERS);
  // Times are those of the clock: with more to do than there are cores, they say little of the page.
  row('programs that wanted a core (of ' + cpus().length + ')', loadavg()[0].toFixed(1));
  row('changes a second', Math.round(board.rate));
  row('interactive after', `${interactive} ms (at most 1000)`);
  row('longest task at load', `${Math.round(Math.max(0, ...atLoad))} ms`);
  row('longest task while it runs', board.longest === 0 ? 'below 50 ms' : `${Math.round(board.longest)} ms (at most 50)`);
  row('heap', `${Math.round(heap / 1e6)} MB (at most 150)`);
  row('bytes for a change, event stream', `${board.stream.toFixed(1)} (at most 40)`);
  row('bytes for a change, all that the page asks for', `${board.all.toFixed(1)} (at most 40)`);
  row('with the log in sight: longest task', log.longest === 0 ? 'below 50 ms' : `${Math.round(log.longest)} ms`);
  row('with the log in sight: heap', `${Math.round(heapWithLog / 1e6)} MB, garbage included`);
  row('with the log in sight: bytes for a change', log.all.toFixed(1));
} finally {
  await browser?.close();
  daemon.kill('SIGTERM');
  // Called twice, it does not wait for what is under way.
  setTimeout(() => daemon.kill('SIGTERM'), 500);
  await gone;
  rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
}
