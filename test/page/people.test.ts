// The page for people who may not everything: what it offers them, what it says of the rest, approvals, notifications, and the audit.
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import type { AccessView } from '../../src/core/access.ts';
import { until } from '../lab/until.ts';
import { openWorkshop, untilLive } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';
import { findings, openBrowser, photograph } from './browser.ts';

jest.setTimeout(120_000);

const PASSWORD = 'correct horse battery';
const PEOPLE = { vera: 'viewer', dan: 'deployer', olga: 'operator' } as const;

/** Chromium without a window shows no notifications: what the page would show is written down. */
const NOTIFICATIONS = `
  window.told = [];
  window.Notification = class {
    static permission = 'default';
    static requestPermission = async () => (Notification.permission = 'granted');
    constructor(title, { body }) { told.push(title + ' / ' + body); }
    close() {}
  };
`;

describe('the page for people with different roles', () => {
  let shop: Workshop;
  let browser: Browser;
  let token: string;
  const pages = new Map<string, Page>();

  beforeAll(async () => {
    shop = await openWorkshop(({ dir, git }) => ({
      project: 'shop',
      repositories: { shop: { type: 'git', url: git } },
      branches: [
        { repository: 'shop', branch: 'servers/demo', clusters: ['demo'] },
        { repository: 'shop', branch: 'servers/live', clusters: ['live'] },
      ],
      permissions: [
        { who: ['*'], may: ['deploy'] },
        { who: ['role:operator'], may: ['deploy', 'rollback', 'abort', 'pause', 'approve'] },
        { who: ['dan'], may: ['approve'], clusters: ['live'] },
      ],
      clusters: {
        demo: { environment: 'test', servers: [{ name: 'd', path: join(dir, 'servers/d') }] },
        live: {
          environment: 'production',
          servers: [{ name: 'l', path: join(dir, 'servers/l') }],
          approvals: { by: ['role:operator', 'dan'], expires: '1h' },
        },
      },
    }));
    await shop.start();
    await shop.lockstep(['hooks', 'install', shop.git]);
    token = (await readFile(join(shop.data, 'token'), 'utf8')).trim();
    for (const [name, role] of Object.entries(PEOPLE)) {
      await api('users', { name, password: PASSWORD, role, clusters: ['*'] });
    }
    browser = await openBrowser();
    for (const name of Object.keys(PEOPLE)) {
      const context = await browser.newContext({ locale: 'en-GB' });
      await context.addInitScript(NOTIFICATIONS);
      const page = await context.newPage();
      await page.goto(`${shop.url}/login`);
      await page.getByLabel('Name').fill(name);
      await page.getByLabel('Password').fill(PASSWORD);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('heading', { name: 'Clusters' }).waitFor();
      pages.set(name, page);
    }
    for (const text of ['one', 'two']) {
      const revision = await shop.commit({ 'index.html': text }, `Say ${text}`);
      await shop.push('HEAD:servers/demo');
      await untilLive(shop, 'demo', revision);
    }
  });

  afterAll(async () => {
    await browser.close();
    await shop.close();
  });

  async function api(path: string, body: object): Promise<Response> {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const response = await fetch(`${shop.url}/api/v1/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    expect(response.ok).toBe(true);
    return response;
  }

  const pageOf = (name: keyof typeof PEOPLE): Page => pages.get(name) as Page;
  const buttons = async (page: Page): Promise<string[]> =>
    (await page.locator('[data-actions] button, .rows button').allInnerTexts()).map((text) => text.trim());

  test('offers nobody what would be refused, and says why', async () => {
    const offered: Record<string, string[]> = {};
    for (const name of Object.keys(PEOPLE) as (keyof typeof PEOPLE)[]) {
      const page = pageOf(name);
      for (const [path, ready] of [
        ['/clusters/demo', 'Who may'],
        ['/deployments/2', 'Commits and files'],
        ['/deliveries', 'Deliveries'],
      ] as const) {
        const asked = path === '/deliveries' ? 'deliveries' : 'access';
        await Promise.all([page.waitForResponse((response) => response.url().includes(asked)), page.goto(shop.url + path)]);
        await page.getByRole('heading', { name: ready }).waitFor();
        if (path === '/deliveries') await page.locator('.row').first().waitFor();
        else if (name !== 'olga' || path === '/clusters/demo') await page.locator('.not-yours').waitFor();
        else await page.getByRole('button', { name: 'Roll back…' }).waitFor();
        offered[`${name} ${path}`] = [...new Set(await buttons(page))].sort();
      }
    }
    expect(offered).toEqual({
      'vera /clusters/demo': [],
      'vera /deployments/2': [],
      'vera /deliveries': [],
      'dan /clusters/demo': ['Deploy head…'],
      'dan /deployments/2': [],
      'dan /deliveries': ['Replay…'],
      'olga /clusters/demo': ['Deploy head…', 'Go back to this…', 'Roll back…'],
      'olga /deployments/2': ['Roll back…'],
      'olga /deliveries': ['Replay…'],
    });
    // What is not offered is refused indeed: the answer of the daemon is what the page goes by.
    const vera = pageOf('vera');
    const status = await vera.evaluate<number>(
      `fetch('/api/v1/clusters/demo/rollback', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }).then((one) => one.status)`,
    );
    expect(status).toBe(403);

    const olga = pageOf('olga');
    await olga.goto(`${shop.url}/clusters/demo`);
    await olga.locator('.not-yours summary').click();
    expect(await olga.locator('.not-yours').innerText()).toMatch(/olga, you may not lock and unlock[^]*no rule of "permissions" allows it/);
    await olga.getByRole('heading', { name: 'Who may' }).click();
    await olga.getByRole('rowheader', { name: 'Roll back' }).waitFor();
    expect(await olga.locator('.who-may').innerText()).toMatch(/Roll back\s+operator\s+role:operator\s+yes/);
    expect(await findings(olga)).toEqual([]);
    await photograph(olga, 'who-may');
    await vera.goto(`${shop.url}/clusters/demo`);
    await vera.locator('.not-yours summary').click();
    expect(await vera.locator('.not-yours').innerText()).toContain('this needs the role operator; yours is viewer');
    const access = await vera.evaluate<AccessView>(`fetch('/api/v1/clusters/live/access').then((one) => one.json())`);
    expect(access.approvals).toEqual({ needed: 1, by: ['role:operator', 'dan'] });
  });

  test('lets somebody else approve a deployment, and tells who started it of its end', async () => {
    const revision = await shop.commit({ 'index.html': 'three' }, 'Say three');
    await shop.push('HEAD:servers/live');
    const pushed = await until(async () => (await shop.status('live')).waiting, { what: 'the pushed one waits' });
    const olga = pageOf('olga');
    await olga.goto(`${shop.url}/deployments/${pushed}`);
    await olga.getByRole('button', { name: 'Reject…' }).click();
    await olga.getByLabel(/Why/).fill('dan deploys it');
    await olga.getByRole('button', { name: `Reject deployment ${pushed}` }).click();
    await olga
      .locator('.screen-head .pill', { hasText: 'Aborted' })
      .or(olga.locator('.screen-head .pill', { hasText: 'Failed' }))
      .waitFor();
    expect(await olga.locator('main').innerText()).toContain('dan deploys it');

    const dan = pageOf('dan');
    await dan.goto(`${shop.url}/clusters/live`);
    await dan.getByRole('button', { name: 'Deploy head…' }).click();
    await dan.getByRole('dialog').getByRole('button', { name: 'Deploy' }).click();
    await dan.getByText('waits for approval (0 of 1)').first().waitFor();
    const number = Number(/\d+$/.exec(new URL(dan.url()).pathname)?.[0]);
    // His own.
    expect(await dan.getByRole('button', { name: 'Approve…' }).count()).toBe(0);
    await dan.locator('.not-yours summary').click();
    expect(await dan.locator('.not-yours').innerText()).toMatch(/it needs somebody else's approval/);
    await dan.getByRole('button', { name: 'Tell me at the end' }).click();
    expect(await findings(dan)).toEqual([]);
    await photograph(dan, 'deployment-waiting');

    await olga.goto(`${shop.url}/deployments/${number}`);
    await olga.getByRole('button', { name: 'Approve…' }).click();
    expect(await olga.getByRole('dialog').innerText()).toContain('asked for by dan');
    await photograph(olga, 'approve');
    await olga.getByRole('button', { name: `Approve deployment ${number}` }).click();
    await olga.locator('.screen-head .pill', { hasText: 'Done' }).waitFor();
    expect((await shop.status('live')).release?.revision).toBe(revision);
    await until(async () => (await dan.evaluate<string[]>('told')).length > 0, { what: 'dan is told' });
    expect(await dan.evaluate<string[]>('told')).toEqual([`live: Done / Deployment ${number}: Say three`]);
    // She has not asked for it.
    expect(await olga.evaluate<string[]>('told')).toEqual([]);
  });

  test('shows the audit to who answers for all clusters: filtered, verified, and to take away', async () => {
    expect(await pageOf('dan').getByRole('link', { name: 'Audit' }).count()).toBe(0);
    await pageOf('dan').goto(`${shop.url}/audit`);
    await pageOf('dan').getByText('This needs the role operator').waitFor();
    const olga = pageOf('olga');
    await olga.getByRole('link', { name: 'Audit' }).click();
    await olga.locator('.row', { hasText: 'approve' }).first().waitFor();
    expect(await olga.locator('.row', { hasText: 'vera' }).filter({ hasText: 'refuse' }).count()).toBeGreaterThan(0);
    await olga.getByRole('button', { name: 'Verify' }).click();
    await olga.getByText(/\d+ entries as written/).waitFor();
    await olga.getByPlaceholder('Filter by who').fill('approve');
    await until(
      async () =>
        (await olga.locator('.row').count()) > 0 && (await olga.locator('.row').allInnerTexts()).every((text) => /approve/i.test(text)),
      {
        what: 'only approvals are shown',
      },
    );
    await olga.getByPlaceholder('Filter by who').fill('');
    await olga.getByPlaceholder('Cluster').fill('live');
    await olga.getByPlaceholder('Cluster').press('Enter');
    await until(async () => (await olga.locator('.row a[data-row]').allInnerTexts()).every((text) => text === 'live'), {
      what: 'only entries of one cluster are shown',
    });
    const [file] = await Promise.all([olga.waitForEvent('download'), olga.getByRole('link', { name: 'CSV' }).click()]);
    expect(await readFile(await file.path(), 'utf8')).toMatch(/^number,at,actor[^]*"olga"[^]*"approve"/);
    expect(await findings(olga)).toEqual([]);
    await photograph(olga, 'audit');
  });
});
