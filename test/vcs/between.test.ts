// What lies between two revisions of a branch, in Git and in Subversion.
import { expect, test } from '@jest/globals';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openVersionControl } from '../../src/vcs/open.ts';
import { makeGitLab } from '../lab/git.ts';
import { makeSvnLab } from '../lab/svn.ts';
import { never, repositoryOf, temporaryDirectory } from './lab.ts';

const top = temporaryDirectory();
const limits = { commits: 2, files: 2 };

test('git: commits and files are counted, and listed as far as is asked for', async () => {
  const directory = join(top, 'git');
  mkdirSync(directory);
  const lab = makeGitLab(directory, 'shop', { format: 'sha1' });
  const vcs = openVersionControl({ directory: join(directory, 'repositories') })(repositoryOf('git', lab.bare));
  const first = lab.commit('main', { 'a.txt': 'a', 'ünï\tcode': 'b', 'c.txt': 'c' });
  lab.commit('main', { 'a.txt': 'A' });
  lab.commit('main', { 'ünï\tcode': 'B' });
  const last = lab.commit('main', { 'new/d.txt': 'd' });

  const found = await vcs.between('main', first, last, limits, never);
  expect(found).toMatchObject({ totalCommits: 3, totalFiles: 3, diverged: false });
  expect(found.commits[0]?.revision).toBe(last);
  expect(found.commits[0]?.time).toBeGreaterThan(0);
  expect(found.commits).toHaveLength(2);
  expect(found.files).toEqual([
    { path: 'a.txt', change: 'changed' },
    { path: 'new/d.txt', change: 'added' },
  ]);
  expect(await vcs.between('main', last, first, limits, never)).toMatchObject({ diverged: true, totalCommits: 0, commits: [] });
  expect(await vcs.between('main', null, last, limits, never)).toMatchObject({ totalCommits: null, files: [], totalFiles: null });
  expect(await vcs.between('main', 'f'.repeat(40), last, limits, never)).toMatchObject({ diverged: true, totalFiles: null });
  await expect(vcs.between('main', '--output=x', last, limits, never)).rejects.toMatchObject({ code: 'repository' });
});

test('subversion: the log of the branch names the commits and their files', async () => {
  const directory = join(top, 'svn');
  mkdirSync(directory);
  const lab = makeSvnLab(directory);
  const vcs = openVersionControl({ directory: join(directory, 'repositories') })(repositoryOf('svn', lab.url, { name: 'portal' }));
  const first = lab.write({ 'trunk/a.txt': 'a', 'other/x': 'x' });
  lab.write({ 'trunk/b @ c.txt': 'b' });
  lab.write({ 'other/x': 'y' });
  const last = lab.write({ 'trunk/a.txt': 'A' });

  const found = await vcs.between('trunk', first, last, limits, never);
  expect(found).toMatchObject({ totalCommits: 2, totalFiles: 2, diverged: false });
  expect(found.commits.map(({ revision }) => revision)).toEqual([last, '2']);
  expect([...found.files].sort((a, b) => (a.path < b.path ? -1 : 1))).toEqual([
    { path: 'a.txt', change: 'changed' },
    { path: 'b @ c.txt', change: 'added' },
  ]);
  expect(await vcs.between('trunk', last, first, limits, never)).toMatchObject({ commits: [], diverged: true });
  expect(await vcs.between('trunk', null, last, { commits: 1, files: 5 }, never)).toMatchObject({ totalCommits: null, totalFiles: null });
});
