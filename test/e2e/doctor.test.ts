// The doctor, with real repositories and servers: everything that would make a first deployment fail is named with its remedy.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startSshd } from '../lab/sshd.ts';
import type { Sshd } from '../lab/sshd.ts';
import { must, openWorkshop, untilLive } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';

type Found = { name: string; state: string; message: string; remedy: string | null };

let sshd: Sshd;
let shop: Workshop;

beforeAll(async () => {
  sshd = await startSshd({ maxSessions: 1 });
  shop = await openWorkshop(({ dir, git, svn }) => ({
    project: 'shop',
    repositories: { shop: { type: 'git', url: git }, portal: { type: 'svn', url: `file://${svn}` } },
    branches: [
      { repository: 'shop', branch: 'servers/demo', clusters: ['demo'] },
      { repository: 'shop', branch: 'servers/{developer}', clusters: ['sandbox-{developer}'] },
      { repository: 'portal', branch: 'trunk', clusters: ['narrow'] },
    ],
    clusters: {
      demo: {
        environment: 'test',
        shared: ['config/local.php', 'var/uploads/'],
        servers: [1, 2].map((i) => ({ name: `web${i}`, path: join(dir, `servers/web${i}`) })),
      },
      'sandbox-{developer}': { servers: [{ name: 'box', path: join(dir, 'sandboxes/{developer}') }] },
      narrow: {
        servers: [{ name: 'web1', host: '127.0.0.1', port: sshd.port, user: sshd.user, path: join(dir, 'servers/narrow') }],
        ssh: { identity: sshd.identity, knownHosts: sshd.knownHosts },
      },
    },
  }));
  await must('svnadmin', ['create', shop.svn]);
  await must('svn', ['mkdir', '-q', '-m', 'Layout', `file://${shop.svn}/trunk`]);
  await shop.start();
});

afterAll(async () => {
  await shop.close();
  await sshd.stop();
});

async function doctor(...args: string[]): Promise<{ code: number; checks: Found[] }> {
  const { code, stdout } = await shop.lockstep(['doctor', '--json', ...args]);
  return { code, checks: (JSON.parse(stdout) as { checks: Found[] }).checks };
}

const linesOf = (checks: readonly Found[], name: string): string[] =>
  checks
    .filter((one) => one.name === name)
    .map(({ state, message, remedy }) => `${state} ${message}${remedy === null ? '' : ` → ${remedy}`}`);

test('tells of branches that do not exist yet, hooks that are not installed, and shared files that are missing', async () => {
  const { code, checks } = await doctor('--cluster', 'demo');
  expect(code).toBe(0);
  expect(linesOf(checks, 'repository shop')).toEqual([
    'ok answers; 0 of 2 configured branches and patterns exist',
    expect.stringMatching(/^warn there is no branch servers\/demo yet → push it/),
    'ok no branch matches servers/{developer} yet',
    expect.stringMatching(/^warn its hook post-receive is not Lockstep's: .* → lockstep hooks install \S+shop.git --repository shop$/),
  ]);
  expect(linesOf(checks, 'repository portal')).toEqual([
    'ok answers; 1 of 1 configured branches and patterns exist',
    expect.stringMatching(/^warn its hook post-commit /),
  ]);
  expect(linesOf(checks, 'server web1 of demo')).toEqual([
    expect.stringMatching(/^ok serves nothing yet; rsync 3\.\S+; \d+ MiB and \d+ inodes free$/),
    expect.stringMatching(/^warn shared\/config\/local\.php is missing → put it there before the first deployment/),
    expect.stringMatching(/^ok hint: whether its web server shows maintenance\.html/),
  ]);
  expect(linesOf(checks, 'clock')).toEqual([expect.stringMatching(/^ok \d{4}-/)]);
});

test('is content when these are put right, and finds the servers of patterns by the branches that exist', async () => {
  for (const path of [shop.git, shop.svn]) await shop.lockstep(['hooks', 'install', path]);
  for (const i of [1, 2]) {
    await mkdir(join(shop.dir, `servers/web${i}/shared/config`), { recursive: true });
    await writeFile(join(shop.dir, `servers/web${i}/shared/config/local.php`), '');
  }
  await shop.stop();
  const revision = await shop.commit({ 'index.html': 'one\n' });
  await must('git', ['push', '-q', 'origin', 'HEAD:servers/demo', 'HEAD:servers/ann'], { cwd: shop.tree });
  await shop.start();
  for (const cluster of ['demo', 'sandbox-ann']) await untilLive(shop, cluster, revision);
  const { code, checks } = await doctor('--cluster', 'sandbox-ann');
  expect(code).toBe(0);
  expect(linesOf(checks, 'repository shop')).toEqual([
    'ok answers; 2 of 2 configured branches and patterns exist',
    'ok its hooks are installed',
  ]);
  expect(linesOf(checks, 'server box of sandbox-ann')[0]).toMatch(/^ok serves /);
  expect(checks.filter(({ name }) => name.includes(' of demo'))).toEqual([]);
});

test('takes a plain directory called current as it is, but not a link out of releases/; and sees a flag and a lock that were left over', async () => {
  await shop.stop();
  const path = join(shop.dir, 'servers/web1');
  const other = join(shop.dir, 'servers/web2');
  await rm(join(path, 'current'), { force: true });
  await rm(join(other, 'current'), { force: true });
  await mkdir(join(path, 'current'));
  await symlink('/tmp', join(other, 'current'));
  await writeFile(join(path, 'maintenance'), '');
  const [boot, uptime] = await Promise.all(['sys/kernel/random/boot_id', 'uptime'].map((name) => readFile(join('/proc', name), 'utf8')));
  await writeFile(join(other, '.lockstep/lock'), `7-old 1 ${boot?.trim() ?? ''} ${Number.parseInt(uptime ?? '', 10) + 600} - .\n`);
  const { code, checks } = await doctor('--cluster', 'demo');
  expect(code).toBe(1);
  expect(linesOf(checks, 'server web1 of demo').slice(0, 2)).toEqual([
    expect.stringMatching(/^ok serves a directory called current;/),
    `warn the maintenance flag was left over: visitors see the maintenance page → rm ${path}/maintenance`,
  ]);
  expect(linesOf(checks, 'server web2 of demo').slice(1)).toEqual([
    expect.stringMatching(/^fail current points to \/tmp, out of releases\/: a deployment refuses that → remove .*web2\/current/),
    expect.stringMatching(/^warn it is locked by deployment 7-old → it ends by itself in \d+ s$/),
  ]);
});

test('finds out before the first upload that sshd allows one session only', async () => {
  const { code, checks } = await doctor('--cluster', 'narrow');
  expect(code).toBe(1);
  expect(linesOf(checks, 'server web1 of narrow')[1]).toMatch(/^fail its sshd allows no second session .* → set MaxSessions to 2 or more/);
});

test('names a cluster that does not exist, a repository that does not answer, and a clock that was set back', async () => {
  expect(linesOf((await doctor('--cluster', 'nothing')).checks, 'servers')).toEqual([
    expect.stringMatching(/^fail there is no cluster "nothing"; there are: demo, narrow/),
  ]);
  await must('mv', [shop.git, `${shop.git}.away`]);
  const later = new Date(Date.now() + 3_600_000);
  await utimes(join(shop.data, 'lockstep.db'), later, later);
  const { code, checks } = await doctor('--cluster', 'demo');
  await must('mv', [`${shop.git}.away`, shop.git]);
  expect(code).toBe(1);
  expect(linesOf(checks, 'repository shop')[0]).toMatch(/^fail /);
  expect(linesOf(checks, 'clock')).toEqual([expect.stringMatching(/^warn it was set back: .* → let NTP set it/)]);
});

test('names an unknown key of the configuration with its line', async () => {
  const text = await readFile(shop.config, 'utf8');
  await writeFile(shop.config, text.replace('"environment"', '"enviroment"'));
  const line = text.slice(0, text.indexOf('"environment"')).split('\n').length;
  const { code, checks } = await doctor();
  await writeFile(shop.config, text);
  expect(code).toBe(1);
  expect(linesOf(checks, 'configuration')[0]).toContain(`:${line}:7  clusters.demo.enviroment: unknown key; did you mean "environment"?`);
});
