// Git repositories: what the daemon learns of them and what it exports.
import { describe, expect, test } from '@jest/globals';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { openVersionControl } from '../../src/vcs/open.ts';
import { git, makeGitLab } from '../lab/git.ts';
import { contents, emptyDirectory, never, repositoryOf, temporaryDirectory } from './lab.ts';

const top = temporaryDirectory();
let count = 0;

function setUp(settings: Parameters<typeof repositoryOf>[2] = {}, format: 'sha1' | 'sha256' = 'sha1') {
  const directory = join(top, `case-${++count}`);
  mkdirSync(directory);
  const lab = makeGitLab(directory, 'shop', { format });
  const open = openVersionControl({ directory: join(directory, 'repositories') });
  const repository = repositoryOf('git', lab.bare, settings);
  return { directory, lab, open, repository, vcs: open(repository) };
}

describe('heads', () => {
  test('are all branches of the remote, whatever their names', async () => {
    const { lab, vcs } = setUp();
    const id = lab.commit('servers/demo', { 'a.txt': 'a' });
    const names = [
      '-rf',
      '--upload-pack=touch',
      'a;touch$IFS',
      '$(touch)',
      '`id`',
      "it's",
      'quo"te',
      'é–ü',
      'constructor',
      '__proto__',
      'a|b&c>d',
      'x/-y',
      '#!',
      '<script>',
    ];
    for (const name of names) git(lab.bare, ['update-ref', `refs/heads/${name}`, id]);
    const heads = await vcs.heads([], never);
    expect(new Set(heads.keys())).toEqual(new Set(['servers/demo', ...names]));
    expect(heads.get('__proto__')).toBe(id);
    for (const name of names) {
      const commit = await vcs.commit(name, id, never);
      expect(commit.revision).toBe(id);
    }
    expect(readdirSync(lab.bare)).not.toContain('touch');
  });

  test('of an empty repository are none', async () => {
    const { vcs } = setUp();
    expect((await vcs.heads([], never)).size).toBe(0);
  });

  test('of a repository that is not there are an error that names it', async () => {
    const { lab, open, repository } = setUp();
    const vcs = open({ ...repository, url: `${lab.bare}-gone` });
    await expect(vcs.heads([], never)).rejects.toMatchObject({ code: 'repository', message: expect.stringContaining('shop.git-gone') });
  });

  test('do not contain a branch that was deleted', async () => {
    const { lab, vcs } = setUp();
    const id = lab.commit('one', { a: '1' });
    await vcs.commit('one', id, never);
    git(lab.bare, ['branch', 'two', id]);
    git(lab.bare, ['update-ref', '-d', 'refs/heads/one']);
    expect([...(await vcs.heads([], never)).keys()]).toEqual(['two']);
  });
});

describe('a commit', () => {
  test('is described by its author, its message and its time', async () => {
    const { lab, vcs } = setUp();
    const id = lab.commit('main', { a: '1' }, 'Fix the shop\n\nIt was “closed”.');
    const commit = await vcs.commit('main', id, never);
    expect(commit).toEqual({
      revision: id,
      author: 'Ann Author',
      email: 'ann@example.org',
      message: 'Fix the shop\n\nIt was “closed”.',
      time: expect.any(Number),
    });
    expect(Math.abs(commit.time - Date.now())).toBeLessThan(120_000);
  });

  test('is read in the encoding that it names, with a signature of several lines, and without a word', async () => {
    const { lab, vcs } = setUp();
    const first = lab.commit('main', { a: '1' });
    const tree = git(lab.bare, ['rev-parse', `${first}^{tree}`]);
    const commit = async (name: string, text: Buffer) => {
      const id = git(lab.bare, ['hash-object', '-t', 'commit', '-w', '--stdin', '--literally'], { input: text });
      git(lab.bare, ['update-ref', `refs/heads/${name}`, id]);
      return await vcs.commit(name, id, never);
    };
    const people = (name: string) => `author ${name} <a@b> 1 +0000\ncommitter C <c@d> 1700000000 +0100\n`;
    const signature = 'gpgsig -----BEGIN SSH SIGNATURE-----\n encoding x\n author X <x@y> 2 +0000\n -----END SSH SIGNATURE-----\n';
    const latin = Buffer.from(`tree ${tree}\n${people('Ann Émile')}encoding ISO-8859-1\n${signature}\n\nCafé\n`, 'latin1');
    expect(await commit('latin', latin)).toMatchObject({ author: 'Ann Émile', email: 'a@b', message: 'Café', time: 1_700_000_000_000 });
    expect(await commit('none', Buffer.from(`tree ${tree}\n${people('Ann')}`))).toMatchObject({ author: 'Ann', message: '' });
    const unknown = Buffer.from(`tree ${tree}\n${people('Ann')}encoding nobody-knows\n\nOne…\n`);
    expect(await commit('unknown', unknown)).toMatchObject({ message: 'One…' });
  });

  test('must be on its branch', async () => {
    const { lab, vcs } = setUp();
    const one = lab.commit('one', { a: '1' });
    const two = lab.commit('two', { a: '2' });
    await vcs.commit('one', one, never);
    await expect(vcs.commit('one', two, never)).rejects.toMatchObject({
      code: 'repository',
      message: expect.stringContaining('is not on branch one'),
    });
    await expect(vcs.commit('one', 'f'.repeat(40), never)).rejects.toMatchObject({ code: 'repository' });
    await expect(vcs.commit('none', one, never)).rejects.toMatchObject({
      code: 'repository',
      message: expect.stringContaining('no such branch'),
    });
    await expect(vcs.commit('one', '--help', never)).rejects.toMatchObject({ code: 'repository' });
    await expect(vcs.commit('a..b', one, never)).rejects.toMatchObject({ code: 'repository' });
  });

  test('is found after a force-push, and is no descendant of what it replaced', async () => {
    const { lab, vcs } = setUp();
    const base = lab.commit('main', { a: '1' });
    const old = lab.commit('main', { a: '2' });
    await vcs.commit('main', old, never);
    git(lab.work, ['reset', '--hard', '--quiet', base]);
    const forced = lab.commit('main', { a: '3' });
    await vcs.commit('main', forced, never);
    expect(await vcs.isAncestor(base, forced, never)).toBe(true);
    expect(await vcs.isAncestor(old, forced, never)).toBe(false);
    expect(await vcs.isAncestor(forced, forced, never)).toBe(true);
    expect(await vcs.isAncestor('e'.repeat(40), forced, never)).toBe(false);
  });

  test('that the remote has just told of is brought and compared right: after a push, a force-push, a branch that went back, and a restart', async () => {
    const { directory, lab, vcs, repository } = setUp();
    const bring = async (revision: string, from = vcs): Promise<void> => {
      expect((await from.heads(['main'], never)).get('main')).toBe(revision);
      expect((await from.commit('main', revision, never)).revision).toBe(revision);
    };
    const one = lab.commit('main', { a: '1' });
    await bring(one);
    const two = lab.commit('main', { a: '2' });
    await bring(two);
    expect([await vcs.isAncestor(one, two, never), await vcs.isAncestor(two, one, never)]).toEqual([true, false]);
    git(lab.work, ['reset', '--hard', '--quiet', one]);
    const forced = lab.commit('main', { a: '3' });
    await bring(forced);
    expect([await vcs.isAncestor(one, forced, never), await vcs.isAncestor(two, forced, never)]).toEqual([true, false]);
    git(lab.work, ['push', '--quiet', '--force', lab.bare, `${one}:refs/heads/main`]);
    await bring(one);
    await expect(vcs.commit('main', forced, never)).rejects.toMatchObject({ message: expect.stringContaining('is not on branch main') });
    git(lab.work, ['reset', '--hard', '--quiet', one]);
    const four = lab.commit('main', { a: '4' });
    const restarted = openVersionControl({ directory: join(directory, 'repositories') })(repository);
    await bring(four, restarted);
    expect([await restarted.isAncestor(one, four, never), await restarted.isAncestor(two, four, never)]).toEqual([true, false]);
  });

  test('is there already when its branch was said to have moved, and a branch that is not there harms nobody', async () => {
    const { lab, vcs } = setUp();
    const one = lab.commit('trunk', { 'a.txt': '1' });
    expect(await vcs.tip?.('trunk', never)).toBeNull(); // Of a repository that nothing is known of yet.
    await vcs.commit('trunk', one, never);
    const two = lab.commit('trunk', { 'a.txt': '2' });
    expect(await Promise.all([vcs.tip?.('trunk', never), vcs.tip?.('no-such-branch', never)])).toEqual([two, null]);
    renameSync(lab.bare, `${lab.bare}-away`);
    expect(await vcs.commit('trunk', two, never)).toMatchObject({ revision: two });
    renameSync(`${lab.bare}-away`, lab.bare);
    const three = lab.commit('trunk', { 'a.txt': '3' });
    expect(await vcs.commit('trunk', three, never)).toMatchObject({ revision: three });
    expect(await vcs.isAncestor(one, three, never)).toBe(true);
  });

  test('is found on a branch whose name was a directory of branches before', async () => {
    const { lab, vcs } = setUp();
    const one = lab.commit('servers', { a: '1' });
    await vcs.commit('servers', one, never);
    git(lab.bare, ['update-ref', '-d', 'refs/heads/servers']);
    const two = lab.commit('servers/demo', { a: '2' });
    expect((await vcs.commit('servers/demo', two, never)).revision).toBe(two);
  });
});

describe('an export', () => {
  test('is exactly the tree of the revision, with every name, mode and byte', async () => {
    const { directory, lab, vcs } = setUp();
    const canary = join(directory, 'canary');
    git(lab.work, ['config', 'filter.evil.smudge', `touch ${canary}; cat`]);
    git(lab.bare, ['config', 'uploadpack.packObjectsHook', `touch ${canary}; exec`]);
    for (const hook of ['post-checkout', 'post-merge', 'reference-transaction', 'pre-auto-gc']) {
      mkdirSync(join(lab.bare, 'hooks'), { recursive: true });
      writeFileSync(join(lab.bare, 'hooks', hook), `#!/bin/sh\ntouch ${canary}\n`, { mode: 0o755 });
    }
    writeFileSync(join(lab.work, 'run.sh'), '#!/bin/sh\n');
    chmodSync(join(lab.work, 'run.sh'), 0o775);
    mkdirSync(join(lab.work, 'deep/er'), { recursive: true });
    symlinkSync('../run.sh', join(lab.work, 'deep/link'));
    symlinkSync('nowhere', join(lab.work, 'dangling'));
    git(lab.work, ['add', '.']);
    lab.commit('main', {
      'new\nline': 'n',
      ' space ': 's',
      'quo"te\'s': 'q',
      'tab\there': 't',
      'ünï–čøde': 'u',
      '-rf': 'dash',
      'crlf.txt': 'a\r\nb\r\n',
      'lf.txt': 'a\nb\n',
      'ident.txt': '$Id$\n',
      'secret.txt': 'not exported by git archive\n',
      'binary.bin': Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
      empty: '',
      'big.bin': Buffer.alloc(700_000, 'abcdefg'),
      'a/b/c/d': 'deep',
      constructor: 'c',
      __proto__x: 'p',
    });
    // Attributes come last, so that adding did not change any bytes.
    const id = lab.commit('main', {
      '.gitattributes': '*.txt text eol=crlf ident\nsecret.txt export-ignore\nlf.txt working-tree-encoding=UTF-16\n* filter=evil\n',
    });
    // The pusher's own git may have touched it; from here on only ours runs.
    rmSync(canary, { force: true });
    const out = emptyDirectory(directory);
    await vcs.export('main', id, '.', out, never);

    const expected: Record<string, string> = {};
    const put = (path: string, value: string): void =>
      void Object.defineProperty(expected, path, { value, enumerable: true, configurable: true });
    for (const line of git(lab.work, ['ls-tree', '-rtz', id])
      .split('\0')
      .filter((one) => one !== '')) {
      const [, mode, , blob = '', path = ''] = /^(\d+) (\w+) (\w+)\t([\s\S]*)$/.exec(line) ?? [];
      const content =
        mode === '040000' ? '' : execFileSync('git', ['cat-file', 'blob', blob], { cwd: lab.work, maxBuffer: 1 << 24 }).toString('latin1');
      put(
        path,
        mode === '040000' ? '755 directory' : mode === '120000' ? `link ${content}` : `${mode === '100755' ? '755' : '644'} ${content}`,
      );
    }
    expect(contents(out)).toEqual(expected);
    expect(Object.keys(expected).length).toBeGreaterThan(22);
    expect(existsSync(canary)).toBe(false);
  });

  test('is the older revision when that is asked for', async () => {
    const { directory, lab, vcs } = setUp();
    const old = lab.commit('main', { a: '1' });
    lab.commit('main', { a: '2' });
    const out = emptyDirectory(directory);
    await vcs.export('main', old, '.', out, never);
    expect(contents(out)).toEqual({ a: '644 1' });
  });

  test('of a subdirectory begins there', async () => {
    const { directory, lab, vcs } = setUp();
    const id = lab.commit('main', { 'web/public/index.html': 'hello', 'other/x': 'x', 'we b/é/y': 'y' });
    const out = emptyDirectory(directory);
    await vcs.export('main', id, 'web', out, never);
    expect(contents(out)).toEqual({ public: '755 directory', 'public/index.html': '644 hello' });
    const odd = emptyDirectory(directory);
    await vcs.export('main', id, './we b/é/'.slice(2), odd, never);
    expect(contents(odd)).toEqual({ y: '644 y' });
    await expect(vcs.export('main', id, 'nothing/here', out, never)).rejects.toMatchObject({
      code: 'repository',
      message: expect.stringContaining('nothing/here'),
    });
    await expect(vcs.export('main', id, 'other/x', out, never)).rejects.toMatchObject({ code: 'repository' });
    await expect(vcs.export('main', id, '../..', out, never)).rejects.toMatchObject({ code: 'configuration' });
  });

  test('works for a repository with SHA-256 object ids', async () => {
    const { directory, lab, vcs } = setUp({}, 'sha256');
    const id = lab.commit('main', { a: '1' });
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect((await vcs.heads([], never)).get('main')).toBe(id);
    expect((await vcs.commit('main', id, never)).revision).toBe(id);
    const out = emptyDirectory(directory);
    await vcs.export('main', id, '.', out, never);
    expect(contents(out)).toEqual({ a: '644 1' });
  });

  test('works from a repository that belongs to another account', async () => {
    const { directory, lab, vcs } = setUp();
    const id = lab.commit('main', { a: '1' });
    if (process.getuid?.() !== 0) return;
    for (const path of [lab.bare, ...readdirSync(lab.bare, { recursive: true }).map((name) => join(lab.bare, String(name)))])
      chownSync(path, 65534, 65534);
    expect((await vcs.heads([], never)).get('main')).toBe(id);
    const out = emptyDirectory(directory);
    await vcs.export('main', id, '.', out, never);
    expect(contents(out)).toEqual({ a: '644 1' });
  });

  test('several at once on one repository do not meet', async () => {
    const { directory, lab, vcs } = setUp();
    const ids = ['one', 'two', 'three', 'four'].map((branch) => ({ branch, id: lab.commit(branch, { a: branch }) }));
    const outs = await Promise.all(
      ids.map(async ({ branch, id }) => {
        const out = emptyDirectory(directory);
        await Promise.all([vcs.commit(branch, id, never), vcs.heads([], never), vcs.export(branch, id, '.', out, never)]);
        return contents(out);
      }),
    );
    expect(outs).toEqual(['one', 'two', 'three', 'four'].map((branch) => ({ a: `644 ${branch}` })));
  });

  test('of a history with faults of old tools works', async () => {
    const { directory, lab, vcs } = setUp();
    const file = git(lab.bare, ['hash-object', '-w', '--stdin'], { input: 'old' });
    const inner = Buffer.concat([Buffer.from('100644 a\0'), Buffer.from(file, 'hex')]);
    const innerId = git(lab.bare, ['hash-object', '-t', 'tree', '-w', '--stdin', '--literally'], { input: inner });
    // Zero-padded modes, as some hosting sites wrote them for years.
    const tree = Buffer.concat([Buffer.from('040000 d\0'), Buffer.from(innerId, 'hex')]);
    const treeId = git(lab.bare, ['hash-object', '-t', 'tree', '-w', '--stdin', '--literally'], { input: tree });
    const text = `tree ${treeId}\nauthor A <a@b> 1 +051800\ncommitter A <a@b> 99999999999 +051800\n\nold\n`;
    const id = git(lab.bare, ['hash-object', '-t', 'commit', '-w', '--stdin', '--literally'], { input: text });
    git(lab.bare, ['update-ref', 'refs/heads/main', id]);
    expect((await vcs.commit('main', id, never)).message).toBe('old');
    const out = emptyDirectory(directory);
    await vcs.export('main', id, '.', out, never);
    expect(contents(out)).toEqual({ d: '755 directory', 'd/a': '644 old' });
  });
});

test('a repository may be renamed on its server: a new url is used at once', async () => {
  const { directory, lab, open, repository, vcs } = setUp();
  const one = lab.commit('main', { a: '1' });
  await vcs.commit('main', one, never);
  const two = lab.commit('main', { a: '2' });
  renameSync(lab.bare, join(directory, 'renamed.git'));
  await expect(vcs.commit('main', two, never)).rejects.toMatchObject({ code: 'repository' });
  const again = open({ ...repository, url: join(directory, 'renamed.git') });
  expect((await again.commit('main', two, never)).revision).toBe(two);
  expect(readFileSync(join(directory, 'repositories', 'shop.git', 'config'), 'utf8')).toContain('renamed.git');
});

describe('the tag', () => {
  test('of a revision is the one at it, the last one before it with the distance, or the short revision; as the remote has them now', async () => {
    const { lab, vcs } = setUp();
    const first = lab.commit('servers/demo', { 'a.txt': 'a' });
    const second = lab.commit('servers/demo', { 'a.txt': 'b' });
    const tag = (id: string): Promise<string> => vcs.tag('servers/demo', id, never);
    expect(await tag(second)).toBe(second.slice(0, 8));
    git(lab.bare, ['update-ref', 'refs/tags/v1.0', first]);
    expect([await tag(first), await tag(second)]).toEqual(['v1.0', `v1.0-1-g${second.slice(0, 8)}`]);
    // A tag that was a file of refs/tags is a directory now.
    git(lab.bare, ['update-ref', '-d', 'refs/tags/v1.0']);
    git(lab.bare, ['update-ref', 'refs/tags/v1.0/final', second]);
    expect([await tag(first), await tag(second)]).toEqual([first.slice(0, 8), 'v1.0/final']);
  });
});
