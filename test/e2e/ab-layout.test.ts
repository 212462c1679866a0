// The A/B layout with real nginx servers: a team that had two directories and replaced nginx's root goes on with Lockstep.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { appendFileSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PastReleaseView } from '../../src/core/views.ts';
import { localServers, oneCluster } from '../lab/configuration.ts';
import { startNginx } from '../lab/nginx.ts';
import type { Nginx } from '../lab/nginx.ts';
import { ask, startVisitor } from '../lab/visitor.ts';
import type { Visitor } from '../lab/visitor.ts';
import { freePort, openWorkshop } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';

const SERVERS = [1, 2];
/** nginx puts the two files together while it answers one request. */
const page = (release: string) => ({ 'index.html': `${release}|<!--# include virtual="/part.html" -->`, 'part.html': release });

describe.each([
  ['with a maintenance page', true],
  ['without a maintenance window', false],
])('two directories in turn, %s', (_, hasWindow) => {
  let shop: Workshop;
  let nginx: Nginx[];
  let urls: string[];
  let visitors: Visitor[];

  const pathOf = (i: number): string => join(shop.dir, `servers/web${i}`);
  const siteOf = (path: string, port: number): string => `
server {
    listen 127.0.0.1:${port};
    root ${path}/production_a;
    ssi on;
    ssi_types *;
    location / {
        if (-f ${path}/maintenance) { return 503; }
    }
    error_page 503 @maintenance;
    location @maintenance { root ${path}; rewrite ^ /maintenance.html break; }
}
`;

  beforeAll(async () => {
    shop = await openWorkshop(({ dir, git }) =>
      oneCluster('demo', git, {
        servers: localServers(dir, SERVERS),
        layout: {
          kind: 'ab',
          config: 'nginx/sites/shop.conf',
          test: 'nginx -t -q -p "$PWD/nginx" -c nginx.conf -e error.log',
          reload: 'nginx -s reload -p "$PWD/nginx" -c nginx.conf -e error.log',
        },
        keep: 2,
        ...(hasWindow ? {} : { maintenance: false }),
      }),
    );
    const ports = await Promise.all(SERVERS.map(freePort));
    urls = ports.map((port) => `http://127.0.0.1:${port}/`);
    for (const i of SERVERS) {
      for (const [letter, text] of [
        ['production_a', 'by hand'],
        ['production_b', 'before that'],
      ] as const) {
        await mkdir(join(pathOf(i), letter), { recursive: true });
        for (const [file, content] of Object.entries(page(text))) await writeFile(join(pathOf(i), letter, file), content);
      }
    }
    nginx = await Promise.all(SERVERS.map((i) => startNginx(join(pathOf(i), 'nginx'), siteOf(pathOf(i), ports[i - 1]!), ports[i - 1]!)));
    await shop.start();
    visitors = urls.map((url) => startVisitor(url));
  });

  afterAll(async () => {
    await Promise.all(visitors.map((visitor) => visitor.stop()));
    await Promise.all(nginx.map((one) => one.stop()));
    await shop.close();
  });

  const served = (): Promise<string[]> => Promise.all(urls.map(async (url) => (await ask(url)).text));
  const past = async (): Promise<PastReleaseView[]> => (await shop.json<{ releases: PastReleaseView[] }>('releases', 'demo')).releases;

  async function deploy(release: string): Promise<void> {
    await shop.commit(page(release));
    await shop.push('HEAD:servers/demo');
    expect(await shop.lockstep(['deploy', 'demo', '--wait'])).toMatchObject({ code: 0 });
  }

  test('are taken over, and further releases follow: no error, no mix, nothing old afterwards', async () => {
    expect(await served()).toEqual(['by hand|by hand', 'by hand|by hand']);
    for (const release of ['one', 'two', 'three']) {
      await deploy(release);
      expect(await served()).toEqual([`${release}|${release}`, `${release}|${release}`]);
    }
    for (const i of SERVERS) {
      expect(readFileSync(join(pathOf(i), 'nginx/sites/shop.conf'), 'utf8')).toContain(`root ${pathOf(i)}/production_b;`);
      expect(readlinkSync(join(pathOf(i), 'production_b'))).toBe(readlinkSync(join(pathOf(i), 'current')));
      expect(readFileSync(join(pathOf(i), 'production_a/part.html'), 'utf8')).toBe('two');
    }
  }, 120_000);

  test('go back, as far as to what was there before Lockstep, and forward again', async () => {
    const rollback = (...args: string[]) => shop.lockstep(['rollback', 'demo', ...args, '--wait']);
    expect((await rollback()).code).toBe(0);
    expect(await served()).toEqual(['two|two', 'two|two']);
    const adopted = (await past()).find(({ id }) => id === 'before-lockstep');
    expect(adopted).toMatchObject({ state: 'good', present: 2, message: 'was on the servers before Lockstep' });
    expect((await rollback('--to', 'before-lockstep', ...(hasWindow ? [] : ['--emergency']))).code).toBe(0);
    expect(await served()).toEqual(['by hand|by hand', 'by hand|by hand']);
    await deploy('four');
    expect(await served()).toEqual(['four|four', 'four|four']);
  }, 120_000);

  test('stay as they are on all servers when one nginx refuses its configuration, with its own words', async () => {
    const before = SERVERS.map((i) => readFileSync(join(pathOf(i), 'nginx/sites/shop.conf'), 'utf8'));
    const broken = join(pathOf(2), 'nginx/sites/other.conf');
    appendFileSync(broken, 'nonsense on;\n');
    await shop.commit(page('five'));
    await shop.push('HEAD:servers/demo');
    const { code, stdout, stderr } = await shop.lockstep(['deploy', 'demo', '--wait']);
    expect([code, stdout + stderr]).toEqual([1, expect.stringMatching(/web2.*unknown directive "nonsense"/s)]);
    expect(await served()).toEqual(['four|four', 'four|four']);
    expect(SERVERS.map((i) => readFileSync(join(pathOf(i), 'nginx/sites/shop.conf'), 'utf8'))).toEqual(before);
    writeFileSync(broken, '');
    await deploy('six');
    expect(await served()).toEqual(['six|six', 'six|six']);
  }, 120_000);

  test('and of all this visitors saw whole releases, in order, and nothing else but the maintenance page', async () => {
    const order = ['by hand', 'one', 'two', 'three', 'two', 'by hand', 'four', 'six'];
    for (const visitor of visitors) {
      const answers = [...(await visitor.stop())].sort((a, b) => a.answered - b.answered);
      expect(answers.length).toBeGreaterThan(500);
      const allowed = hasWindow ? [200, 503] : [200];
      expect(answers.filter(({ status }) => !allowed.includes(status))).toEqual([]);
      // Of an answer that is put together of two, the second may have been asked for after the lock: it is the maintenance page, then.
      const whole = (text: string): string => (hasWindow ? text.replace(/\|<!doctype html>[^]*<title>Updating<[^]*$/, '') : text);
      const texts = answers.filter(({ status }) => status === 200).map(({ text }) => whole(text));
      expect(texts.filter((text) => new Set(text.split('|')).size !== 1)).toEqual([]);
      const seen = texts.map((text) => text.split('|')[0]).filter((text, i, all) => text !== all[i - 1]);
      // Without a window nginx's old and new workers answer side by side for a moment, and `five` was served where it came first.
      if (hasWindow) expect(seen).toEqual(order);
      else expect(order).toEqual(expect.arrayContaining(seen.filter((release) => release !== 'five')));
    }
  });
});
