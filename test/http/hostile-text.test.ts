// Hostile text in every field that comes from outside: pages, feeds and pictures that the server writes let none of it become markup.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { visibleLine } from '../../src/core/escape.ts';
import { healthOf } from '../../src/core/health.ts';
import type { ClusterView, DeploymentView } from '../../src/core/views.ts';
import { feed } from '../../src/http/atom.ts';
import { badge } from '../../src/http/badge.ts';
import { project } from '../../src/http/cctray.ts';
import { clusterPage } from '../../src/http/cluster-page.ts';
import { deploymentPage } from '../../src/http/deployment-page.ts';
import { htmlDocument } from '../../src/http/document.ts';
import { overviewPage } from '../../src/http/overview-page.ts';
import { HURT, MARKUP } from '../lab/hostile-markup.ts';
import { sampleClusterView, sampleDeploymentView } from './memory-application.ts';

let browser: Browser;
let page: Page;
beforeAll(async () => {
  browser = await chromium.launch({ executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
  page = await browser.newPage();
}, 60_000);
afterAll(() => browser.close());

/** Every field that comes from outside says `text`. */
function clusterSaying(text: string): ClusterView {
  return {
    ...sampleClusterView(text),
    environment: text,
    release: { id: text, revision: text, author: text, message: text, live: '2026-01-01T00:00:00.000Z' },
    held: text,
    locked: text,
    branches: [{ repository: text, branch: text }],
    servers: [{ name: text, state: 'failed', release: `not ${text}`, error: text }],
  };
}

function deploymentSaying(text: string): DeploymentView {
  return {
    ...sampleDeploymentView(42),
    cluster: text,
    repository: text,
    branch: text,
    revision: text,
    author: text,
    message: text,
    release: text,
    previous: text,
    result: 'failed',
    reason: text,
    problem: { code: 'build', message: text, detail: text },
    requestedBy: text,
    servers: [{ name: text, state: 'failed', release: text, error: text, bytes: 0, carrier: null, warning: text }],
  };
}

/** All that the server writes, with one text everywhere. */
function documentsSaying(text: string): { html: string[]; xml: string[] } {
  const view = clusterSaying(text);
  const row = { view, health: healthOf(view, null) };
  const deployment = deploymentSaying(text);
  const overview = { version: text, clusters: [view], configurationProblem: text, storeProblem: text };
  return {
    html: [overviewPage(overview, [row]), clusterPage(row, [deployment]), deploymentPage(deployment), withAnswers(text)],
    xml: [
      badge(text, { tone: 'bad', word: text }),
      `<Projects>${project(view, null, 'http://x')}</Projects>`,
      feed([deployment], text, 'http://x', '2026-01-01T00:00:00Z'),
    ],
  };
}

/** A document with what the script would ask for. */
const withAnswers = (text: string): string =>
  htmlDocument({ title: text, body: '', refreshSeconds: null, answers: { me: { name: text, [text]: text } } }, '<meta name="built">');

type Shape = { tags: string; text: string; links: string[] };

/** Runs in the browser, whose types are not those of this program. */
const SHAPES = `(all) => all.map(({ text, type }) => {
  const parsed = new DOMParser().parseFromString(text, type);
  const elements = [...parsed.querySelectorAll('*')];
  return {
    tags: elements.map((one) => one.nodeName + '[' + [...one.attributes].map(({ name }) => name).join() + ']').join(' '),
    text: parsed.documentElement.textContent,
    links: elements.flatMap((one) => ['href', 'webUrl', 'src', 'action'].flatMap((name) => one.getAttribute(name) ?? [])),
  };
})`;

/** What a real browser makes of the documents: tags with the names of their attributes, text, and where links lead. */
const shapesOf = (documents: readonly { text: string; type: 'text/html' | 'application/xml' }[]): Promise<Shape[]> =>
  page.evaluate(`(${SHAPES})(${JSON.stringify(documents)})`);

test(`${MARKUP.length} hostile texts in every field leave pages, feeds and pictures as they are`, async () => {
  expect(MARKUP.length).toBeGreaterThanOrEqual(500);
  const documentsOf = (text: string) => {
    const { html, xml } = documentsSaying(text);
    return [
      ...html.map((one) => ({ text: one, type: 'text/html' as const })),
      ...xml.map((one) => ({ text: one, type: 'application/xml' as const })),
    ];
  };
  const plain = await shapesOf(documentsOf('plain'));
  for (let i = 0; i < MARKUP.length; i += 65) {
    const batch = MARKUP.slice(i, i + 65);
    const shapes = await shapesOf(batch.flatMap(documentsOf));
    for (const [j, shape] of shapes.entries()) {
      const payload = batch[Math.floor(j / plain.length)] ?? '';
      const which = j % plain.length;
      expect({ payload, which, tags: shape.tags }).toEqual({ payload, which, tags: plain[which]?.tags });
      for (const link of shape.links) expect(link).toMatch(/^(?:\/(?!\/)|http:\/\/x\/|http:\/\/x$)/);
    }
  }
}, 120_000);

test('what is hostile is still there to read', async () => {
  const payload = `</td><script>${HURT}</script>&amp;"'`;
  const [overview] = await shapesOf([{ text: documentsSaying(payload).html[0] ?? '', type: 'text/html' }]);
  expect(overview?.text).toContain(visibleLine(payload));
});

test('a browser that shows the pages runs nothing of it', async () => {
  for (const html of documentsSaying(MARKUP.join(' ')).html) {
    await page.setContent(html);
    expect(await page.evaluate('window.hurt')).toBeUndefined();
  }
  await page.setContent(`<script>${HURT}</script>`);
  expect(await page.evaluate('window.hurt')).toBe(1);
});
