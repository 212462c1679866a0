// The recipes of docs/recipes.md, run as they stand there: with nginx, PHP-FPM and a Node service, while somebody visits.
import { afterEach, describe, expect, test } from '@jest/globals';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadConfiguration } from '../../src/config/load.ts';
import { startNginx } from '../lab/nginx.ts';
import { startPhpFpm } from '../lab/php-fpm.ts';
import { ask, startVisitor } from '../lab/visitor.ts';
import type { Answer } from '../lab/visitor.ts';
import { freePort, openWorkshop } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';

type Recipe = { readonly title: string; readonly blocks: readonly { readonly language: string; readonly text: string }[] };
type Files = Readonly<Record<string, string>>;

const text = await readFile(fileURLToPath(new URL('../../docs/recipes.md', import.meta.url)), 'utf8');
const recipes: Recipe[] = text
  .split(/^## /m)
  .slice(1)
  .map((section) => ({
    title: section.slice(0, section.indexOf('\n')),
    blocks: [...section.matchAll(/```(\w+)\n([\s\S]*?)```/g)].map(([, language = '', body = '']) => ({ language, text: body })),
  }));

function blockOf(title: string, language: string): string {
  const found = recipes.find((recipe) => recipe.title === title)?.blocks.find((block) => block.language === language);
  if (found === undefined) throw new Error(`docs/recipes.md has no ${language} under ${title}`);
  return found.text;
}

test.each(recipes.map(({ title }) => title))('the configuration of the recipe “%s” is valid', async (title) => {
  const dir = await mkdtemp(join(tmpdir(), 'lockstep-docs-'));
  await writeFile(join(dir, 'branches.config.json'), blockOf(title, 'json'));
  const { configuration, warnings } = await loadConfiguration(join(dir, 'branches.config.json'));
  await rm(dir, { recursive: true });
  expect([[...configuration.clusters.keys()], warnings]).toEqual([['production'], []]);
});

/** One file calls another; both say of which release they are. Time goes by in between. */
const php = (release: string): Files => ({
  'index.php': `<?php $release = '${release}'; usleep((int) ($_GET['wait'] ?? 20000)); require __DIR__ . '/lib.php'; echo $release . '|' . lib();\n`,
  'lib.php': `<?php function lib() { return '${release}'; }\n`,
});

/** Reads its page when it starts; like Tomcat, from a copy of its own if it has one. */
const service = (release: string, port: number, work: string | null): Files => ({
  'page.txt': release,
  'package.json': '{ "name": "shop", "version": "1.0.0" }',
  'package-lock.json':
    '{ "name": "shop", "version": "1.0.0", "lockfileVersion": 3, "packages": { "": { "name": "shop", "version": "1.0.0" } } }',
  'server.js': `
    const fs = require('node:fs');
    const copy = ${JSON.stringify(work)};
    if (copy !== null && !fs.existsSync(copy)) fs.copyFileSync('page.txt', copy);
    const page = fs.readFileSync(copy ?? 'page.txt', 'utf8');
    const server = require('node:http').createServer((_, response) => response.end(page + '|' + page));
    server.listen(${port}, '127.0.0.1');
    process.on('SIGTERM', () => process.exit(0));`,
});

/** A machine without systemd: one service, as its unit would have it. */
const systemctl = (path: string): string => `#!/bin/sh
set -u
pid=$(cat "${path}/service.pid" 2>/dev/null || echo none)
is_running() { grep -q server.js "/proc/$pid/cmdline" 2>/dev/null; }
case $1 in stop | restart)
  if is_running; then kill "$pid"; fi
  while is_running; do sleep 0.05; done
  ;;
esac
case $1 in start | restart)
  is_running && exit 0
  (cd "${path}/current" && exec setsid "${process.execPath}" server.js </dev/null >/dev/null 2>&1) &
  echo $! >"${path}/service.pid"
  ;;
esac
`;

describe('a site that is deployed by the recipe', () => {
  const closing: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  type Site = { readonly shop: Workshop; readonly url: string; readonly ports: readonly number[]; readonly path: string };

  /** `changes`: what a test takes away from the recipe. */
  async function open(title: string, web: string, changes: (cluster: Record<string, unknown>) => void = () => undefined): Promise<Site> {
    const ports = [await freePort(), await freePort(), await freePort()] as const;
    const replacements = (dir: string): [string, string][] => [
      ['/srv/tomcat', join(dir, 'tomcat')],
      ['/srv/shop', join(dir, 'servers/web1')],
      ['/run/php/php-fpm.sock', join(dir, 'php/fpm.sock')],
      ['/run/php/php-fpm.pid', join(dir, 'php/fpm.pid')],
      ['include fastcgi_params', 'include /etc/nginx/fastcgi_params'],
      ['listen 80;', `listen 127.0.0.1:${ports[0]};`],
      [':80/', `:${ports[0]}/`],
      [':8081', `:${ports[1]}`],
      [':3000', `:${ports[2]}`],
      ['sudo systemctl', join(dir, 'systemctl')],
    ];
    const adapted = (from: string, dir: string): string => replacements(dir).reduce((to, [one, other]) => to.replaceAll(one, other), from);
    const shop = await openWorkshop(({ dir, git }) => {
      const configuration = JSON.parse(adapted(blockOf(title, 'json'), dir)) as {
        repositories: unknown;
        branches: { build?: { command: string } }[];
        clusters: { production: Record<string, unknown> };
      };
      configuration.repositories = { shop: { type: 'git', url: git } };
      configuration.clusters.production['servers'] = [{ name: 'web1' }];
      // There is no Maven here.
      if (configuration.branches[0]?.build?.command.includes('mvn') === true) delete configuration.branches[0].build;
      changes(configuration.clusters.production);
      return configuration;
    });
    closing.push(() => shop.close());
    const path = join(shop.dir, 'servers/web1');
    await mkdir(join(path, 'shared'), { recursive: true });
    for (const part of ['work', 'temp']) await mkdir(join(shop.dir, 'tomcat', part), { recursive: true });
    await writeFile(join(shop.dir, 'systemctl'), systemctl(path), { mode: 0o755 });
    if (title.startsWith('PHP')) {
      const fpm = await startPhpFpm(join(shop.dir, 'php'));
      closing.push(() => fpm.stop());
      await writeFile(
        join(path, 'shared/flush.php'),
        recipes.flatMap(({ blocks }) => blocks).find(({ language }) => language === 'php')?.text ?? '',
      );
    }
    const nginx = await startNginx(join(shop.dir, 'nginx'), adapted(blockOf(web, 'nginx'), shop.dir), ports[0]);
    closing.push(() => nginx.stop());
    await shop.start();
    return { shop, url: `http://127.0.0.1:${ports[0]}/`, ports, path };
  }

  async function deploy({ shop }: Site, files: Files): Promise<void> {
    await shop.commit(files);
    await shop.push('HEAD:servers/production');
    const { code, stdout, stderr } = await shop.lockstep(['deploy', 'production', '--wait']);
    expect([code, code === 0 ? '' : stdout + stderr]).toEqual([0, '']);
  }

  /** Three releases and a roll back, visited all the time. */
  async function isSound(site: Site, filesOf: (release: string) => Files, { isAlwaysUp = false } = {}): Promise<void> {
    await deploy(site, filesOf('one'));
    const visitor = startVisitor(site.url);
    closing.push(() => visitor.stop());
    for (const release of ['two', 'three']) {
      await deploy(site, filesOf(release));
      expect((await ask(site.url)).text).toBe(`${release}|${release}`);
    }
    expect(await site.shop.lockstep(['rollback', 'production', '--wait'])).toMatchObject({ code: 0 });
    expect((await ask(site.url)).text).toBe('two|two');
    const answers = [...(await visitor.stop())].sort((a, b) => a.answered - b.answered);
    expect(answers.filter(({ status }) => status !== 200 && (isAlwaysUp || status !== 503))).toEqual([]);
    isInOrder(
      answers.filter(({ status }) => status === 200),
      ['one|one', 'two|two', 'three|three', 'two|two'],
    );
  }

  /** Nobody who asked when a page had been seen gets the one before it. Who had asked by then may: the release before answers to the end. */
  function isInOrder(answers: readonly Answer[], pages: readonly string[]): void {
    const seen = [-Infinity];
    for (const { asked, answered, text: page } of answers) {
      const at = seen.length - 1;
      if (page === pages[at + 1]) seen.push(answered);
      else if (page !== pages[at]) expect([page, asked < seen[at]!]).toEqual([pages[at - 1], true]);
    }
    expect(seen).toHaveLength(pages.length);
  }

  test('“Static site” is never away', async () => {
    const site = await open('Static site', 'Static site');
    const files = (release: string): Files => ({ page: `${release}|${release}\n`, 'build.sh': 'mkdir dist && cp page dist/index.html\n' });
    await isSound(site, files, { isAlwaysUp: true });
  }, 120_000);

  test('“PHP-FPM with the real path” shows no old code and no mix, although nobody empties a cache', async () => {
    await isSound(await open('PHP-FPM with the real path', 'PHP-FPM with the real path'), php);
  }, 120_000);

  test('“PHP-FPM with a flush URL” shows no old code and no mix', async () => {
    await isSound(await open('PHP-FPM with a flush URL', 'PHP-FPM with a flush URL'), php);
  }, 120_000);

  test('“PHP-FPM with a reload” shows no old code and no mix', async () => {
    await isSound(await open('PHP-FPM with a reload', 'PHP-FPM with a flush URL'), php);
  }, 120_000);

  test.each([
    ['PHP-FPM with the real path', 'PHP-FPM with the real path'],
    ['PHP-FPM with a flush URL', 'PHP-FPM with a flush URL'],
    ['PHP-FPM with a reload', 'PHP-FPM with a flush URL'],
  ])(
    '“%s” shows no old code either while somebody waits for a long answer of the release before',
    async (title, web) => {
      const site = await open(title, web);
      await deploy(site, php('one'));
      for (let i = 0; i < 20; i++) expect((await ask(site.url)).text).toBe('one|one');
      const long = ask(`${site.url}?wait=5000000`);
      await deploy(site, php('two'));
      const answers = await Promise.all(Array.from({ length: 20 }, () => ask(site.url)));
      expect(answers.map(({ text: page }) => page)).toEqual(answers.map(() => 'two|two'));
      expect((await long).text).toBe('one|one');
    },
    120_000,
  );

  test('without the command of these two goes on showing old code: that is what it is for', async () => {
    const site = await open('PHP-FPM with a flush URL', 'PHP-FPM with a flush URL', (cluster) => delete cluster['commands']);
    await deploy(site, php('one'));
    for (let i = 0; i < 20; i++) expect((await ask(site.url)).text).toBe('one|one');
    await deploy(site, php('two'));
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(site.url)));
    expect(answers.map(({ text: page }) => page)).toContain('one|one');
  }, 120_000);

  test.each([
    ['Node', false],
    ['Tomcat', true],
  ])(
    '“%s” shows the release that the restarted service has read',
    async (title, hasCopy) => {
      const site = await open(title, 'Node');
      closing.push(() => stopService(site.shop.dir));
      await isSound(site, (release) => service(release, site.ports[2]!, hasCopy ? join(site.shop.dir, 'tomcat/work/page') : null));
    },
    180_000,
  );
});

async function stopService(dir: string): Promise<void> {
  const pid = Number(await readFile(join(dir, 'servers/web1/service.pid'), 'utf8'));
  process.kill(pid, 'SIGTERM');
}
