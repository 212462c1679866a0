// Submodules and Large File Storage: off unless switched on, then they work.
import { describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openVersionControl } from '../../src/vcs/open.ts';
import { blob, commitTree, git, makeGitLab, rawTree } from '../lab/git.ts';
import type { GitLab } from '../lab/git.ts';
import { contents, emptyDirectory, never, repositoryOf, temporaryDirectory } from './lab.ts';

const top = temporaryDirectory();
let count = 0;

function setUp() {
  const directory = join(top, `case-${++count}`);
  mkdirSync(directory);
  const lab = makeGitLab(directory);
  const open = openVersionControl({ directory: join(directory, 'repositories') });
  const repository = repositoryOf('git', lab.bare);
  return { directory, lab, open, repository };
}

/** Puts a gitlink and its .gitmodules into the working copy. */
function addModule(lab: GitLab, path: string, url: string, id: string): void {
  git(lab.work, ['config', '-f', '.gitmodules', `submodule.${path}.path`, path]);
  git(lab.work, ['config', '-f', '.gitmodules', `submodule.${path}.url`, url]);
  git(lab.work, ['add', '.gitmodules']);
  git(lab.work, ['update-index', '--add', '--cacheinfo', `160000,${id},${path}`]);
}

describe('submodules', () => {
  test('are exported at the commit that the revision names, and theirs too', async () => {
    const { directory, lab, open, repository } = setUp();
    const inner = makeGitLab(directory, 'inner');
    const innerOld = inner.commit('main', { i: 'old' });
    inner.commit('main', { i: 'new' });
    const library = makeGitLab(directory, 'library');
    addModule(library, 'vendor/inner', '../inner.git', innerOld);
    const libraryId = library.commit('main', { l: 'lib' });
    addModule(lab, 'lib/é x', `file://${library.bare}`, libraryId);
    const id = lab.commit('main', { a: '1', 'lib/b': 'b' });
    const vcs = open({ ...repository, submodules: ['file'] });
    const out = emptyDirectory(directory);
    await vcs.export('main', id, '.', out, never);
    const all = contents(out);
    delete all['.gitmodules'];
    delete all['lib/é x/.gitmodules'];
    expect(all).toEqual({
      a: '644 1',
      lib: '755 directory',
      'lib/b': '644 b',
      'lib/é x': '755 directory',
      'lib/é x/l': '644 lib',
      'lib/é x/vendor': '755 directory',
      'lib/é x/vendor/inner': '755 directory',
      'lib/é x/vendor/inner/i': '644 old',
    });
    const sub = emptyDirectory(directory);
    await vcs.export('main', id, 'lib', sub, never);
    expect(contents(sub)).toMatchObject({ b: '644 b', 'é x/vendor/inner/i': '644 old' });

    // The mirrors of the submodules are healed like the others.
    rmSync(join(directory, 'repositories', 'shop.modules'), { recursive: true });
    const again = emptyDirectory(directory);
    await vcs.export('main', id, '.', again, never);
    expect(contents(again)).toMatchObject({ 'lib/é x/vendor/inner/i': '644 old' });
  });

  test('are refused when they are off, from hosts that are not listed, and from urls that run programs', async () => {
    const { directory, lab, open, repository } = setUp();
    const library = makeGitLab(directory, 'library');
    const libraryId = library.commit('main', { l: 'lib' });
    addModule(lab, 'lib', library.bare, libraryId);
    const id = lab.commit('main', { a: '1' });
    const out = emptyDirectory(directory);
    await expect(open(repository).export('main', id, '.', out, never)).rejects.toMatchObject({
      code: 'hostile-tree',
      message: expect.stringContaining('submodules are off'),
    });
    await expect(open({ ...repository, submodules: ['git.example.org'] }).export('main', id, '.', out, never)).rejects.toMatchObject({
      code: 'hostile-tree',
      message: expect.stringContaining('"submodules"'),
    });
    const canary = join(directory, 'canary');
    addModule(lab, 'lib', `ext::touch ${canary}`, libraryId);
    const evil = lab.commit('main', { a: '2' });
    await expect(open({ ...repository, submodules: ['file', ''] }).export('main', evil, '.', out, never)).rejects.toMatchObject({
      message: expect.stringContaining('lib'),
    });
    expect(contents(out)).toEqual({});
    expect(contents(directory)).not.toHaveProperty('canary');
  });

  test('that name a commit which their repository does not have are an error that says so', async () => {
    const { directory, lab, open, repository } = setUp();
    const library = makeGitLab(directory, 'library');
    library.commit('main', { l: 'lib' });
    addModule(lab, 'lib', library.bare, 'a'.repeat(40));
    const id = lab.commit('main', { a: '1' });
    const exported = open({ ...repository, submodules: ['file'] }).export('main', id, '.', emptyDirectory(directory), never);
    await expect(exported).rejects.toMatchObject({ code: 'repository', message: expect.stringContaining('no such commit') });
  });
});

describe('large files', () => {
  function commitLarge(lab: GitLab): string {
    const filters = {
      'filter.lfs.clean': 'git-lfs clean -- %f',
      'filter.lfs.smudge': 'git-lfs smudge -- %f',
      'filter.lfs.required': 'true',
    };
    for (const [key, value] of Object.entries(filters)) git(lab.work, ['config', key, value]);
    lab.commit('main', { '.gitattributes': '*.bin filter=lfs diff=lfs merge=lfs -text\n' });
    git(lab.work, ['remote', 'set-url', 'origin', `file://${lab.bare}`]);
    const id = lab.commit('main', { 'large.bin': 'large content '.repeat(1000), 'd/more.bin': 'more', 'small.txt': 'small' });
    execFileSync('git', ['-c', 'safe.directory=*', 'lfs', 'push', '--all', 'origin'], { cwd: lab.work, stdio: 'pipe' });
    return id;
  }

  test('stay pointers when they are off', async () => {
    const { directory, lab, open, repository } = setUp();
    const id = commitLarge(lab);
    const out = emptyDirectory(directory);
    await open(repository).export('main', id, '.', out, never);
    expect(contents(out)['large.bin']).toMatch(/^644 version https:\/\/git-lfs/);
  });

  test('are the files themselves when they are on, and a lost one is an error that names it', async () => {
    const { directory, lab, open, repository } = setUp();
    const id = commitLarge(lab);
    const vcs = open({ ...repository, lfs: true });
    const out = emptyDirectory(directory);
    await vcs.export('main', id, '.', out, never);
    expect(contents(out)).toMatchObject({
      'large.bin': `644 ${'large content '.repeat(1000)}`,
      'd/more.bin': '644 more',
      'small.txt': '644 small',
    });
    const sub = emptyDirectory(directory);
    await vcs.export('main', id, 'd', sub, never);
    expect(contents(sub)).toEqual({ 'more.bin': '644 more' });

    const oid = 'ab'.repeat(32);
    const pointer = blob(lab.bare, `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize 12\n`);
    const lost = commitTree(lab.bare, 'main', rawTree(lab.bare, [{ mode: '100644', name: 'lost.dat', id: pointer }]));
    await expect(vcs.export('main', lost, '.', emptyDirectory(directory), never)).rejects.toMatchObject({
      code: 'repository',
      message: expect.stringContaining('large file'),
    });
  });

  test('come from the repository, whatever server the tree names', async () => {
    const { directory, lab, open, repository } = setUp();
    commitLarge(lab);
    const id = lab.commit('main', { '.lfsconfig': '[lfs]\n\turl = http://127.0.0.1:9/evil\n\tfetchexclude = *\n' });
    const out = emptyDirectory(directory);
    await open({ ...repository, lfs: true }).export('main', id, '.', out, never);
    expect(contents(out)['d/more.bin']).toBe('644 more');
  });
});
