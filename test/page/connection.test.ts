// The page's connection on bad networks: cut a hundred times, hidden, refused.
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { TimesView } from '../../src/core/insight.ts';
import { fleet, oneCluster } from '../lab/configuration.ts';
import { until } from '../lab/until.ts';
import { openWorkshop } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';
import { openBrowser } from './browser.ts';
import { openCuttingProxy } from './cutting-proxy.ts';
import type { CuttingProxy } from './cutting-proxy.ts';

// A hundred connections, one after the other: slow where cores are few.
jest.setTimeout(240_000);

const SERVERS = 800;
const CUTS = 100;
const PASSWORD = 'correct horse battery';

/** Whatever the page reads from its streams goes through here, and is kept to be looked at. */
const WITNESS = `
  window.seen = { events: [], cells: [] };
  const parse = JSON.parse;
  JSON.parse = (text, ...more) => {
    const value = parse(text, ...more);
    if (typeof text === 'string' && text.startsWith('{"id":') && value.text !== undefined) seen.events.push(value.id);
    if (typeof text === 'string' && text.startsWith('[[')) seen.cells.push(...value.map((cell) => cell.slice(0, 3).join()));
    return value;
  };
`;
/** As if the tab were behind others, or in front again. */
const hide = (isHidden: boolean): string =>
  `Object.defineProperty(document, 'hidden', { value: ${isHidden}, configurable: true });
   document.dispatchEvent(new Event('visibilitychange'));`;

describe('the connection of the page', () => {
  let shop: Workshop;
  let browser: Browser;
  let context: BrowserContext;
  let proxy: CuttingProxy;
  let token: string;

  beforeAll(async () => {
    shop = await openWorkshop(({ git }) => oneCluster('fleet', git, fleet(SERVERS, '50ms')));
    await shop.start();
    await shop.lockstep(['hooks', 'install', shop.git]);
    token = (await readFile(join(shop.data, 'token'), 'utf8')).trim();
    proxy = await openCuttingProxy(shop.url);
    browser = await openBrowser();
    context = await browser.newContext({ locale: 'en-GB' });
    await context.addInitScript(WITNESS);
    await signIn(await context.newPage(), '', token);
  });

  afterAll(async () => {
    await browser.close();
    await proxy.close();
    await shop.close();
  });

  async function signIn(page: Page, name: string, password: string): Promise<Page> {
    await page.goto(`${proxy.url}/login`);
    if (name !== '') await page.getByLabel('Name').fill(name);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Clusters' }).waitFor();
    return page;
  }

  afterEach(() => {
    proxy.cutAfter = () => Infinity;
  });

  const newest = async (): Promise<number> => (await api<TimesView>('deployments/1/times')).event;
  const api = async <T>(path: string): Promise<T> =>
    (await (await fetch(`${shop.url}/api/v1/${path}`, { headers: { authorization: `Bearer ${token}` } })).json()) as T;
  const events = (page: Page): Promise<number[]> => page.evaluate('seen.events');

  test('is cut 100 times over 10,000 events, and neither misses one nor sees one twice', async () => {
    const [all] = context.pages();
    if (all === undefined) throw new Error('there is no page');
    await all.goto(proxy.url);
    await all.locator('.connection.tone-ok').waitFor();
    let connections = 0;
    // A prime step, so that cuts fall everywhere in a message. One message of cells may be large: it must get through whole.
    proxy.cutAfter = (path) => {
      connections += 1;
      return path.includes('form=cells')
        ? 30_011 + 997 * (connections % 7)
        : path.includes('/log')
          ? Infinity
          : 14_001 + 997 * (connections % 9);
    };
    proxy.cutAll();
    // Whoever has heard of no event yet does not know where to go on.
    await until(() => proxy.open() > 0, { what: 'the page is connected again' });
    await shop.commit({ 'index.html': 'one\n' }, 'Open the shop');
    await shop.push('HEAD:servers/fleet');
    await until(async () => (await shop.status('fleet')).deployment === 1, { what: 'the deployment begins' });
    const board = await context.newPage();
    await board.goto(`${proxy.url}/deployments/1`);
    await board.locator('.screen-head .pill', { hasText: 'Done' }).waitFor({ timeout: 90_000 });
    const last = await newest();
    await until(async () => ((await events(all)).at(-1) ?? 0) >= last, { timeoutMs: 150_000, what: 'the page has heard of everything' });

    const ids = await events(all);
    const [cuts, cutsOfCells] = [proxy.cuts('/api/v1/events') - proxy.cuts('form=cells'), proxy.cuts('form=cells')];
    process.stdout.write(`\n${ids.length} events through ${cuts} cuts; the board: ${cutsOfCells} cuts\n`);
    expect(ids.length).toBeGreaterThanOrEqual(10_000);
    expect(cuts).toBeGreaterThanOrEqual(CUTS);
    expect(ids).toEqual(Array.from({ length: ids.length }, (_, i) => (ids[0] ?? 0) + i));

    // The board began in the middle, with what had happened by then.
    const cells = await board.evaluate<string[]>('seen.cells');
    expect(cutsOfCells).toBeGreaterThanOrEqual(2);
    expect(new Set(cells).size).toBe(cells.length);
    const counts = (await board.locator('.column-count').allInnerTexts()).filter((text) => text.includes('/'));
    expect(counts.map((text) => text.replace(/\s/g, '')).filter((text) => !/^(\d+)\/\1$/.test(text))).toEqual([]);
    expect(await board.locator('.legend').innerText()).toMatch(new RegExp(`^\\s*${SERVERS}\\s*live\\s*$`));
    await board.close();
  });

  test('is closed when the tab has been hidden for a while, and makes up for everything when it is shown again', async () => {
    const page = await context.newPage();
    for (const other of context.pages()) if (other !== page) await other.close();
    await page.clock.install();
    await page.goto(`${proxy.url}/deployments/1`);
    await page.locator('.connection.tone-ok').waitFor();
    await page.locator('.line').first().waitFor();
    expect(proxy.open()).toBeGreaterThan(0);
    await page.evaluate(hide(true));
    await page.clock.fastForward(31_000);
    await until(() => proxy.open() === 0, { what: 'the hidden tab holds no connection' });
    await shop.commit({ 'index.html': 'two\n' }, 'Paint the shop');
    await shop.push('HEAD:servers/fleet');
    await until(async () => (await shop.status('fleet')).deployment === 2, { what: 'the second deployment begins' });
    expect(proxy.open()).toBe(0);
    await page.evaluate(hide(false));
    await page.locator('.connection.tone-ok').waitFor();
    await page.clock.resume();
    await until(async () => (await shop.show(2)).state === 'ended', { timeoutMs: 60_000, what: 'the second deployment ends' });
    const last = await newest();
    await until(async () => ((await events(page)).at(-1) ?? 0) >= last, { timeoutMs: 30_000, what: 'the page has caught up' });
    const ids = await events(page);
    expect(ids).toEqual(Array.from({ length: ids.length }, (_, i) => (ids[0] ?? 0) + i));
    await page.close();
  });

  test('is not tried again by somebody whom the daemon knows no more', async () => {
    const user = { name: 'mallory', password: PASSWORD, role: 'viewer', clusters: ['*'] };
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    await fetch(`${shop.url}/api/v1/users`, { method: 'POST', headers, body: JSON.stringify(user) });
    const own = await browser.newContext();
    const page = await signIn(await own.newPage(), user.name, PASSWORD);
    await page.locator('.connection.tone-ok').waitFor();
    await fetch(`${shop.url}/api/v1/users/mallory/remove`, { method: 'POST', headers, body: '{}' });
    let asked = 0;
    page.on('request', (request) => {
      if (request.url().includes('/api/')) asked += 1;
    });
    proxy.cutAll();
    await page.getByRole('heading', { name: 'Signed out' }).waitFor();
    const before = asked;
    await page.clock.install();
    await page.clock.runFor(120_000);
    await page.waitForTimeout(500);
    expect(asked).toBe(before);
    expect(before).toBeLessThanOrEqual(2);
    expect(await page.getByRole('link', { name: 'Sign in' }).getAttribute('href')).toContain('/login');
    await own.close();
  });
});
