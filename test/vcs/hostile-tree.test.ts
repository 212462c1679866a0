// Trees that must not become files: crafted byte by byte, fetched from a real repository.
import { describe, expect, test } from '@jest/globals';
import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { openVersionControl } from '../../src/vcs/open.ts';
import { createTreeGuard } from '../../src/vcs/tree-guard.ts';
import type { TreeEntry, TreeLimits } from '../../src/vcs/tree-guard.ts';
import { blob, commitTree, makeGitLab, rawTree } from '../lab/git.ts';
import { CANARY, hostileNames } from '../lab/hostile-names.js';
import { emptyDirectory, never, repositoryOf, temporaryDirectory } from './lab.ts';

const top = temporaryDirectory();
const lab = makeGitLab(top);
const vcs = openVersionControl({ directory: join(top, 'repositories') })(repositoryOf('git', lab.bare));
const file = blob(lab.bare, 'content');
let count = 0;

const link = (target: string): string => blob(lab.bare, target);
const tree = (...entries: [mode: string, name: string | Buffer, id: string][]): string =>
  rawTree(
    lab.bare,
    entries.map(([mode, name, id]) => ({ mode, name, id })),
  );
const inner = tree(['100644', 'file', file]);

async function refusal(root: string): Promise<string> {
  const branch = `case-${++count}`;
  const id = commitTree(lab.bare, branch, root);
  const out = emptyDirectory(top);
  const error: unknown = await vcs.export(branch, id, '.', out, never).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code: 'hostile-tree', message: expect.stringContaining('was refused') });
  expect(readdirSync(out)).toEqual([]);
  return (error as Error).message;
}

describe('a Git tree is refused', () => {
  test.each<[string, () => string]>([
    ['an absolute link', () => tree(['120000', 'l', link('/etc/passwd')])],
    ['a link that leaves the tree', () => tree(['120000', 'l', link('../x')])],
    ['a link that leaves the tree from below', () => tree(['40000', 'd', tree(['120000', 'l', link('a/../../../x')])])],
    ['an empty link', () => tree(['120000', 'l', link('')])],
    ['a very long link', () => tree(['120000', 'l', link('a/'.repeat(3_000))])],
    ['a huge link', () => tree(['120000', 'l', link('a/'.repeat(30_000))])],
    ['.git', () => tree(['40000', '.git', inner])],
    ['.GIT', () => tree(['40000', '.GIT', inner])],
    ['git~1', () => tree(['40000', 'GiT~1', inner])],
    ['.git with a zero-width character', () => tree(['40000', '.g\u200cit', inner])],
    ['.git with a dot', () => tree(['40000', '.git. .', inner])],
    ['.git as a stream', () => tree(['100644', '.git::$INDEX_ALLOCATION', file])],
    ['..', () => tree(['40000', '..', inner])],
    ['.', () => tree(['40000', '.', inner])],
    ['a slash in a name', () => tree(['100644', 'a/b', file])],
    ['a way out in a name', () => tree(['100644', '../../etc/cron.d/x', file])],
    ['a control character', () => tree(['100644', 'a\u001b[2Jb', file])],
    ['a carriage return', () => tree(['100644', 'a\rb', file])],
    ['a name that is not UTF-8', () => tree(['100644', Buffer.from([0x61, 0xff, 0x62]), file])],
    ['a long name', () => tree(['100644', 'a'.repeat(256), file])],
    ['names that differ in case', () => tree(['100644', 'README', file], ['100644', 'readme', file])],
    ['directories that differ in case', () => tree(['40000', 'D', inner], ['40000', 'd', inner])],
    ['names in two normal forms', () => tree(['100644', 'e\u0301', file], ['100644', '\u00e9', file])],
    ['a name twice', () => tree(['100644', 'a', file], ['100644', 'a', file])],
    ['a link and a directory of one name', () => tree(['120000', 'a', link('.')], ['40000', 'a', inner])],
    ['a directory and a file of one name', () => tree(['40000', 'a', inner], ['100644', 'a', file])],
    ['a submodule', () => tree(['160000', 'module', 'a'.repeat(40)])],
    [
      'a link out through a link',
      () => tree(['40000', 'a', tree(['40000', 'b', tree(['120000', 'out', link('up/..')], ['120000', 'up', link('../..')])])]),
    ],
    [
      'a deep directory',
      () => {
        let at = inner;
        for (let i = 0; i < 70; i++) at = tree(['40000', 'd', at]);
        return at;
      },
    ],
  ])('with %s', async (_what, root) => {
    const message = await refusal(root());

    expect(message).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f]/);
  });
});

test('two hundred trees with names and links that want out are refused with a reason, or stay where they are put', async () => {
  const names = hostileNames(260, 7).filter((name) => !/[/\0\ud800]/.test(name) && name !== '');
  const targets = [
    '/',
    '..',
    '../..',
    './../x',
    'a/../../x',
    '/proc/self/environ',
    '//etc/passwd',
    '.git/config',
    '~/.ssh/id_ed25519',
    '-rf',
  ];
  const trees = [
    ...names.slice(0, 100).map((name) => () => tree(['100644', name, file])),
    ...names.slice(0, 40).map((name) => () => tree(['40000', name, inner])),
    ...names.slice(0, 30).map((name) => () => tree(['40000', 'd', tree(['120000', 'l', link(name)])])),
    ...targets.map((target) => () => tree(['120000', 'l', link(target)])),
    ...targets.map((target) => () => tree(['40000', 'a', tree(['40000', 'b', tree(['120000', 'l', link(`../../${target}`)])])])),
    ...targets.map((target) => () => tree(['120000', 'l', link(target)], ['40000', 'l.d', tree(['120000', 'm', link('../l/x')])])),
  ];
  const ends = { refused: 0, harmless: 0 };
  for (const make of trees) {
    const branch = `case-${++count}`;
    const id = commitTree(lab.bare, branch, make());
    const out = emptyDirectory(top);
    try {
      await vcs.export(branch, id, '.', out, never);
      for (const path of readdirSync(out, { recursive: true, encoding: 'utf8' })) {
        const stat = lstatSync(join(out, path));
        if (!stat.isSymbolicLink()) continue;
        const leads = resolve(dirname(join(out, path)), readlinkSync(join(out, path)));
        expect(`${leads}/`).toMatch(new RegExp(`^${out}/`));
      }
      ends.harmless += 1;
    } catch (error) {
      expect(error).toMatchObject({ code: 'hostile-tree', message: expect.stringMatching(/was refused: ./) });
      expect(readdirSync(out)).toEqual([]);
      ends.refused += 1;
    }
  }
  console.log(`${trees.length} hostile trees`, ends);
  expect(trees.length).toBeGreaterThanOrEqual(200);
  expect(ends.refused).toBeGreaterThan(25);
  expect(ends.harmless).toBeGreaterThan(100);
  expect(readdirSync(top).filter((name) => name.startsWith(CANARY))).toEqual([]);
}, 900_000);

describe('the guard', () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const guard = (entries: readonly (readonly [TreeEntry['type'], string, (string | number)?])[], limits?: TreeLimits): void => {
    const one = createTreeGuard('the tree', limits);
    for (const [type, path, more] of entries) {
      if (type === 'file') one.add({ type, path: bytes(path), size: Number(more ?? 0) });
      else if (type === 'link') one.add({ type, path: bytes(path), target: bytes(String(more)) });
      else one.add({ type, path: bytes(path) });
    }
    one.finish();
  };

  test('lets pass what is odd but harmless', () => {
    expect(() =>
      guard([
        ['file', 'new\nline'],
        ['file', 'tab\t'],
        ['file', ' '],
        ['file', '-rf'],
        ['file', '.gitignore'],
        ['file', '.github.x'],
        ['file', 'git'],
        ['file', 'ü'],
        ['file', 'a\\x2db.mount'],
        ['directory', 'd'],
        ['file', 'd/ü'],
        ['link', 'd/self', '.'],
        ['link', 'd/top', '..'],
        ['link', 'loop', 'loop'],
        ['link', 'gone', 'd/../nowhere'],
        ['link', 'd/through', 'top/d/ü'],
        ['file', 'a'.repeat(255)],
      ]),
    ).not.toThrow();
  });

  test('keeps to the limits of entries, bytes and depth', () => {
    const limits = { entries: 2, bytes: 10, depth: 2 };
    expect(() =>
      guard(
        [
          ['file', 'a', 5],
          ['file', 'b', 5],
        ],
        limits,
      ),
    ).not.toThrow();
    expect(() =>
      guard(
        [
          ['file', 'a'],
          ['file', 'b'],
          ['file', 'c'],
        ],
        limits,
      ),
    ).toThrow('limit of 2 entries');
    expect(() => guard([['file', 'a', 11]], limits)).toThrow('limit of 10 bytes');
    expect(() =>
      guard(
        [
          ['directory', 'a'],
          ['directory', 'a/b'],
          ['file', 'a/b/c'],
        ],
        { ...limits, entries: 9 },
      ),
    ).toThrow('2 directories deep');
  });

  test('refuses an entry under something that is not a directory', () => {
    expect(() =>
      guard([
        ['link', 'a', '.'],
        ['file', 'a/b'],
      ]),
    ).toThrow('not a directory');
    expect(() => guard([['file', 'a/b']])).toThrow('not a directory');
  });
});
