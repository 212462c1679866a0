// Hostile text in every field that is stored, on the page as people see it: a browser runs nothing of it.
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { HURT, MARKUP } from '../lab/hostile-markup.ts';
import { until } from '../lab/until.ts';
import { must, openWorkshop, untilLive } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';
import { openBrowser } from './browser.ts';

jest.setTimeout(120_000);

let shop: Workshop;
let browser: Browser;
/** What may stand in a commit: Git takes no NUL, and halves of characters are none. */
const texts = MARKUP.map((text) => text.replace(/[\0\ud800]/g, '\ufffd').replaceAll('\n', ' '));
const half = Math.ceil(texts.length / 2);

beforeAll(async () => {
  shop = await openWorkshop(({ dir, git }) => ({
    project: 'shop',
    repositories: { shop: { type: 'git', url: git } },
    branches: [{ repository: 'shop', branch: 'servers/production', clusters: ['production'], build: { command: 'cat markup' } }],
    clusters: { production: { environment: 'production', servers: [{ name: 'web1', path: join(dir, 'servers/web1') }] } },
  }));
  await shop.start();
  await shop.lockstep(['hooks', 'install', shop.git]);
  browser = await openBrowser();
});
afterAll(async () => {
  await browser.close();
  await shop.close();
});

test(`${texts.length} hostile texts as message, author, pusher, branch, reason and output run nothing in the page`, async () => {
  expect(texts.length).toBeGreaterThanOrEqual(500);
  const name = texts
    .slice(0, 4)
    .join(' ')
    .replace(/[<>\n]/g, '');
  await writeFile(join(shop.tree, 'markup'), texts.join('\n'));
  const author = { GIT_AUTHOR_NAME: `"'&quot; onmouseover=${HURT} ${name}`, GL_USERNAME: texts.slice(0, 3).join(' ') };
  for (const part of [texts.slice(0, half), texts.slice(half)]) {
    await must('git', ['add', '-A'], { cwd: shop.tree });
    await must('git', ['commit', '-q', '--allow-empty', '-m', part.join(' ')], { cwd: shop.tree, env: author });
    const revision = (await must('git', ['rev-parse', 'HEAD'], { cwd: shop.tree })).trim();
    const branch = `feature/<img/src=x/onerror=${HURT}>`;
    await must('git', ['push', '--force', 'origin', 'HEAD:servers/production', `HEAD:${branch}`], { cwd: shop.tree, env: author });
    await untilLive(shop, 'production', revision);
  }
  expect((await shop.lockstep(['lock', 'production', '--reason', texts.slice(0, 9).join(' ').slice(0, 480)])).code).toBe(0);

  const token = (await readFile(join(shop.data, 'token'), 'utf8')).trim();
  const context = await browser.newContext();
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('dialog', (dialog) => complaints.push(dialog.message()));
  page.on('console', (message) => {
    if (/Content Security Policy|Refused to/.test(message.text())) complaints.push(message.text());
  });
  const strangers: string[] = [];
  page.on('request', (request) => {
    if (!request.url().startsWith(`${shop.url}/`)) strangers.push(request.url());
  });
  await page.goto(`${shop.url}/login`);
  await page.fill('input[name=password]', token);
  await page.click('form button');
  // Asked from here: the page's own policy forbids what waits in it.
  const holds = (condition: string) => until(() => page.evaluate<boolean>(condition), { what: condition });
  for (const path of [
    '/',
    '/clusters/production',
    '/deployments/1',
    '/deployments/2',
    '/deliveries',
    '/queue',
    '/statistics',
    '/clusters/production/servers/web1',
  ]) {
    await page.goto(`${shop.url}${path}`);
    // The script has drawn what it was told.
    await holds('document.querySelector("#page")?.textContent.length > 50');
    expect({ path, hurt: await page.evaluate('window.hurt') }).toEqual({ path, hurt: undefined });
    const odd = await page.evaluate(
      `[...document.querySelectorAll('*')].filter((one) => one.matches('[onerror], [onload], [onmouseover], iframe, object, embed, base, [href^="javascript:"]')).length`,
    );
    expect({ path, odd }).toEqual({ path, odd: 0 });
  }
  await page.goto(`${shop.url}/deployments/1`);
  await holds(`document.body.textContent.includes('onerror=')`);
  expect(complaints).toEqual([]);
  expect(strangers).toEqual([]);
});
