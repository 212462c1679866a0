// Files from outside: layers and templates for each server, secrets by reference, seeds of shared paths, on this machine and over ssh.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { chmod, mkdir, readFile, readdir, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DeploymentView } from '../../src/core/views.ts';
import { oneCluster } from '../lab/configuration.ts';
import { startSshd } from '../lab/sshd.ts';
import type { Sshd } from '../lab/sshd.ts';
import { until } from '../lab/until.ts';
import { must, openWorkshop, run } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';

const SERVERS = [1, 2, 3];
const BINARY = Buffer.from(Array.from({ length: 256 }, (_, i) => i));

describe.each(['local', 'ssh'])('a cluster of three %s servers with files from outside', (kind) => {
  let sshd: Sshd | null = null;
  let shop: Workshop;

  beforeAll(async () => {
    const addresses = SERVERS.map((i) => `127.0.9.${i}`);
    if (kind === 'ssh') sshd = await startSshd({ addresses });
    const place = (i: number): object => (sshd === null ? {} : { host: addresses[i - 1], port: sshd.port, user: sshd.user });
    shop = await openWorkshop(({ dir, git }) =>
      oneCluster('demo', git, {
        servers: SERVERS.map((i) => ({
          name: `web${i}`,
          path: join(dir, `servers/web${i}`),
          ...place(i),
          ...(i === 2 && { variables: { pool: 'large' } }),
        })),
        ...(sshd !== null && { ssh: { identity: sshd.identity, knownHosts: sshd.knownHosts } }),
        shared: [
          'config/local.php',
          { path: 'config/local.php', seed: 'config/local.php.example' },
          { path: 'var/uploads/', seed: 'var/uploads.example/' },
          'var/log/',
        ],
        files: 'ops/files',
        variables: { pool: 'small', port: 8080 },
        secrets: {
          DB_PASSWORD: { file: 'ops/db' },
          API_KEY: { command: "printf 'key of the api'" },
          TOKEN: { environment: 'SHOP_TOKEN' },
        },
        commands: { flush: 'cat config/db.ini >"../../flushed"' },
        keep: 3,
      }),
    );
    await ops({
      db: 'correct horse battery\n',
      'files/all/robots.txt': 'for all\n',
      'files/all/config/db.ini.template': 'password = {{ secret DB_PASSWORD }}\nkey = {{secret API_KEY}}\ntoken = {{ secret TOKEN }}\n',
      'files/all/config/about.txt.template':
        '{{ cluster }} {{ environment }} {{ server }} {{ path }} {{ branch }} {{ revision }} {{ release }} {{ deployment }} {{ pool }}:{{ port }} {{{{ x }}',
      'files/environments/test/robots.txt': 'for tests\n',
      'files/environments/production/robots.txt': 'for production\n',
      'files/clusters/demo/deep/er/logo.bin': BINARY,
      'files/servers/web3/robots.txt': 'for web3\n',
      'files/servers/web3/crontab.template': '0 3 * * * run-on {{ server }}\n',
      'files/servers/elsewhere/broken.template': '{{ nonsense',
      'files/all/bin/hello': '#!/bin/sh\necho hello\n',
    });
    await chmod(join(shop.dir, 'ops/files/all/bin/hello'), 0o755);
    await shop.start(undefined, { SHOP_TOKEN: 'a token of the shop' });
    await shop.lockstep(['hooks', 'install', shop.git]);
  });

  afterAll(async () => {
    await shop.close();
    await sshd?.stop();
  });

  const pathOf = (i: number): string => join(shop.dir, `servers/web${i}`);
  const on = (i: number, path: string): Promise<string> => readFile(join(pathOf(i), path), 'utf8');
  const onAll = (path: string): Promise<string[]> => Promise.all(SERVERS.map((i) => on(i, path)));
  const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);

  async function ops(files: Record<string, string | Buffer | null>): Promise<void> {
    for (const [path, content] of Object.entries(files)) {
      const full = join(shop.dir, 'ops', path);
      await mkdir(dirname(full), { recursive: true });
      if (content === null) await rm(full);
      else await writeFile(full, content);
    }
  }

  async function ended(ask: () => Promise<unknown>): Promise<DeploymentView> {
    const before = (await shop.status('demo')).deployment;
    await ask();
    const number = await until(
      async () => {
        const view = await shop.status('demo');
        return view.deployment !== before && view.state === 'idle' ? view.deployment : null;
      },
      { what: 'the deployment ends', timeoutMs: 40_000 },
    );
    return shop.show(number);
  }

  async function push(files: Record<string, string | null>): Promise<DeploymentView> {
    await shop.commit(files);
    return ended(() => shop.push('HEAD:servers/demo'));
  }

  test('gets them rendered for each server, the nearest layer winning; what holds a secret is for the account alone', async () => {
    const view = await push({
      'index.html': 'one\n',
      'robots.txt': 'from the repository\n',
      'config/local.php.example': 'example\n',
      'var/uploads.example/a/logo.txt': 'logo\n',
    });
    expect([view.result, view.problem]).toEqual(['done', null]);
    expect(await onAll('current/robots.txt')).toEqual(['for tests\n', 'for tests\n', 'for web3\n']);
    const about = await onAll('current/config/about.txt');
    const pools = ['small', 'large', 'small'];
    for (const i of SERVERS) {
      const words = `demo test web${i} ${pathOf(i)} servers/demo ${view.revision} ${view.release ?? ''} ${view.number} ${pools[i - 1] ?? ''}:8080 {{ x }}`;
      expect(about[i - 1]).toBe(words);
      expect(await readFile(join(pathOf(i), 'current/deep/er/logo.bin'))).toEqual(BINARY);
      const secret = join(pathOf(i), 'current/config/db.ini');
      expect(await readFile(secret, 'utf8')).toBe('password = correct horse battery\nkey = key of the api\ntoken = a token of the shop\n');
      expect(await modeOf(secret)).toBe('600');
      expect(await modeOf(join(pathOf(i), 'current/config/about.txt'))).toBe('644');
      expect(await must(join(pathOf(i), 'current/bin/hello'), [])).toBe('hello\n');
      expect(await readlink(join(pathOf(i), 'current/config/db.ini'))).toBe(`../../../.lockstep/files/${view.release ?? ''}/config/db.ini`);
      expect(await on(i, 'flushed')).toContain('correct horse');
    }
    expect(await on(3, 'current/crontab')).toBe('0 3 * * * run-on web3\n');
    await expect(on(1, 'current/crontab')).rejects.toThrow('ENOENT');
  });

  test('has shared paths that begin as their seeds, once', async () => {
    expect(await onAll('shared/config/local.php')).toEqual(['example\n', 'example\n', 'example\n']);
    expect(await onAll('current/var/uploads/a/logo.txt')).toEqual(['logo\n', 'logo\n', 'logo\n']);
    await writeFile(join(pathOf(1), 'shared/config/local.php'), 'mine\n');
    await rm(join(pathOf(1), 'shared/var/uploads/a/logo.txt'));
    await rm(join(pathOf(2), 'shared/config/local.php'));
    const view = await push({ 'config/local.php.example': 'newer example\n', 'var/uploads.example/b.txt': 'b\n' });
    expect(view.result).toBe('done');
    expect(await onAll('current/config/local.php')).toEqual(['mine\n', 'newer example\n', 'example\n']);
    expect(await readdir(join(pathOf(1), 'shared/var/uploads'))).toEqual(['a']);
    expect(await readdir(join(pathOf(1), 'shared/var/uploads/a'))).toEqual([]);
    expect(await readdir(join(pathOf(1), 'shared/config'))).toEqual(['local.php']);
  });

  test('a missing seed fails the deployment before any server is touched', async () => {
    const before = await Promise.all(SERVERS.map((i) => readlink(join(pathOf(i), 'current'))));
    const view = await push({ 'config/local.php.example': null });
    expect([view.result, view.reason]).toEqual([
      'failed',
      expect.stringContaining('config/local.php is to begin as config/local.php.example'),
    ]);
    expect(view.servers.map(({ state }) => state)).toEqual(['idle', 'idle', 'idle']);
    expect(await Promise.all(SERVERS.map((i) => readlink(join(pathOf(i), 'current'))))).toEqual(before);
    expect((await push({ 'config/local.php.example': 'back\n' })).result).toBe('done');
  });

  test('the same commit with other files is another release; a later one has no link to files of an earlier one', async () => {
    const first = await shop.status('demo');
    await ops({
      'files/all/robots.txt': 'new for all\n',
      'files/environments/test/robots.txt': null,
      'files/all/only/here/more.txt': 'more\n',
      'files/clusters/demo/deep/er/logo.bin': null,
    });
    const view = await ended(() => shop.lockstep(['deploy', 'demo', '--force']));
    expect([view.result, view.problem]).toEqual(['done', null]);
    expect(view.release).not.toBe(first.release?.id);
    expect(await onAll('current/robots.txt')).toEqual(['new for all\n', 'new for all\n', 'for web3\n']);
    expect(await onAll('current/only/here/more.txt')).toEqual(['more\n', 'more\n', 'more\n']);
    expect(await readdir(join(pathOf(1), 'current'))).not.toContain('deep');
    const links = await must('find', [`${pathOf(1)}/current/`, '-type', 'l', '-lname', '*/.lockstep/files/*', '-printf', '%l\n']);
    for (const link of links.trim().split('\n')) expect(link).toContain(`.lockstep/files/${view.release ?? ''}/`);
    // What was served before still has its own.
    expect(await on(1, `releases/${first.release?.id ?? ''}/robots.txt`)).toBe('for tests\n');
    await ops({ 'files/all/only/here/more.txt': null });
    const next = await push({ 'index.html': 'without more\n' });
    expect(next.result).toBe('done');
    expect(await readdir(join(pathOf(1), 'current'))).not.toContain('only');
  });

  test('a roll back renders them anew for the release that it goes to; if they cannot be read, those that are there are kept', async () => {
    await push({ 'index.html': 'before\n' });
    const live = await push({ 'index.html': 'after\n' });
    await ops({ 'files/all/robots.txt': 'newest for all\n', db: 'another horse battery\n' });
    const back = await ended(() => shop.lockstep(['rollback', 'demo']));
    expect([back.result, back.servers.map(({ carrier }) => carrier)]).toEqual(['done', ['present', 'present', 'present']]);
    expect(await on(1, 'current/index.html')).toBe('before\n');
    expect(await on(1, 'current/robots.txt')).toBe('newest for all\n');
    expect(await on(1, 'current/config/db.ini')).toContain('another horse');
    expect(await on(1, 'current/config/about.txt')).toContain(back.release ?? '-');
    expect(await modeOf(join(pathOf(1), 'current/config/db.ini'))).toBe('600');

    await must('mv', [join(shop.dir, 'ops/db'), join(shop.dir, 'ops/db.away')]);
    const again = await ended(() => shop.lockstep(['rollback', 'demo', '--to', live.release ?? '']));
    await must('mv', [join(shop.dir, 'ops/db.away'), join(shop.dir, 'ops/db')]);
    expect([again.result, again.problem]).toEqual(['done', null]);
    expect(again.servers.map(({ warning }) => warning)).toEqual(
      SERVERS.map(() => expect.stringContaining('are kept as they are: secret DB_PASSWORD')),
    );
    expect(await onAll('current/index.html')).toEqual(['after\n', 'after\n', 'after\n']);
    expect(await on(1, 'current/config/db.ini')).toContain('correct horse');
  });

  test('an unknown name, a missing secret, a link and a file too large fail it before any server is touched, and say what and where', async () => {
    const template = 'files/servers/web2/bad.ini.template';
    const fails = async (files: Record<string, string | Buffer | null>, ...said: string[]): Promise<void> => {
      await ops(files);
      const view = await push({ 'index.html': `${said[0] ?? ''}\n` });
      expect(view.result).toBe('failed');
      for (const words of said) expect(view.reason).toContain(words);
      expect(view.servers.map(({ state }) => state)).toEqual(['idle', 'idle', 'idle']);
    };
    await fails(
      { [template]: 'a\nb {{ poool }}\n' },
      'servers/web2/bad.ini.template:2: {{ poool }} is unknown; known are: branch, cluster,',
      'pool, port',
    );
    await fails({ [template]: '\n\n{{ secret DB }}\n' }, 'bad.ini.template:3: {{ secret DB }} is unknown', 'API_KEY, DB_PASSWORD, TOKEN');
    await fails({ [template]: '{{ pool\n}}' }, 'bad.ini.template:1: {{ has no }} on its line');
    await fails({ [template]: null, 'files/all/large': Buffer.alloc(1024 * 1024 + 1) }, 'all/large is larger than 1 MiB');
    await ops({ 'files/all/large': null });
    await symlink('/etc/passwd', join(shop.dir, 'ops/files/all/passwd'));
    await fails({}, '"all/passwd" is a symbolic link');
    await rm(join(shop.dir, 'ops/files/all/passwd'));
    await fails({ 'files/all/config/local.php': 'x' }, 'all/config/local.php stands where the shared path "config/local.php" is');
    await fails({ 'files/all/config/local.php': null, db: '\n' }, 'secret DB_PASSWORD of cluster demo', 'its value is empty');
    await ops({ db: 'correct horse battery\n' });
    expect((await push({ 'index.html': 'well\n' })).result).toBe('done');
  });

  test('the files of releases that are gone leave the servers with them, and every server can be checked without the daemon', async () => {
    for (const i of SERVERS) {
      const at = (path: string): Promise<string[]> => readdir(join(pathOf(i), path));
      const releases = (await at('releases')).sort();
      expect((await at('.lockstep/files')).sort()).toEqual(releases);
      expect((await at('.lockstep/manifests')).sort()).toEqual(releases);
      for (const release of releases) {
        const list = await on(i, `.lockstep/manifests/${release}`);
        const { stdout } = await run('find', ['.', '-type', 'f'], { cwd: join(pathOf(i), 'releases', release) });
        expect(list.trim().split('\n')).toHaveLength(stdout.trim().split('\n').length);
        await must('sha256sum', ['--quiet', '-c', `../../.lockstep/manifests/${release}`], { cwd: join(pathOf(i), 'releases', release) });
      }
      const { release } = await shop.status('demo');
      expect((await on(i, `.lockstep/releases/${release?.id ?? ''}`)).split('\n')[1]).toBe(release?.revision);
    }
  });
});
