// A revision without a build command costs what changed since the one before, and becomes the artifact that it would become from scratch.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { chmodSync, lstatSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { openBuilder } from '../../src/build/builder.ts';
import type { Artifact } from '../../src/core/artifact.ts';
import type { OpenVersionControl } from '../../src/core/ports.ts';
import { openArtifacts } from '../../src/store/artifacts.ts';
import type { ArtifactStore } from '../../src/store/artifacts.ts';
import { openVersionControl } from '../../src/vcs/open.ts';
import { git, makeGitLab } from '../lab/git.ts';
import type { GitLab } from '../lab/git.ts';
import { sampleBuild, sampleRepository } from '../lab/samples.ts';

let directory: string;
let lab: GitLab;
const signal = new AbortController().signal;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lockstep-changes-'));
  lab = makeGitLab(directory);
});
afterEach(async () => rm(directory, { recursive: true, force: true }));

const filesIn = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .sort();

/** A builder with a data directory of its own. `whole`: it exports whole trees, as for Subversion. */
async function open(name: string, whole = false) {
  const data = join(directory, name);
  mkdirSync(data);
  const versionControl = openVersionControl({ directory: join(data, 'repositories') });
  const changes: { readonly gone: readonly string[]; readonly written: readonly string[] }[] = [];
  const watched: OpenVersionControl = (repository) => {
    const { exportChanges, ...opened } = versionControl(repository);
    if (whole) return opened;
    return {
      ...opened,
      exportChanges: async (...args) => {
        const gone = (await exportChanges?.(...args)) ?? null;
        const target = args[4];
        if (gone !== null) changes.push({ gone: [...gone].sort(), written: filesIn(target) });
        return gone;
      },
    };
  };
  const artifacts: ArtifactStore = await openArtifacts(join(data, 'artifacts'));
  const builder = await openBuilder({
    directory: join(data, 'builds'),
    artifacts,
    versionControl: watched,
    isolation: { kind: 'none', user: null, warning: null },
  });
  const repository = { ...sampleRepository, url: lab.bare };
  return {
    artifacts,
    /** Of each revision that was made of the one before: what was gone or replaced, and which files were exported. */
    changes,
    build: async (revision: string, subdirectory = '.'): Promise<Artifact> => {
      const commit = await versionControl(repository).commit('main', revision, signal);
      return builder.build({ repository, branch: 'main', commit, build: { ...sampleBuild, subdirectory }, log: () => undefined }, signal);
    },
  };
}

const FILES = {
  'a.php': 'one',
  'app/b.php': 'two',
  'app/run': '#!/bin/sh\n',
  'app/deep/c.php': 'three',
  'gone/d.php': 'four',
  turns: 'file',
  'turned/e.php': 'five',
  'ü ñ\n.php': 'odd',
};

test('every kind of change gives the artifact that a whole export gives, and the rest is neither exported nor read', async () => {
  const [quick, whole] = [await open('quick'), await open('whole', true)];
  const revisions = [lab.commit('main', FILES, 'first')];
  symlinkSync('app/b.php', join(lab.work, 'link'));
  chmodSync(join(lab.work, 'app/run'), 0o755);
  git(lab.work, ['add', '-A']);
  revisions.push(lab.commit('main', { 'app/b.php': 'two!', 'gone/d.php': null, 'new/f.php': 'six', turns: null }, 'second'));
  revisions.push(lab.commit('main', { 'turns/inner.php': 'seven', 'turned/e.php': null, 'app/b.php': 'two' }, 'third'));
  revisions.push(lab.commit('main', { turned: 'a file now', link: null }, 'fourth'));
  for (const [index, revision] of revisions.entries()) {
    const [made, wanted] = [await quick.build(revision), await whole.build(revision)];
    expect(made.manifest).toEqual(wanted.manifest);
    expect(made.id).toBe(wanted.id);
    await quick.artifacts.verify(made.id);
    // A clone that was made ahead is as good as one that is made now.
    if (index % 2 === 1) await quick.artifacts.prepare();
  }
  expect(quick.changes).toEqual([
    { gone: ['app/b.php', 'app/run', 'gone', 'gone/d.php', 'turns'], written: ['app/b.php', 'app/run', 'link', 'new/f.php'] },
    { gone: ['app/b.php', 'turned', 'turned/e.php'], written: ['app/b.php', 'turns/inner.php'] },
    { gone: ['link'], written: ['turned'] },
  ]);
});

test('a subdirectory, and a branch that was forced back, are told apart as well', async () => {
  const quick = await open('quick');
  const first = lab.commit('main', FILES, 'first');
  const one = await quick.build(first, 'app');
  const second = lab.commit('main', { 'app/b.php': 'changed', 'a.php': 'elsewhere' }, 'second');
  const two = await quick.build(second, 'app');
  expect(two.manifest.entries.map((entry) => entry.path)).toEqual(one.manifest.entries.map((entry) => entry.path));
  expect(quick.changes[0]).toEqual({ gone: ['b.php'], written: ['b.php'] });
  await quick.artifacts.verify(two.id);
  git(lab.work, ['checkout', '--quiet', '--orphan', 'other']);
  git(lab.work, ['rm', '-rq', '--cached', '.']);
  writeFileSync(join(lab.work, 'only'), 'one');
  git(lab.work, ['add', 'only']);
  git(lab.work, ['commit', '-qm', 'other']);
  git(lab.work, ['push', '-qf', 'origin', 'HEAD:main']);
  const other = await quick.build(git(lab.work, ['rev-parse', 'HEAD']));
  expect(other.manifest.entries.map((entry) => entry.path)).toEqual(['only']);
});

test('a hostile tree is refused although only one of its files is new', async () => {
  const quick = await open('quick');
  await quick.build(lab.commit('main', FILES, 'first'));
  symlinkSync('../../outside', join(lab.work, 'out'));
  git(lab.work, ['add', 'out']);
  await expect(quick.build(lab.commit('main', { 'a.php': 'x' }, 'second'))).rejects.toMatchObject({ code: 'hostile-tree' });
});

test('an artifact before that was damaged is not built upon', async () => {
  const quick = await open('quick');
  const one = await quick.build(lab.commit('main', FILES, 'first'));
  const damaged = join(one.directory, 'app/deep/c.php');
  writeFileSync(damaged, 'THREE');
  utimesSync(damaged, 1, 1);
  const two = await quick.build(lab.commit('main', { 'a.php': 'x' }, 'second'));
  await quick.artifacts.verify(two.id);
  expect(lstatSync(join(two.directory, 'app/deep/c.php')).nlink).toBe(1);
  expect(lstatSync(join(two.directory, 'app/b.php')).nlink).toBe(2);
});
