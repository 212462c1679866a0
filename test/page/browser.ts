// A browser as people use it: Chromium without a window, with everything off that would talk to the network by itself.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import axe from 'axe-core';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Kept after the tests, to be looked at. */
const SCREENSHOTS = join(ROOT, 'var/screenshots');

export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

export type Finding = { readonly theme: string; readonly id: string; readonly impact: string; readonly where: readonly string[] };
type AxeResult = { violations: { id: string; impact: string | null; nodes: { html: string }[] }[] };

/** Serious and critical findings of axe on what is seen now, in both themes. */
export async function findings(page: Page): Promise<Finding[]> {
  await page.evaluate(axe.source);
  const found: Finding[] = [];
  for (const theme of ['light', 'dark']) {
    await wear(page, theme);
    const { violations } = await page.evaluate<AxeResult>('axe.run(document, { resultTypes: ["violations"] })');
    for (const { id, impact, nodes } of violations) {
      if (impact === 'serious' || impact === 'critical')
        found.push({ theme, id, impact, where: nodes.slice(0, 3).map((node) => node.html) });
    }
  }
  return found;
}

/** A picture at the widths of a telephone, a tablet and a desk, in both themes. */
export async function photograph(page: Page, name: string): Promise<void> {
  await mkdir(SCREENSHOTS, { recursive: true });
  // What sticks to the edge would stand in the middle of the picture.
  await page.evaluate('scrollTo(0, 0)');
  for (const width of [360, 768, 1440]) {
    await page.setViewportSize({ width, height: 900 });
    for (const theme of ['light', 'dark']) {
      await wear(page, theme);
      await page.screenshot({ path: join(SCREENSHOTS, `${name}-${width}-${theme}.png`), fullPage: true });
    }
  }
  await page.setViewportSize({ width: 1280, height: 900 });
}

/** As a person who has switched to it. Colours that are on their way would be measured half way. */
async function wear(page: Page, theme: string): Promise<void> {
  await page.evaluate(`document.documentElement.dataset.theme = ${JSON.stringify(theme)}`);
  await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
}
