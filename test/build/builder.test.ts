// Building an artifact of a revision: what goes in, what comes out, and how often.
import { afterEach, describe, expect, test } from '@jest/globals';
import { lstat, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeployError } from '../../src/core/errors.ts';
import { until } from '../lab/until.ts';
import { COMMITTED_AT, openWorkshop, request, REVISION, type Workshop } from './workshop.ts';

const workshops: Workshop[] = [];
async function workshop(...args: Parameters<typeof openWorkshop>): Promise<Workshop> {
  const made = await openWorkshop(...args);
  workshops.push(made);
  return made;
}
afterEach(async () => {
  for (const one of workshops.splice(0)) {
    // Promise I12: nothing is left over, whatever the test did.
    expect(await readdir(join(one.data, 'builds/work'))).toEqual([]);
    expect((await readdir(join(one.data, 'artifacts'))).filter((name) => name.startsWith('.'))).toEqual([]);
    await one.remove();
  }
});
const failure = (promise: Promise<unknown>): Promise<DeployError> =>
  promise.then(
    () => Promise.reject(new Error('did not fail')),
    (error: unknown) => error as DeployError,
  );

describe('a revision without a build command', () => {
  test('becomes an artifact as it is, with the time of the commit', async () => {
    const { build } = await workshop({ 'index.php': '<?php', 'img/a.svg': '<svg/>' });
    const { artifact, files } = await build(null);
    expect(files).toEqual(['img/a.svg', 'index.php']);
    expect((await lstat(join(artifact.directory, 'index.php'))).mtimeMs).toBe(COMMITTED_AT * 1000);
  });

  test('gives only its output directory, which may be reached through a link inside', async () => {
    const { build, source } = await workshop({ 'public/index.php': '<?php', secret: 'x' });
    expect((await build(null, { output: 'public' })).files).toEqual(['index.php']);
    await symlink('public', join(source, 'www'));
    expect((await build(null, { output: 'www' })).files).toEqual(['index.php']);
  });

  test('without its output, or with one that leads out of the tree, is refused', async () => {
    const { build, source, data } = await workshop({ a: '1' });
    expect(await failure(build(null, { output: 'dist' }))).toMatchObject({
      code: 'artifact',
      message: expect.stringContaining('build of shop 1a2b3c4 failed: the revision has no "dist"'),
    });
    await symlink(join(data, 'artifacts'), join(source, 'out'));
    expect(await failure(build(null, { output: 'out' }))).toMatchObject({
      code: 'hostile-tree',
      message: expect.stringContaining('leads out of the tree'),
    });
    expect(await failure(build(null))).toMatchObject({
      code: 'hostile-tree',
      message: expect.stringContaining('build of shop 1a2b3c4 failed: the tree cannot become an artifact'),
    });
    expect(await failure(build(null, { output: '../..' }))).toMatchObject({ code: 'hostile-tree' });
    expect(await failure(build(null, { output: 'a' }))).toMatchObject({
      code: 'artifact',
      message: expect.stringContaining('is not a directory'),
    });
  });
});

describe('a build', () => {
  test('runs in the export, and its output becomes the artifact', async () => {
    const { build } = await workshop({ 'src/a.txt': 'hello' });
    const { files, read, log } = await build('echo compiling; mkdir -p dist && tr a-z A-Z < src/a.txt > dist/a.txt; echo done >&2', {
      output: 'dist',
    });
    expect(files).toEqual(['a.txt']);
    expect(await read('a.txt')).toBe('HELLO');
    expect(log).toMatch(/^\$ echo compiling; .*\ncompiling\ndone\nsealed 1 entries as artifact [0-9a-f]{12}\n$/);
  });

  test('can use the Node that runs the daemon, scratch space, and its own home', async () => {
    const { build } = await workshop({ a: '1' });
    const { read } = await build(
      'set -e; node -p "6*7" > answer; echo x > "$HOME/x"; echo y > /tmp/y; mktemp > temporary; pwd > where; test -w .',
    );
    expect(await read('answer')).toBe('42\n');
  });

  test('of the same revision with the same settings happens once, also after a restart', async () => {
    const { build, exported, reopen } = await workshop({ a: '1' });
    const first = await build('date +%N > stamp');
    const second = await build('date +%N > stamp');
    const third = await build('date +%N > stamp', {}, { builder: await reopen() });
    expect([second.artifact.id, third.artifact.id]).toEqual([first.artifact.id, first.artifact.id]);
    expect(third.log).toMatch(/^build of shop 1a2b3c4: built before, artifact [0-9a-f]{12}\n$/);
    expect(exported).toHaveLength(1);
    expect((await build('date +%N > stamp; true')).artifact.id).not.toBe(first.artifact.id);
    await build('date +%N > stamp', { environment: { MODE: 'x' } });
    await build('date +%N > stamp', {}, { revision: 'b'.repeat(40) });
    expect(exported).toHaveLength(4);
  });

  test('asked for twice at the same time runs once, and one who aborts does not stop the other', async () => {
    const { build, exported } = await workshop({ a: '1' });
    const controller = new AbortController();
    let log = '';
    const command = 'echo begun; while ! test -e /tmp/never; do sleep 0.1; [ $((i=i+1)) -gt 15 ] && break; done; echo >> count';
    const impatient = failure(build(command, {}, { signal: controller.signal, log: (text) => (log += text) }));
    await until(() => log.includes('begun'));
    const patient = build(command);
    controller.abort();
    expect(await impatient).toMatchObject({ code: 'aborted' });
    const { read, log: joined } = await patient;
    expect(await read('count')).toBe('\n');
    expect(joined).toContain('already running');
    expect(exported).toHaveLength(1);
  });

  test('that everybody aborted is ended, and can be asked for again at once', async () => {
    const { build } = await workshop({ a: '1' });
    const controller = new AbortController();
    let log = '';
    const aborted = failure(build('echo begun; sleep 987', {}, { signal: controller.signal, log: (text) => (log += text) }));
    await until(() => log.includes('begun'));
    controller.abort();
    expect(await aborted).toMatchObject({ code: 'aborted' });
    expect(await failure(build('sleep 987', {}, { signal: AbortSignal.abort() }))).toMatchObject({ code: 'aborted' });
    expect((await build('true')).files).toEqual(['a']);
  });

  test('waits for a slot when too many run, and may be aborted there', async () => {
    const { build } = await workshop({ a: '1' }, { concurrency: 1 });
    const first = new AbortController();
    let log = '';
    const running = failure(build('echo begun; sleep 987', {}, { signal: first.signal, log: (text) => (log += text) }));
    await until(() => log.includes('begun'));
    const second = new AbortController();
    const waiting = failure(build('true', {}, { revision: 'b'.repeat(40), signal: second.signal }));
    const patient = build('true', {}, { revision: 'c'.repeat(40) });
    second.abort();
    expect(await waiting).toMatchObject({ code: 'aborted' });
    first.abort();
    await running;
    expect((await patient).files).toEqual(['a']);
  });

  test('that fails says how it ended, with its last line and the end of its output', async () => {
    const { build } = await workshop({ a: '1' });
    const error = await failure(
      build('for i in $(seq 100); do echo "line $i"; done; printf "\\033[31merror: no such module\\033[0m\\n" >&2; exit 2'),
    );
    expect(error.code).toBe('build');
    expect(error.message).toMatch(/^build of shop 1a2b3c4 failed: exited 2 after \d+ s: error: no such module$/);
    expect(error.detail?.split('\n')).toEqual([...Array.from({ length: 39 }, (_, i) => `line ${i + 62}`), 'error: no such module']);
    expect((await failure(build('exit 7'))).message).toMatch(/exited 7 after \d+ s: it printed nothing/);
    expect((await failure(build('no-such-program'))).message).toMatch(/exited 127 .*no-such-program/);
    expect((await failure(build('kill -9 $$'))).message).toMatch(/exited 137 /);
    expect(await failure(build('true', { output: 'dist' }))).toMatchObject({
      code: 'artifact',
      message: expect.stringContaining('the build command made no "dist"'),
    });
    expect(await failure(build('rm -rf a'))).toMatchObject({ code: 'artifact', message: expect.stringContaining('would be empty') });
  });

  test('that failed is tried anew when asked again', async () => {
    const { build, exported, source } = await workshop({ a: '1' });
    expect(await failure(build('test -e b'))).toMatchObject({ code: 'build' });
    await writeFile(join(source, 'b'), '');
    expect((await build('test -e b')).files).toEqual(['a', 'b']);
    expect(exported).toHaveLength(2);
  });

  test('shares unchanged files with the earlier artifact of the same rule', async () => {
    const { build, source } = await workshop({ same: 'same', other: '1' });
    const first = await build('true');
    await writeFile(join(source, 'other'), '2');
    const second = await build('true', {}, { revision: 'b'.repeat(40) });
    const inode = async (one: typeof first, path: string): Promise<number> => (await lstat(join(one.artifact.directory, path))).ino;
    expect(await inode(second, 'same')).toBe(await inode(first, 'same'));
    expect(await inode(second, 'other')).not.toBe(await inode(first, 'other'));
  });

  test('leaves its caches to the next build only if it succeeds', async () => {
    const { build } = await workshop({ a: '1' });
    const cache = ['node_modules', 'web/.cache'];
    const command =
      'mkdir -p node_modules web/.cache dist; echo x >> node_modules/x; echo y >> web/.cache/y; cat node_modules/x web/.cache/y > dist/seen';
    const settings = { cache, output: 'dist' };
    const seen = async (revision: string): Promise<string> =>
      (await build(`${command}; [ ! -e fail ]`, settings, { revision: revision.repeat(40) })).read('seen');
    expect(await seen('a')).toBe('x\ny\n');
    expect(await seen('b')).toBe('x\nx\ny\ny\n');
    expect(await seen('c')).toBe('x\nx\nx\ny\ny\ny\n');
  });

  test('has caches inside its output in the artifact, and keeps what the revision itself has at a cache path', async () => {
    const { build, source } = await workshop({ a: '1' });
    const first = await build('mkdir -p vendor; echo v >> vendor/v', { cache: ['vendor'] });
    expect(first.files).toEqual(['a', 'vendor/v']);
    const second = await build('mkdir -p vendor; echo v >> vendor/v', { cache: ['vendor'] }, { revision: 'b'.repeat(40) });
    expect(await second.read('vendor/v')).toBe('v\nv\n');
    await mkdir(join(source, 'vendor'));
    await writeFile(join(source, 'vendor/own'), 'own');
    const third = await build('mkdir -p vendor; echo v >> vendor/v', { cache: ['vendor'] }, { revision: 'c'.repeat(40) });
    expect(third.files).toEqual(['a', 'vendor/own', 'vendor/v']);
    expect(await third.read('vendor/v')).toBe('v\n');
  });

  test('cannot make the daemon keep a foreign directory as its cache', async () => {
    const { build, data } = await workshop({ a: '1' });
    const cache = ['linked', 'up/token', '../../secrets', '/etc', '.', ''];
    await build(`ln -s ${data} linked; ln -s ${data} up; rm -f linked up; mkdir real; ln -s real linked; ln -s real up`, { cache });
    expect((await readdir(data)).sort()).toEqual(['artifacts', 'builds', 'token']);
    for (const rule of await readdir(join(data, 'builds/cache'))) expect(await readdir(join(data, 'builds/cache', rule))).toEqual([]);
  });
});

test('what a killed daemon left behind is removed when the builder opens', async () => {
  const { data, reopen } = await workshop({ a: '1' });
  await mkdir(join(data, 'builds/work/0123456789abcdef/tree/deep'), { recursive: true });
  await reopen();
  expect(await readdir(join(data, 'builds/work'))).toEqual([]);
});

test('Subversion revisions of two branches are two builds, Git revisions are one', async () => {
  const { builder, exported } = await workshop({ a: '1' });
  const signal = new AbortController().signal;
  for (const type of ['git', 'svn'] as const) {
    for (const branch of ['trunk', 'servers/demo']) {
      const one = request(null);
      await builder.build({ ...one, branch, repository: { ...one.repository, type } }, signal);
    }
  }
  expect(exported).toEqual([REVISION, REVISION, REVISION]);
});
