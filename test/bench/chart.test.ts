// The charts of the benchmark, as a browser shows them.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { Browser, Page } from 'playwright-core';
import { spread, ticksAround } from '../../scripts/bench.d/places.js';
import { chartOf, openReport } from '../../scripts/bench.d/report.js';
import { openBrowser } from '../page/browser.ts';

let browser: Browser;
let page: Page;
beforeAll(async () => {
  browser = await openBrowser();
  page = await browser.newPage();
});
afterAll(() => browser.close());

const NAMES = [
  'ssh HOST true',
  'rsync of the changed files, in place',
  'script with rsync --link-dest',
  'Capistrano 3',
  'Ansible <synchronize> & "tuned"',
  'Shipit 5',
  'Lockstep, cold',
  'Lockstep, warm',
];
const rowsOf = (walls: readonly number[]): { name: string; isOurs: boolean; wall: number }[] =>
  walls.map((wall, i) => ({ name: NAMES[i]!, isOurs: i > 5, wall }));
const NEAR = rowsOf([840, 960, 5170, 3080, 9050, 6200, 1000, 790]);
const TITLE = 'A commit of 12 files to an application of 4,100';
const NOTE = 'Seconds until the last server serves it';

const charts = {
  'one number of servers': [{ count: 10, rows: NEAR }],
  'one server and one contender': [{ count: 1, rows: NEAR.slice(-1) }],
  'three numbers of servers': [
    { count: 1, rows: rowsOf([200, 210, 900, 2400, 4100, 4200, 410, 330]) },
    { count: 10, rows: NEAR },
    { count: 50, rows: rowsOf([4000, 4200, 22_000, 14_000, 37_000, 40_000, 4100, 2400]) },
  ],
  'all equally quick': [1, 10, 50, 200].map((count) => ({ count, rows: rowsOf(NAMES.map(() => 1000)) })),
  'from hundredths of a second to an hour': [1, 10_000].map((count) => ({
    count,
    rows: rowsOf(NAMES.map((_, i) => 10 * 6.2 ** i * count ** 0.01)),
  })),
};

type Box = { words: string; left: number; top: number; right: number; bottom: number };
type Seen = { size: { width: number; height: number }; texts: Box[]; title: string; description: string; contrasts: number[] };

/** What a browser makes of it, as a file of its own. Sides in px, each text a pixel smaller than its box, which has room for accents. */
async function look(svg: string, colorScheme: 'light' | 'dark'): Promise<Seen> {
  await page.emulateMedia({ colorScheme });
  await page.goto(`data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`);
  return await page.evaluate<Seen>(`(() => {
      const light = (rgb) => {
        const [r, g, b] = rgb.match(/[0-9.]+/g).map((one) => (one / 255 <= 0.03928 ? one / 255 / 12.92 : ((one / 255 + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const paper = light(getComputedStyle(document.querySelector('.paper')).fill);
      const contrast = (rgb) => (Math.max(light(rgb), paper) + 0.05) / (Math.min(light(rgb), paper) + 0.05);
      const root = document.documentElement;
      const all = (what) => [...document.querySelectorAll(what)];
      return {
        size: { width: root.width.baseVal.value, height: root.height.baseVal.value },
        texts: all('text').map((one) => {
          const { x, y, width, height } = one.getBBox();
          return { words: one.textContent, left: x, top: y + 1, right: x + width, bottom: y + height - 1 };
        }),
        title: document.querySelector('title').textContent,
        description: document.querySelector('desc').textContent,
        contrasts: [
          ...all('text').map((one) => contrast(getComputedStyle(one).fill) / 4.5),
          ...all('.colour').map((one) => contrast(getComputedStyle(one).fill) / 3),
          ...all('.line').map((one) => contrast(getComputedStyle(one).stroke) / 3),
        ],
      };
    })()`);
}

test.each(Object.entries(charts))('A chart of %s: nothing covers another, all can be read, light and dark', async (_, measured) => {
  const svg = chartOf(TITLE, NOTE, measured);
  for (const scheme of ['light', 'dark'] as const) {
    const { size, texts, contrasts } = await look(svg, scheme);
    const outside = texts.filter(({ left, top, right, bottom }) => left < 0 || top < 0 || right > size.width || bottom > size.height);
    expect(outside).toEqual([]);
    const covered = texts.flatMap((one, i) =>
      texts
        .slice(i + 1)
        .filter((other) => one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom)
        .map((other) => `${one.words} | ${other.words}`),
    );
    expect(covered).toEqual([]);
    // Times what WCAG 2.2 asks for: 4.5 for texts, 3 for what is drawn.
    expect(Math.min(...contrasts)).toBeGreaterThanOrEqual(1);
  }
});

test.each(Object.entries(charts))('A chart of %s says each value, to those who do not see it, too', async (_, measured) => {
  const { texts, title, description } = await look(chartOf(TITLE, NOTE, measured), 'light');
  expect(title).toBe(TITLE);
  const words = texts.map((one) => one.words);
  for (const { rows } of measured)
    for (const { name, wall } of rows) {
      const value = `${(wall / 1000).toFixed(2)} s`;
      expect(words.some((one) => one.endsWith(value))).toBe(true);
      expect(words.some((one) => one.startsWith(name))).toBe(true);
      expect(description).toContain(name);
      expect(description).toContain(value);
    }
});

test('A report is written with its charts beside it, each below the title it belongs to', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'lockstep-report-'));
  try {
    const shown: string[] = [];
    const report = openReport((line) => shown.push(line));
    report.print('# Benchmarks');
    report.print('## Small');
    const small = report.placeOfChart('small');
    report.table([['seconds', ({ wall }) => String(wall)]], NEAR.slice(0, 1));
    report.print('## First');
    const first = report.placeOfChart('first');
    report.print('the end');
    first('First copies', chartOf('First copies', NOTE, charts['one number of servers']));
    small('Small commits', chartOf('Small commits', NOTE, charts['three numbers of servers']));
    report.write(join(directory, 'new.md'));
    expect(shown).toEqual([
      '# Benchmarks',
      '## Small',
      '',
      '| | seconds |',
      '|---|---:|',
      '| ssh HOST true | 840 |',
      '## First',
      'the end',
    ]);
    expect((await readFile(join(directory, 'new.md'), 'utf8')).split('\n')).toEqual([
      '# Benchmarks',
      '## Small',
      '',
      '![Small commits](new-small.svg)',
      '',
      '| | seconds |',
      '|---|---:|',
      '| ssh HOST true | 840 |',
      '## First',
      '',
      '![First copies](new-first.svg)',
      'the end',
      '',
    ]);
    expect((await look(await readFile(join(directory, 'new-first.svg'), 'utf8'), 'light')).title).toBe('First copies');
    expect((await look(await readFile(join(directory, 'new-small.svg'), 'utf8'), 'light')).title).toBe('Small commits');
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('Texts move as little as they must: in their order, apart, and within the chart', () => {
  expect(spread([100, 200, 300], 17, 0, 400)).toEqual([100, 200, 300]);
  expect(spread([104, 100, 300], 10, 0, 400)).toEqual([107, 97, 300]);
  expect(spread([0, 1], 10, 0, 400)).toEqual([0, 10]);
  expect(spread([400, 399], 10, 0, 400)).toEqual([400, 390]);
  const wanted = fc.array(fc.double({ min: 0, max: 400, noNaN: true }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(wanted, (places) => {
      const found = spread(places, 20, 0, 400);
      const order = places.map((_, i) => i).sort((a, b) => places[a]! - places[b]!);
      for (const [n, i] of order.entries()) {
        expect(found[i]).toBeGreaterThanOrEqual(0);
        expect(found[i]).toBeLessThanOrEqual(400);
        if (n > 0) expect(found[i]! - found[order[n - 1]!]!).toBeGreaterThan(20 - 1e-6);
      }
    }),
  );
});

test('An axis begins and ends with round figures around all values', () => {
  expect(ticksAround(240, 38_010)).toEqual([200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000]);
  expect(ticksAround(1_000, 1_000)).toEqual([1_000, 2_000]);
  const value = fc.double({ min: 0.1, max: 1e7, noNaN: true });
  fc.assert(
    fc.property(value, value, (one, other) => {
      const [least, most] = [Math.min(one, other), Math.max(one, other)];
      const ticks = ticksAround(least, most);
      expect(ticks[0]).toBeLessThanOrEqual(least);
      expect(ticks.at(-1)).toBeGreaterThanOrEqual(most);
      expect(ticks.length).toBeGreaterThan(1);
    }),
  );
});
