// Subversion repositories: what the daemon learns of them and what it exports.
import { afterAll, describe, expect, test } from '@jest/globals';
import type { ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { openVersionControl } from '../../src/vcs/open.ts';
import { freePort, makeSvnLab, serveSvn, svn } from '../lab/svn.ts';
import { until } from '../lab/until.ts';
import { contents, emptyDirectory, never, repositoryOf, temporaryDirectory } from './lab.ts';

const top = temporaryDirectory();
const servers: ChildProcess[] = [];
afterAll(() => servers.forEach((server) => server.kill('SIGKILL')));
let count = 0;

function setUp(settings: Parameters<typeof repositoryOf>[2] = {}) {
  const directory = join(top, `case @ ${++count}`);
  mkdirSync(directory);
  const lab = makeSvnLab(directory);
  const open = openVersionControl({ directory: join(directory, 'reposi tories@1') });
  const repository = repositoryOf('svn', lab.url, { name: 'portal', ...settings });
  return { directory, lab, open, repository, vcs: open(repository) };
}

describe('heads', () => {
  test('are the last changed revisions of the branches that the configuration names', async () => {
    const { lab, vcs } = setUp();
    lab.write({ 'trunk/a': '1', 'servers/demo/a': '1', 'servers/ann.b/a': '1', 'servers/file': 'x', 'other/x/y': 'z' });
    const two = lab.write({ 'servers/demo/a': '2' });
    const heads = await vcs.heads(
      ['trunk', 'servers/demo', 'servers/{developer}', 'missing', 'missing/{x}', 'servers/file', '{team}/x'],
      never,
    );
    expect(Object.fromEntries(heads)).toEqual({ trunk: '1', 'servers/demo': two, 'servers/ann.b': '1', 'other/x': '1' });
  });

  test('have odd names', async () => {
    const { directory, lab, vcs } = setUp();
    const names = [
      'with space',
      'a@b',
      '@',
      'a@12',
      '100%',
      '%41',
      'ünï–çode',
      "it's",
      'quo"te',
      '$(touch x)',
      '`id`',
      ';touch y',
      'a&b|c',
      'constructor',
      '__proto__',
      '-rf',
      '--help',
      '~',
      '#!',
      '[a]',
      '{b',
      'a\\b',
      '!',
      '*',
    ];
    for (const name of names) {
      mkdirSync(join(lab.work, 'servers', name), { recursive: true });
      writeFileSync(join(lab.work, 'servers', name, 'file'), name);
    }
    const revision = lab.commit();
    const branches = names.map((name) => `servers/${name}`);
    const heads = await vcs.heads(
      branches.filter((name) => !name.includes('{')),
      never,
    );
    expect(heads.size).toBe(names.length - 1);
    const listed = await vcs.heads(['servers/{any}'], never);
    expect(new Set(listed.keys())).toEqual(new Set(branches));
    for (const name of ['with space', 'a@b', '100%', 'ünï–çode', "it's", '$(touch x)', '-rf', '*']) {
      expect((await vcs.commit(`servers/${name}`, revision, never)).author).toBe('ann');
      const out = emptyDirectory(directory);
      await vcs.export(`servers/${name}`, revision, '.', out, never);
      expect(contents(out)).toEqual({ file: `644 ${Buffer.from(name).toString('latin1')}` });
    }
    expect(readdirSync(join(directory, 'reposi tories@1', 'portal.svn')).filter((name) => name === 'x' || name === 'y')).toEqual([]);
  });

  test('of a repository that is not there are an error, not an empty answer', async () => {
    const { lab, open, repository } = setUp();
    const port = await freePort();
    for (const url of [`${lab.url}-gone`, `${lab.url}/no/such/path`, `svn://127.0.0.1:${port}/x`, `http://127.0.0.1:${port}/x`]) {
      await expect(open({ ...repository, url }).heads(['trunk'], never)).rejects.toMatchObject({ code: 'repository' });
    }
  });
});

describe('a commit', () => {
  test('is described by its author, its message and its time', async () => {
    const { lab, vcs } = setUp();
    const revision = lab.write({ 'trunk/a': '1' }, 'Fix the “shop” & <co>\n\nSecond line');
    const commit = await vcs.commit('trunk', revision, never);
    expect(commit).toEqual({
      revision,
      author: 'ann',
      email: '',
      message: 'Fix the “shop” & <co>\n\nSecond line',
      time: expect.any(Number),
    });
    expect(Math.abs(commit.time - Date.now())).toBeLessThan(120_000);
  });

  test('that did not touch the branch is the newest before it', async () => {
    const { directory, lab, vcs } = setUp();
    lab.write({ 'trunk/a': '1' }, 'first');
    const later = lab.write({ 'other/b': '1' }, 'second');
    expect(await vcs.commit('trunk', later, never)).toMatchObject({ revision: later, message: 'first' });
    const out = emptyDirectory(directory);
    await vcs.export('trunk', later, '.', out, never);
    expect(contents(out)).toEqual({ a: '644 1' });
  });

  test('must exist, and its branch in it', async () => {
    const { directory, lab, vcs } = setUp();
    lab.write({ 'trunk/a': '1' });
    const out = emptyDirectory(directory);
    await expect(vcs.commit('trunk', '99', never)).rejects.toMatchObject({ code: 'repository' });
    await expect(vcs.commit('missing', '1', never)).rejects.toMatchObject({
      code: 'repository',
      message: expect.stringContaining('"missing"'),
    });
    await expect(vcs.export('missing', '1', '.', out, never)).rejects.toMatchObject({
      code: 'repository',
      message: expect.stringContaining('"missing"'),
    });
    await expect(vcs.export('trunk', '1', 'no/dir', out, never)).rejects.toMatchObject({
      code: 'repository',
      message: expect.stringContaining('no/dir'),
    });
    for (const revision of ['HEAD', '-1', '1;id', '', '{2020-01-01}']) {
      await expect(vcs.commit('trunk', revision, never)).rejects.toMatchObject({ code: 'repository' });
    }
    for (const branch of ['../x', '/trunk', 'a//b', '', 'a\nb'])
      await expect(vcs.commit(branch, '1', never)).rejects.toMatchObject({ code: 'repository' });
  });

  test('may have no author', async () => {
    const { lab, vcs } = setUp();
    const revision = lab.write({ 'trunk/a': '1' });
    writeFileSync(join(lab.directory, 'hooks', 'pre-revprop-change'), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    svn(['propdel', '--quiet', '--revprop', '-r', revision, 'svn:author', lab.url]);
    expect((await vcs.commit('trunk', revision, never)).author).toBe('');
  });

  test('comes after those with lower numbers, also when the branch was copied, deleted or replaced', async () => {
    const { directory, lab, vcs } = setUp();
    const one = lab.write({ 'trunk/a': '1', 'servers/demo/a': 'old' });
    svn(['rm', '--quiet', '-m', 'delete', `${lab.url}/servers/demo`]);
    expect((await vcs.heads(['servers/demo', 'trunk'], never)).has('servers/demo')).toBe(false);
    svn(['cp', '--quiet', '-m', 'replace', `${lab.url}/trunk`, `${lab.url}/servers/demo`]);
    const head = (await vcs.heads(['servers/demo'], never)).get('servers/demo') ?? '';
    expect(head).toBe('3');
    expect((await vcs.commit('servers/demo', head, never)).message).toBe('replace');
    expect(await vcs.isAncestor(one, head, never)).toBe(true);
    expect(await vcs.isAncestor(head, one, never)).toBe(false);
    expect(await vcs.isAncestor('10', '9', never)).toBe(false);
    const [now, before] = [emptyDirectory(directory), emptyDirectory(directory)];
    await vcs.export('servers/demo', head, '.', now, never);
    await vcs.export('servers/demo', one, '.', before, never);
    expect([contents(now), contents(before)]).toEqual([{ a: '644 1' }, { a: '644 old' }]);
  });
});

describe('an export', () => {
  test('is the tree of the revision, with every name, mode and link', async () => {
    const { directory, lab, vcs } = setUp();
    mkdirSync(join(lab.work, 'trunk/empty'), { recursive: true });
    mkdirSync(join(lab.work, 'trunk/sub'), { recursive: true });
    writeFileSync(join(lab.work, 'trunk/run.sh'), 'run');
    chmodSync(join(lab.work, 'trunk/run.sh'), 0o775);
    symlinkSync('../run.sh', join(lab.work, 'trunk/sub/link'));
    const revision = lab.write({
      'trunk/ space @ ': 's',
      'trunk/ünï': 'u',
      'trunk/it\'s "q"': 'q',
      'trunk/crlf': 'a\r\nb\r\n',
      'trunk/-rf': 'd',
    });
    const out = emptyDirectory(directory);
    await vcs.export('trunk', revision, '.', out, never);
    expect(contents(out)).toEqual({
      empty: '755 directory',
      sub: '755 directory',
      'sub/link': 'link ../run.sh',
      'run.sh': '755 run',
      ' space @ ': '644 s',
      ünï: '644 u',
      'it\'s "q"': '644 q',
      crlf: '644 a\r\nb\r\n',
      '-rf': '644 d',
    });
    const sub = emptyDirectory(directory);
    await expect(vcs.export('trunk', revision, 'sub', sub, never)).rejects.toMatchObject({
      code: 'hostile-tree',
      message: expect.stringContaining('leaves the tree'),
    });
  });

  test.each(['/etc/passwd', '../../outside'])('with a link to %s is refused', async (target) => {
    const { directory, lab, vcs } = setUp();
    mkdirSync(join(lab.work, 'trunk'));
    symlinkSync(target, join(lab.work, 'trunk/link'));
    const revision = lab.commit();
    await expect(vcs.export('trunk', revision, '.', emptyDirectory(directory), never)).rejects.toMatchObject({
      code: 'hostile-tree',
      message: expect.stringContaining('"link"'),
    });
  });

  test('follows externals only when they are switched on, and only to the hosts that are listed', async () => {
    const { directory, lab, open, repository, vcs } = setUp();
    const other = makeSvnLab(directory, 'other');
    other.write({ 'lib/code': 'v1' });
    lab.write({ 'trunk/a': '1', 'shared/s': 's1' });
    const definition = `^/shared inside\n-r 1 ${other.url}/lib vendor/lib\n../shared/s one-file`;
    svn(['propset', '--quiet', 'svn:externals', definition, 'trunk'], { cwd: lab.work });
    const revision = lab.commit();
    other.write({ 'lib/code': 'v2' });
    svn(['update', '--quiet', '--ignore-externals'], { cwd: lab.work });
    writeFileSync(join(lab.work, 'shared/s'), 's2');
    svn(['commit', '--quiet', '-m', 'later', 'shared'], { cwd: lab.work });

    const off = emptyDirectory(directory);
    await vcs.export('trunk', revision, '.', off, never);
    expect(contents(off)).toEqual({ a: '644 1' });
    const on = emptyDirectory(directory);
    await open({ ...repository, externals: ['file'] }).export('trunk', revision, '.', on, never);
    expect(contents(on)).toEqual({
      a: '644 1',
      inside: '755 directory',
      'inside/s': '644 s1',
      'one-file': '644 s1',
      vendor: '755 directory',
      'vendor/lib': '755 directory',
      'vendor/lib/code': '644 v1',
    });
    await expect(
      open({ ...repository, externals: ['svn.example.org'] }).export('trunk', revision, '.', emptyDirectory(directory), never),
    ).rejects.toMatchObject({
      code: 'hostile-tree',
      message: expect.stringContaining('"externals"'),
    });
  });
});

describe('a repository behind svnserve with an account', () => {
  test('is read with the password of the file, which is in no argument list and in no message', async () => {
    const { directory, lab, open } = setUp();
    const revision = lab.write({ 'trunk/a': '1' });
    const port = await freePort();
    const password = 'pass "word" $(touch x) é';
    const server = serveSvn(lab, port, { user: 'DOM\\ann', password });
    servers.push(server);
    await until(() => isOpen(port), { timeoutMs: 20_000, what: 'svnserve listens' });
    const passwordFile = join(directory, 'the password');
    writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
    const repository = repositoryOf('svn', `svn://127.0.0.1:${port}/portal`, { name: 'served', username: 'DOM\\ann', passwordFile });
    const vcs = open(repository);
    const seen: string[] = [];
    const watch = setInterval(() => seen.push(commandLines()), 5);
    try {
      expect(Object.fromEntries(await vcs.heads(['trunk', 'servers/{x}'], never))).toEqual({ trunk: revision });
      expect((await vcs.commit('trunk', revision, never)).author).toBe('ann');
      const out = emptyDirectory(directory);
      await vcs.export('trunk', revision, '.', out, never);
      expect(contents(out)).toEqual({ a: '644 1' });
    } finally {
      clearInterval(watch);
    }
    expect(seen.join('\n')).not.toContain('pass "word"');
    expect(
      readdirSync(join(directory, 'reposi tories@1', 'served.svn'), { recursive: true }).some((name) =>
        String(name).includes('svn.simple/'),
      ),
    ).toBe(false);

    writeFileSync(passwordFile, 'wrong\n');
    await expect(vcs.heads(['trunk'], never)).rejects.toMatchObject({
      code: 'repository',
      message: expect.stringContaining('passwordFile'),
    });
    await expect(open({ ...repository, username: null, passwordFile: null }).heads(['trunk'], never)).rejects.toMatchObject({
      code: 'repository',
    });
    await expect(open({ ...repository, passwordFile: `${passwordFile}-gone` }).heads(['trunk'], never)).rejects.toMatchObject({
      code: 'configuration',
    });
  });
});

test('a server that never answers is given up when the deployment is aborted, and nothing is left running', async () => {
  const { directory, open } = setUp();
  const { createServer } = await import('node:net');
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', () => resolve()));
  const address = silent.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  let connections = 0;
  silent.on('connection', () => (connections += 1));
  const vcs = open(repositoryOf('svn', `svn://127.0.0.1:${port}/x`, { name: 'silent' }));
  const stop = new AbortController();
  const asking = vcs.heads(['trunk'], stop.signal);
  const ended = expect(asking).rejects.toMatchObject({ code: 'aborted' });
  await until(() => connections > 0, { timeoutMs: 20_000, what: 'svn connects' });
  stop.abort();
  await ended;
  await until(() => !commandLines().includes(`127.0.0.1:${port}`), { timeoutMs: 10_000, what: 'svn is gone' });
  silent.close();
  expect(existsSync(directory)).toBe(true);
});

test.each([
  'svn+evil://h/x',
  '--config-option=config:tunnels:ssh=touch',
  'svn+ssh://-oProxyCommand=touch/x',
  'svn+ssh://a b@h/x',
  'svn://h;touch/x',
  'http://user:secret@h/x',
  'file://host/x',
  '/srv/svn',
  'file:relative',
  'svn://h/../x',
  'svn://h/%ff',
  'svn://$(touch)/x',
])('the url %s is refused', (url) => {
  const { open, repository } = setUp();
  expect(() => open({ ...repository, url })).toThrow(
    expect.objectContaining({ code: 'configuration', message: expect.not.stringContaining('secret') }),
  );
});

function commandLines(): string {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return '';
      }
    })
    .join('\n');
}

async function isOpen(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
