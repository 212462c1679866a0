// The page in a real browser, on a real daemon with real servers: what people see and do.
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { until } from '../lab/until.ts';
import { openWorkshop, untilLive } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';
import { findings, openBrowser, photograph } from './browser.ts';

// A browser, checks in two themes and pictures at three widths: slow where cores are few.
jest.setTimeout(120_000);

const SERVERS = ['web1', 'web2', 'web3', 'web4', 'web5'];

describe('the page', () => {
  let shop: Workshop;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let token: string;
  const complaints: string[] = [];

  beforeAll(async () => {
    shop = await openWorkshop(({ dir, git }) => ({
      project: 'shop',
      repositories: { shop: { type: 'git', url: git } },
      branches: [
        {
          repository: 'shop',
          branch: 'servers/production',
          clusters: ['production'],
          // A build sees nothing but its tree: what it is to wait for is in there.
          build: { command: "printf '\\033[32mgreen\\033[0m <b>bold</b>\\n'; test ! -e hold || sleep 60" },
        },
        { repository: 'shop', branch: 'servers/staging', clusters: ['staging'] },
        { repository: 'shop', branch: 'servers/{developer}', clusters: ['sandbox-{developer}'] },
      ],
      clusters: {
        production: {
          environment: 'production',
          servers: SERVERS.map((name) => ({ name, path: join(dir, `servers/${name}`) })),
          commands: {
            lock: `while test -e ${dir}/hold-lock; do sleep 0.05; done`,
            migrate: `while test -e ${dir}/hold-migration; do sleep 0.05; done`,
          },
        },
        staging: { environment: 'test', servers: [{ name: 'stage1', path: join(dir, 'servers/stage1') }] },
        'sandbox-{developer}': { servers: [{ name: 'box', path: join(dir, 'servers/{developer}') }] },
      },
    }));
    await shop.start();
    await shop.lockstep(['hooks', 'install', shop.git]);
    token = (await readFile(join(shop.data, 'token'), 'utf8')).trim();
    browser = await openBrowser();
    context = await browser.newContext({ locale: 'en-GB' });
    page = await context.newPage();
    page.on('console', (message) => {
      // Whether the daemon knows people is found out by asking.
      if (message.type() === 'error' && !message.location().url.endsWith('/api/v1/me'))
        complaints.push(`${message.text()} ${message.location().url}`);
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
  });

  afterAll(async () => {
    await browser.close();
    await shop.close();
  });

  /** Neither an exception, nor anything that the Content-Security-Policy refused. */
  afterEach(() => {
    expect(
      complaints
        .splice(0)
        .filter((text) => !/401|ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET/.test(text)),
    ).toEqual([]);
  });

  const button = (name: string | RegExp) => page.getByRole('button', { name });

  test('asks who one is once, and is within 60 kB', async () => {
    let bytes = 0;
    page.on('response', (response) => {
      if (response.url().includes('/assets/')) bytes += Number(response.headers()['content-length'] ?? 0);
    });
    await page.goto(shop.url);
    expect(await findings(page)).toEqual([]);
    // The owner has no name.
    await page.getByLabel('Password').fill(token);
    await button('Sign in').click();
    await page.getByRole('heading', { name: 'Clusters' }).waitFor();
    await page.getByRole('link', { name: 'production', exact: true }).waitFor();
    expect(bytes).toBeGreaterThan(5_000);
    expect(bytes).toBeLessThan(60_000);
    await page.keyboard.press('?');
    await page.getByRole('heading', { name: 'Keys' }).waitFor();
    expect(await findings(page)).toEqual([]);
    await page.keyboard.press('Escape');
    // There is nothing yet, and the screens say what to do about it.
    for (const [path, title] of [
      ['/queue', 'Nothing runs, nothing waits'],
      ['/deliveries', 'No delivery yet'],
    ] as const) {
      await page.goto(shop.url + path);
      await page.getByRole('heading', { name: title, exact: true }).waitFor();
      expect(await findings(page)).toEqual([]);
    }
  });

  const running = (cluster: string): Promise<number> =>
    until(
      async () => {
        const { state, deployment } = await shop.status(cluster);
        return state === 'idle' ? null : deployment;
      },
      { what: `a deployment of ${cluster} runs` },
    );
  const screen = (path: string) => page.goto(`${shop.url}${path}`);
  const untilEnded = (number: number) =>
    until(async () => (await shop.show(number)).state === 'ended', { what: `deployment ${number} ends` });

  test('shows a push go through every step to its end, without being loaded again', async () => {
    await writeFile(join(shop.dir, 'hold-migration'), '');
    await shop.commit({ 'index.html': 'one\n' }, 'Open the shop');
    await shop.push('HEAD:servers/production', 'HEAD:servers/staging', 'HEAD:servers/yuri.popoff');
    const number = await running('production');
    // A cluster of a pattern comes by itself.
    await page.getByRole('link', { name: 'sandbox-yuri.popoff' }).waitFor();
    await page.getByRole('link', { name: `Deployment ${number}` }).click();
    await page.getByRole('heading', { name: `Deployment ${number}` }).waitFor();
    const column = (step: string) => page.locator('.column', { has: page.getByRole('heading', { name: step, exact: true }) });
    await page.locator('.column.is-running h3', { hasText: 'migrate' }).waitFor();
    expect(await column('switch').innerText()).toContain('5/5');
    expect(await page.locator('.chip', { hasText: 'web3' }).innerText()).toContain('switched');
    await page.getByText('Past the point of no return').waitFor();
    expect(await button('Abort…').count()).toBe(0);
    await until(async () => (await page.title()).includes('migrate'), { what: 'the title tells the step' });
    expect(await findings(page)).toEqual([]);
    await photograph(page, 'deployment-running');
    await rm(join(shop.dir, 'hold-migration'));
    await page.locator('.screen-head .pill', { hasText: 'Done' }).waitFor();
    expect(await column('verify').count()).toBe(1);
    await until(async () => (await column('upload').innerText()).includes('median'), { what: 'the board tells the times of servers' });
    expect(await page.locator('.chip', { hasText: 'live' }).count()).toBe(5);
  });

  test('follows the log, filters it by server and step, and shows what programs print as text', async () => {
    await page
      .locator('.line-text', { hasText: 'verify' })
      .or(page.locator('.line-text', { hasText: 'collect finished' }))
      .first()
      .waitFor();
    await page.getByPlaceholder('Filter').fill('bold');
    const lines = page.locator('.line');
    await page.locator('.line-text', { hasText: /^green <b>bold<\/b>$/ }).waitFor();
    expect(await page.locator('.line-text b').count()).toBe(0);
    expect(await page.locator('.line-text .ansi-green').innerText()).toBe('green');
    await page.getByPlaceholder('Filter').fill('');
    const raw = await shop.lockstep(['logs', '1']);
    expect(raw.stdout).not.toContain('\n\n');
    await page.locator('.chip', { hasText: 'web2' }).click();
    await page.getByLabel('Server web2').getByText('upload').waitFor();
    await until(async () => (await lines.allInnerTexts()).every((line) => line.includes('web2')), { what: 'only lines of web2 are shown' });
    await page.getByLabel('Step', { exact: true }).selectOption('upload');
    await until(async () => (await lines.allInnerTexts()).every((line) => /upload .* on web2/.test(line)), {
      what: 'only uploads are shown',
    });
    expect(await lines.count()).toBeGreaterThan(1);
    await lines.first().locator('a').click();
    const address = page.url();
    expect(address).toMatch(/server=web2&step=upload#L\d+$/);
    await page.goto('about:blank');
    await page.goto(address);
    await page.locator('.line.is-marked').waitFor();
    expect(await findings(page)).toEqual([]);
    await photograph(page, 'deployment-server');
    const [file] = await Promise.all([page.waitForEvent('download'), button('Raw').click()]);
    expect(await readFile(await file.path(), 'utf8')).toContain('upload finished on web2');
  });

  /** To what says this, from where one is, with the keyboard alone. */
  const tabTo = async (text: RegExp): Promise<void> => {
    for (let i = 0; i < 40; i++) {
      const focused = await page.evaluate<string>('document.activeElement.textContent.trim()');
      if (text.test(focused)) return;
      await page.keyboard.press('Tab');
    }
    throw new Error(`Tab does not lead to ${String(text)}`);
  };
  /** From anywhere to a cluster's screen. */
  const typeToCluster = async (filter: string, name: string): Promise<void> => {
    await page.keyboard.press('g');
    await page.keyboard.press('o');
    await page.getByRole('heading', { name: 'Clusters' }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type(filter);
    await page.keyboard.press('Escape');
    await until(async () => (await page.locator('.cluster').count()) === 1, { what: 'one cluster is left' });
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name, exact: true }).waitFor();
  };

  test('deploys, aborts and rolls back with the keyboard alone, after it has said what is live and what will be', async () => {
    await screen('/deployments/1');
    const revision = await shop.commit({ 'index.html': 'two\n' }, 'Paint the shop green');
    await shop.push('HEAD:servers/production');
    await untilLive(shop, 'production', revision);
    await shop.commit({ 'index.html': 'half\n' }, 'Close at noon [skip deploy]');
    await shop.push('HEAD:servers/production');
    await until(async () => (await shop.status('production')).skipped !== null, { what: 'the head is not deployed by itself' });

    await writeFile(join(shop.dir, 'hold-lock'), '');
    await typeToCluster('green', 'production');
    await button('Deploy head…').waitFor();
    await page.keyboard.press('.');
    await tabTo(/^Deploy head…$/);
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    expect(await dialog.innerText()).toMatch(/Paint the shop green[^]*Close at noon/);
    await tabTo(/^Deploy [0-9a-f]{8}$/);
    await page.keyboard.press('Enter');
    await page.locator('.column.is-running h3', { hasText: 'lock' }).waitFor();
    await page.getByText('the maintenance page goes away').waitFor();
    await page.keyboard.press('.');
    await tabTo(/^Abort…$/);
    await page.keyboard.press('Enter');
    await tabTo(/^Abort deployment \d+$/);
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'hidden' });
    await rm(join(shop.dir, 'hold-lock'));
    await page.locator('.screen-head .pill', { hasText: 'Aborted' }).waitFor();
    expect((await shop.status('production')).release?.revision).toBe(revision);

    await typeToCluster('green', 'production');
    await button('Roll back…').waitFor();
    await page.keyboard.press('.');
    await tabTo(/^Roll back…$/);
    await page.keyboard.press('Enter');
    await dialog.waitFor();
    expect(await dialog.innerText()).toMatch(/Paint the shop green[^]*Open the shop/);
    expect(await findings(page)).toEqual([]);
    await photograph(page, 'roll-back');
    await tabTo(/^Roll back to [0-9a-f]{8}$/);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: /Roll back \d/ }).waitFor();
    await page.locator('.screen-head .pill', { hasText: 'Done' }).waitFor();
    expect((await shop.status('production')).release?.message).toContain('Open the shop');
  });

  test('aborts a deployment before anything has changed', async () => {
    await shop.commit({ 'index.html': 'three\n', hold: '' }, 'Close the shop');
    await shop.push('HEAD:servers/production');
    const number = await running('production');
    await screen(`/deployments/${number}`);
    await page.getByText('nothing has changed for users').waitFor();
    await button('Abort…').click();
    await page.getByRole('dialog').getByRole('button', { name: 'Abort' }).click();
    await page.locator('.screen-head .pill', { hasText: 'Aborted' }).waitFor();
    await untilEnded(number);
    expect((await shop.status('production')).release?.message).toContain('Open the shop');
    await button('Retry…').waitFor();
    expect(await findings(page)).toEqual([]);
    await photograph(page, 'deployment-aborted');
  });

  test('replays a delivery', async () => {
    await screen('/deliveries');
    await page.getByText('Paint the shop green').or(page.locator('.row')).first().waitFor();
    const before = await page.locator('.row').count();
    await button(/Replay the delivery/)
      .first()
      .click();
    await page.getByRole('dialog').getByRole('button', { name: 'Replay' }).click();
    await page.getByText('Once more for owner').waitFor();
    expect(await page.locator('.row').count()).toBeGreaterThanOrEqual(before);
    expect(await findings(page)).toEqual([]);
    await photograph(page, 'deliveries');
  });

  test('locks a cluster, shows who waits for what, and unlocks it', async () => {
    await screen('/clusters/staging');
    await button('Lock…').click();
    await page.getByLabel(/Why/).fill('the database is being moved');
    await page.getByRole('dialog').getByRole('button', { name: 'Lock' }).click();
    await page.getByText('Locked by owner: the database is being moved').waitFor();
    await shop.commit({ 'index.html': 'four\n' }, 'Move the shelves');
    await shop.push('HEAD:servers/staging');
    await page
      .getByRole('region', { name: 'Waiting' })
      .getByRole('link', { name: /^Deployment \d+$/ })
      .waitFor();
    expect(await findings(page)).toEqual([]);
    await photograph(page, 'cluster');
    await page.getByRole('link', { name: 'Queue' }).click();
    await page.getByText(/waits for owner/).waitFor();
    expect(await findings(page)).toEqual([]);
    await photograph(page, 'queue');
    await screen('/');
    await page.getByText('locked', { exact: true }).waitFor();
    expect(await findings(page)).toEqual([]);
    await photograph(page, 'overview');
    await screen('/statistics');
    await page.locator('.chart canvas').waitFor();
    expect(await findings(page)).toEqual([]);
    await photograph(page, 'statistics');
    await screen('/clusters/production/servers/web1');
    await page.getByRole('heading', { name: 'web1' }).waitFor();
    await page.getByText('/servers/web1').waitFor();
    expect(await findings(page)).toEqual([]);
    await photograph(page, 'server');
    await screen('/clusters/staging');
    await button('Unlock…').click();
    await page.getByRole('dialog').getByRole('button', { name: 'Unlock' }).click();
    await page.locator('.screen-head .pill', { hasText: 'Live' }).waitFor();
  });

  test('comes back by itself when the daemon was away, and stops asking when it is signed out', async () => {
    await screen('/');
    await page.getByText('Live', { exact: true }).first().waitFor();
    await shop.stop();
    await page.getByText('No connection').waitFor();
    await shop.start();
    await page.locator('.connection', { hasText: 'Live' }).waitFor();
    await button('Sign out').click();
    let asked = 0;
    page.on('request', (request) => {
      if (request.url().includes('/api/')) asked += 1;
    });
    await page.getByRole('heading', { name: 'Signed out' }).waitFor();
    await page.waitForTimeout(1_500);
    expect(asked).toBe(0);
    expect(await findings(page)).toEqual([]);
    await photograph(page, 'signed-out');
  });

  test('without a script, one can sign in, and the overview is there to read', async () => {
    const plain = await browser.newContext({ javaScriptEnabled: false });
    const document = await plain.newPage();
    await document.goto(shop.url);
    await document.getByLabel('Password').fill(token);
    await document.getByRole('button', { name: 'Sign in' }).click();
    await document.getByRole('link', { name: 'production', exact: true }).waitFor();
    expect(await document.locator('body').innerText()).toContain('production');
    await plain.close();
  });
});
