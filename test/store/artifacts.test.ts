// Artifacts: sealed once, the same for the same content, never half there, and nothing in them that does not belong there.
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, link, lstat, mkdir, readFile, readdir, readlink, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { manifestText } from '../../src/core/manifest.ts';
import { openArtifacts, type ArtifactStore } from '../../src/store/artifacts.ts';
import { until } from '../lab/until.ts';
import { removeTemporaryDirectories, runProgram, temporaryDirectory } from './lab.ts';

let root: string;
let artifacts: ArtifactStore;
beforeEach(async () => {
  root = join(await temporaryDirectory(), 'artifacts');
  artifacts = await openArtifacts(root, 0);
});
afterAll(removeTemporaryDirectories);

/** Content; `-> target` makes a link, null a directory. */
async function tree(files: Readonly<Record<string, string | null>>): Promise<string> {
  const directory = await temporaryDirectory();
  for (const [path, content] of Object.entries(files)) {
    const place = join(directory, path);
    await mkdir(join(place, '..'), { recursive: true });
    if (content === null) await mkdir(place, { recursive: true });
    else if (content.startsWith('-> ')) await symlink(content.slice(3), place);
    else await writeFile(place, content);
  }
  return directory;
}

const options = { mtime: 1_700_000_000, previous: null };

describe('an artifact', () => {
  test('has every file, link and directory of the tree, with normalised modes and times', async () => {
    const directory = await tree({
      'a.txt': 'hello',
      'bin/run': '#!/bin/sh\n',
      empty: null,
      'l/ink': '-> ../a.txt',
      'l/dangling': '-> later',
    });
    await chmod(join(directory, 'bin/run'), 0o4711);
    await chmod(join(directory, 'a.txt'), 0o666);
    await utimes(join(directory, 'a.txt'), 1.5, 2.5);
    const artifact = await artifacts.seal(directory, options);
    const hello = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';
    expect(artifact.manifest.entries).toEqual([
      { type: 'file', path: 'a.txt', mode: 0o644, size: 5, mtime: 1_700_000_000, sha256: hello },
      { type: 'directory', path: 'bin' },
      expect.objectContaining({ type: 'file', path: 'bin/run', mode: 0o755, size: 10 }),
      { type: 'directory', path: 'empty' },
      { type: 'directory', path: 'l' },
      { type: 'link', path: 'l/dangling', target: 'later' },
      { type: 'link', path: 'l/ink', target: '../a.txt' },
    ]);
    expect(artifact.directory).toBe(join(root, artifact.id, 'files'));
    const sealed = await lstat(join(artifact.directory, 'bin/run'));
    expect([sealed.mode & 0o7777, sealed.mtimeMs]).toEqual([0o755, 1_700_000_000_000]);
    expect((await lstat(join(artifact.directory, 'empty'))).mode & 0o777).toBe(0o755);
    expect(await readlink(join(artifact.directory, 'l/ink'))).toBe('../a.txt');
    await artifacts.verify(artifact.id);
    // What was sealed does not hang on the tree.
    await writeFile(join(directory, 'a.txt'), 'HELLO');
    await artifacts.verify(artifact.id);
    await writeFile(join(directory, 'a.txt'), 'hello');
    await artifacts.collect(new Set());
    const taken = await artifacts.seal(directory, { ...options, isOurs: true });
    expect(taken).toEqual({ ...artifact, sealedAt: taken.sealedAt });
    expect(existsSync(directory)).toBe(false);
    expect((await lstat(join(taken.directory, 'bin/run'))).mode & 0o7777).toBe(0o755);
    await artifacts.verify(taken.id);
  });

  test('is the same for the same content, kept once, and found again after a restart', async () => {
    const first = await artifacts.seal(await tree({ a: '1', b: '2' }), options);
    const second = await artifacts.seal(await tree({ b: '2', a: '1' }), options);
    expect(second).toEqual(first);
    expect((await artifacts.seal(await tree({ a: '1', b: '3' }), options)).id).not.toBe(first.id);
    expect((await artifacts.seal(await tree({ a: '1', b: '2' }), { ...options, mtime: 1 })).id).not.toBe(first.id);
    expect(await (await openArtifacts(root)).find(first.id)).toEqual(first);
    expect(await artifacts.find('f'.repeat(64))).toBeNull();
    for (const id of ['', '..', '../artifacts', `${first.id}/..`, '__proto__']) expect(await artifacts.find(id)).toBeNull();
    expect((await readdir(root)).length).toBe(3);
  });

  test('is the same when it is sealed many times at once', async () => {
    const directory = await tree({ a: '1' });
    const sealed = await Promise.all(Array.from({ length: 8 }, () => artifacts.seal(directory, options)));
    expect(new Set(sealed.map(({ id }) => id)).size).toBe(1);
    expect(await readdir(root)).toEqual([sealed[0]?.id]);
  });

  test.each([{ isOurs: false }, { isOurs: true }])(
    'shares unchanged files with the earlier one, which keep their time (%o)',
    async ({ isOurs }) => {
      const earlier = await artifacts.seal(await tree({ same: 'same', changed: 'old', mode: 'mode', moved: 'x', size: '1' }), {
        ...options,
        mtime: 1000,
      });
      const next = await tree({ same: 'same', changed: 'new', mode: 'mode', 'to/moved': 'x', size: '12' });
      await chmod(join(next, 'mode'), 0o755);
      const artifact = await artifacts.seal(next, { mtime: 2000, previous: earlier, isOurs });
      const inode = async (one: { directory: string }, path: string): Promise<number> => (await lstat(join(one.directory, path))).ino;
      expect(await inode(artifact, 'same')).toBe(await inode(earlier, 'same'));
      expect(await inode(artifact, 'changed')).not.toBe(await inode(earlier, 'changed'));
      expect(await inode(artifact, 'mode')).not.toBe(await inode(earlier, 'mode'));
      const times = Object.fromEntries(
        artifact.manifest.entries.flatMap((entry) => (entry.type === 'file' ? [[entry.path, entry.mtime]] : [])),
      );
      expect(times).toEqual({ same: 1000, changed: 2000, mode: 2000, 'to/moved': 2000, size: 2000 });
      await artifacts.verify(artifact.id);
      await artifacts.verify(earlier.id);
    },
  );

  test.each([{ isOurs: false }, { isOurs: true }])('is whole although the earlier one was damaged or is gone (%o)', async ({ isOurs }) => {
    const earlier = await artifacts.seal(await tree({ a: 'aaaa', b: 'bbbb', c: 'cccc' }), { ...options, mtime: 1000 });
    await writeFile(join(earlier.directory, 'a'), 'AAAA');
    await rm(join(earlier.directory, 'b'));
    const next = await tree({ a: 'aaaa', b: 'bbbb', c: 'cccc', d: 'd' });
    const artifact = await artifacts.seal(next, { mtime: 2000, previous: earlier, isOurs });
    await artifacts.verify(artifact.id);
    expect(artifact.manifest.entries.map((entry) => (entry.type === 'file' ? entry.mtime : 0))).toEqual([1000, 1000, 1000, 2000]);
  });

  test('may have any name that is text: spaces, newlines, tabs, quotes, other scripts, leading dashes, U+FFFD and above U+FFFF', async () => {
    const names = [
      'a b',
      'new\nline',
      'tab\t',
      `'"$(id)\``,
      'ünï',
      '-rf',
      '文件',
      '😀',
      '\ufffd',
      '\uff5e',
      '.hidden',
      '__proto__',
      'back\\slash',
      '~',
    ];
    const artifact = await artifacts.seal(await tree(Object.fromEntries(names.map((name) => [`d/${name}`, name]))), options);
    const paths = artifact.manifest.entries.slice(1).map(({ path }) => path);
    expect(paths).toEqual(names.map((name) => `d/${name}`).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
    await artifacts.verify(artifact.id);
    expect(await (await openArtifacts(root)).find(artifact.id)).toEqual(artifact);
  });

  test('reads large files piece by piece', async () => {
    const directory = await tree({});
    execFileSync('dd', ['if=/dev/zero', `of=${join(directory, 'large')}`, 'bs=1M', 'count=40', 'status=none']);
    const artifact = await artifacts.seal(directory, options);
    const sum = execFileSync('sha256sum', [join(directory, 'large')], { encoding: 'utf8' }).slice(0, 64);
    expect(artifact.manifest.entries).toEqual([expect.objectContaining({ size: 40 * 1024 * 1024, sha256: sum })]);
  });
});

describe('sealing refuses', () => {
  test.each<[string, Record<string, string | null>, RegExp]>([
    ['an absolute link', { a: '1', l: '-> /etc/passwd' }, /link "l" is absolute/],
    ['a link out of the tree', { a: '1', 'd/l': '-> ../../x' }, /link "d\/l" leaves the tree/],
    ['a link to the parent', { a: '1', l: '-> ..' }, /leaves the tree/],
    ['a link that passes through the outside', { a: '1', l: '-> ../tree/a' }, /leaves the tree/],
    ['a link that leaves by way of another link', { a: '1', here: '-> .', l: '-> here/../x' }, /link "l" leaves the tree/],
    ['a link that leaves by way of two others', { a: '1', 'p/q/up': '-> ../..', 'p/l': '-> q/up/../x' }, /link "p\/l" leaves the tree/],
    ['a link whose missing parent could hide where it leads', { a: '1', l: '-> no/such/../../../x' }, /leaves the tree/],
    ['a name with an escape character', { 'a\u001b[31m': '1' }, /control characters: "a\\u001b/],
    ['a name with a C1 control character', { 'a\u009b': '1' }, /control characters/],
    ['a link with a control character', { a: '1', l: '-> a\u0007' }, /control characters/],
    ['an empty tree', {}, /would be empty/],
    ['a tree of directories and links only', { d: null, l: '-> d' }, /would be empty/],
  ])('%s', async (_, files, message) => {
    await expect(artifacts.seal(await tree(files), options)).rejects.toThrow(message);
    await expect(artifacts.seal(await tree(files), options)).rejects.toMatchObject({
      code: /empty/.test(message.source) ? 'artifact' : 'hostile-tree',
    });
    expect(await readdir(root)).toEqual([]);
  });

  test('pipes, sockets and names that are not UTF-8', async () => {
    const withPipe = await tree({ a: '1' });
    execFileSync('mkfifo', [join(withPipe, 'pipe')]);
    await expect(artifacts.seal(withPipe, options)).rejects.toThrow('"pipe" is a device, socket or pipe');
    const latin = await tree({ a: '1' });
    await writeFile(Buffer.concat([Buffer.from(`${latin}/caf`), Buffer.from([0xe9])]), '');
    await expect(artifacts.seal(latin, options)).rejects.toThrow('is not UTF-8: "café"');
    const target = await tree({ a: '1' });
    await symlink(Buffer.from([0x61, 0xff]), join(target, 'l'));
    await expect(artifacts.seal(target, options)).rejects.toThrow('the link in "l" is not UTF-8');
    expect(await readdir(root)).toEqual([]);
  });

  test('no link that stays inside, however it gets there', async () => {
    const inside = {
      a: '1',
      here: '-> .',
      'd/e/up': '-> ../../a',
      'd/self': '-> self',
      'd/round': '-> ../d/e/../round2',
      'd/round2': '-> round',
      x: '-> here/d/e/../../a',
    };
    await artifacts.verify((await artifacts.seal(await tree(inside), options)).id);
  });
});

describe('a damaged artifact', () => {
  test.each<[string, (files: string) => Promise<void>, string]>([
    ['one changed byte', (files) => writeFile(join(files, 'a'), 'onf'), '"a" has'],
    [
      'one changed byte with its old time',
      async (files) => {
        await writeFile(join(files, 'a'), 'onf');
        await utimes(join(files, 'a'), 1_700_000_000, 1_700_000_000);
      },
      '"a" has other content',
    ],
    ['a changed length', (files) => writeFile(join(files, 'a'), 'longer'), '"a" has 6 bytes instead of 3'],
    ['a changed mode', (files) => chmod(join(files, 'a'), 0o755), '"a" has another mode'],
    ['a missing file', (files) => rm(join(files, 'd/b')), '"d/b" is missing'],
    ['another file', (files) => writeFile(join(files, 'd/c'), ''), '"d/c" does not belong to it'],
    [
      'another link',
      async (files) => {
        await rm(join(files, 'l'));
        await symlink('d', join(files, 'l'));
      },
      '"l" is not the link',
    ],
  ])('is found by verifying: %s', async (_, damage, message) => {
    const artifact = await artifacts.seal(await tree({ a: 'one', 'd/b': 'two', l: '-> a' }), options);
    await damage(artifact.directory);
    await expect(artifacts.verify(artifact.id)).rejects.toMatchObject({ code: 'artifact', message: expect.stringContaining(message) });
  });

  test('is not used when its manifest was changed, and replaced when the same is sealed again', async () => {
    const directory = await tree({ a: 'one' });
    const { id } = await artifacts.seal(directory, options);
    const path = join(root, id, 'manifest.json');
    await writeFile(path, (await readFile(path, 'utf8')).replace('"size":3', '"size":4'));
    const reopened = await openArtifacts(root);
    await expect(reopened.find(id)).rejects.toMatchObject({ code: 'artifact', message: expect.stringContaining('damaged') });
    expect((await reopened.seal(directory, options)).id).toBe(id);
    await reopened.verify(id);
  });
});

describe('the directory of artifacts', () => {
  test('loses those that nobody keeps, but none that was handed out a moment ago', async () => {
    const [a, b, c] = [
      await artifacts.seal(await tree({ a: '1' }), options),
      await artifacts.seal(await tree({ a: '2' }), options),
      await artifacts.seal(await tree({ a: '3' }), options),
    ];
    const careful = await openArtifacts(root, 60_000);
    await careful.find(b.id);
    expect(await careful.collect(new Set([c.id]))).toBe(1);
    expect([await careful.find(a.id), (await careful.find(b.id))?.id, (await careful.find(c.id))?.id]).toEqual([null, b.id, c.id]);
    await artifacts.verify(c.id);
    expect((await readdir(root)).sort()).toEqual([b.id, c.id].sort());
  });

  test('is cleaned of what a killed daemon left, and never shows half an artifact', async () => {
    const directory = await tree({ keep: 'k' });
    for (let i = 0; i < 300; i++) await writeFile(join(directory, `f${i}`), `${i}`.repeat(1000));
    const program = `
      import { openArtifacts } from 'SRC/store/artifacts.ts';
      const artifacts = await openArtifacts(process.argv[2]);
      for (let mtime = 1; ; mtime++) {
        await artifacts.seal(process.argv[3], { mtime, previous: null });
        console.log('sealed');
      }`;
    const child = await runProgram(program, [root, directory]);
    try {
      await until(async () => child.output().includes('sealed') && (await readdir(root)).some((name) => name.startsWith('.incoming')), {
        everyMs: 1,
      });
    } finally {
      child.process.kill('SIGKILL');
    }
    await child.ended;
    const reopened = await openArtifacts(root);
    const ids = await readdir(root);
    expect(ids.filter((name) => name.startsWith('.'))).toEqual([]);
    expect(ids.length).toBeGreaterThan(0);
    for (const id of ids) await reopened.verify(id);
  });

  test('that has no space left rejects with disk, and nothing stays behind', async () => {
    const disk = join(await temporaryDirectory(), 'disk');
    await mkdir(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
    try {
      const small = await openArtifacts(disk);
      const large = await tree({ a: 'x'.repeat(3_000_000) });
      await expect(small.seal(large, options)).rejects.toMatchObject({ code: 'disk', message: expect.stringContaining('no space left') });
      expect(await readdir(disk)).toEqual([]);
    } finally {
      execFileSync('umount', [disk]);
    }
  });

  test('stops sealing when it is aborted', async () => {
    await expect(artifacts.seal(await tree({ a: '1' }), { ...options, signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'aborted',
    });
    expect(await readdir(root)).toEqual([]);
  });
});

test("an artifact's id is the hash of its manifest, also with hard links in the tree", async () => {
  const directory = await tree({ a: 'one' });
  await link(join(directory, 'a'), join(directory, 'b'));
  const artifact = await artifacts.seal(directory, options);
  const sum = execFileSync('sha256sum', { input: manifestText(artifact.manifest), encoding: 'utf8' }).slice(0, 64);
  expect(artifact.id).toBe(sum);
});
