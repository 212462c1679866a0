import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { chmod, chown, lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installHooks } from '../../src/forge/install.ts';
import { SECRET } from '../http/memory-application.ts';
import { git, makeGit, makeSvn, must, openBench, startReceiver } from '../hooks/lab.ts';

let bench: Awaited<ReturnType<typeof openBench>>;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
beforeEach(async () => {
  bench = await openBench();
  receiver = await startReceiver({ shop: SECRET });
});
afterEach(async () => {
  await receiver.close();
  await bench.close();
});

const install = (path: string, more = {}) => installHooks({ path, repository: 'shop', url: receiver.url, secret: SECRET, ...more });
const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);

describe('installing', () => {
  test('puts the sender, its settings and the secret into the repository and verifies them with a ping', async () => {
    const { bare } = await makeGit(bench.directory);
    const report = await install(bare);
    expect(report).toMatchObject({
      kind: 'git-bare',
      hooks: [join(bare, 'hooks/post-receive')],
      kept: [],
      changed: true,
      ping: { answered: true },
    });
    expect((await readdir(report.state)).sort()).toEqual(['config', 'notify', 'secret', 'spool']);
    expect(await modeOf(join(report.state, 'secret'))).toBe('600');
    expect(await readFile(join(report.state, 'config'), 'utf8')).toContain(`URL=${receiver.url}/hooks/shop\nREPOSITORY=shop\n`);
    expect(receiver.received).toEqual([]);
  });

  test('a second time changes nothing, and lets a group read the secret if its owner does', async () => {
    const { bare } = await makeGit(bench.directory);
    const { state } = await install(bare);
    await chmod(join(state, 'secret'), 0o640);
    const before = await stat(join(state, 'secret'));
    expect(await install(bare)).toMatchObject({ changed: false, kept: [] });
    expect(await stat(join(state, 'secret'))).toMatchObject({ ino: before.ino, mode: before.mode });
  });

  test('repairs what was changed and takes a new secret', async () => {
    const { bare } = await makeGit(bench.directory);
    const { state } = await install(bare);
    await chmod(join(state, 'secret'), 0o644);
    await writeFile(join(state, 'notify'), '# broken');
    expect((await install(bare)).changed).toBe(true);
    expect(await modeOf(join(state, 'secret'))).toBe('600');
    expect(await install(bare, { secret: 'whsec_b3RoZXIgc2VjcmV0IG9mIHRoZSBwb3J0YWwgcmVwb3M=' })).toMatchObject({
      changed: true,
      ping: { answered: false, message: expect.stringContaining('does not accept') },
    });
  });

  test('while no daemon runs installs all the same and says so', async () => {
    const { bare } = await makeGit(bench.directory);
    expect((await install(bare, { url: 'http://127.0.0.1:9' })).ping).toEqual({
      answered: false,
      message: 'the daemon at http://127.0.0.1:9/hooks/shop cannot be reached',
    });
  });

  test('keeps an existing hook, once', async () => {
    const { bare } = await makeGit(bench.directory);
    const hook = join(bare, 'hooks/post-receive');
    await writeFile(hook, '#!/bin/sh\ntrue\n');
    expect((await install(bare)).kept).toEqual([`${hook}.before-lockstep`]);
    expect((await install(bare)).kept).toEqual([]);
    expect(await readFile(`${hook}.before-lockstep`, 'utf8')).toBe('#!/bin/sh\ntrue\n');
    await writeFile(hook, '#!/bin/sh\nfalse\n');
    await expect(install(bare)).rejects.toThrow(/is not Lockstep's hook/);
    expect(await readFile(hook, 'utf8')).toBe('#!/bin/sh\nfalse\n');
  });

  test('keeps an existing hook that is a symbolic link, and what it leads to', async () => {
    const { bare } = await makeGit(bench.directory);
    const shared = join(bench.directory, 'shared-hook');
    await writeFile(shared, '#!/bin/sh\ntrue\n');
    await symlink(shared, join(bare, 'hooks/post-receive'));
    await install(bare);
    expect((await lstat(join(bare, 'hooks/post-receive.before-lockstep'))).isSymbolicLink()).toBe(true);
    expect(await readFile(shared, 'utf8')).toBe('#!/bin/sh\ntrue\n');
  });

  test('in a working tree serves commits and merges; in Subversion commits', async () => {
    const { work } = await makeGit(bench.directory);
    expect(await install(work)).toMatchObject({
      kind: 'git',
      hooks: [join(work, '.git/hooks/post-commit'), join(work, '.git/hooks/post-merge')],
    });
    const { repository, url } = await makeSvn(bench.directory);
    expect(await install(url)).toMatchObject({
      kind: 'svn',
      hooks: [join(repository, 'hooks/post-commit')],
      state: join(repository, 'hooks/lockstep'),
    });
  });

  test('follows core.hooksPath with the hook, and keeps its own files in the repository', async () => {
    const { bare, work } = await makeGit(bench.directory);
    await git(bare, 'config', 'core.hooksPath', join(bench.directory, 'elsewhere'));
    const report = await install(bare);
    expect(report).toMatchObject({ hooks: [join(bench.directory, 'elsewhere/post-receive')], state: join(bare, 'hooks/lockstep') });
    await git(work, 'push', '-q', 'origin', 'HEAD:refs/heads/servers/demo');
    expect(receiver.received).toHaveLength(1);
  });

  test('works in a repository made without hooks directory', async () => {
    const bare = join(bench.directory, 'plain.git');
    await must('git', ['init', '-q', '--bare', '--template=', bare]);
    expect((await install(bare)).ping.answered).toBe(true);
  });

  test('as root gives everything to the owner of the repository', async () => {
    if (process.getuid?.() !== 0) return;
    const { bare } = await makeGit(bench.directory);
    for (const path of [bare, join(bare, 'hooks')]) await chown(path, 12345, 12346);
    const { state, hooks } = await install(bare);
    for (const path of [state, ...['notify', 'config', 'secret', 'spool'].map((name) => join(state, name)), ...hooks]) {
      const { uid, gid } = await lstat(path);
      expect({ path, uid, gid }).toEqual({ path, uid: 12345, gid: 12346 });
    }
  });
});

describe('installing is refused', () => {
  test('where there is no repository, or another kind of it', async () => {
    await expect(install(bench.directory)).rejects.toThrow(/is no Git or Subversion repository/);
    await expect(install(join(bench.directory, 'nothing'))).rejects.toThrow(/cannot be opened/);
    const { bare } = await makeGit(bench.directory);
    await expect(install(bare, { kind: 'svn' })).rejects.toThrow(/is a git-bare repository, but shop is configured as svn/);
    expect(await readdir(join(bare, 'hooks'))).not.toContain('lockstep');
  });

  test('with a weak secret or a bad address', async () => {
    const { bare } = await makeGit(bench.directory);
    for (const secret of ['', 'whsec_', 'changeme', 'whsec_c2hvcnQ='])
      await expect(install(bare, { secret })).rejects.toThrow(/no whsec_ secret/);
    for (const url of ['', 'nonsense', 'file:///etc', 'http://user:pass@example.org'])
      await expect(install(bare, { url })).rejects.toThrow(/URL/);
    await expect(install(bare, { repository: 'a\nURL=http://evil' })).rejects.toThrow(/no usable name/);
  });

  test('where something that is not ours is in the way, which stays as it is', async () => {
    const { bare } = await makeGit(bench.directory);
    const state = join(bare, 'hooks/lockstep');
    await mkdir(state);
    await writeFile(join(state, 'config'), 'mine');
    await expect(install(bare)).rejects.toThrow(/was not written by Lockstep/);
    expect(await readdir(state)).toEqual(['config']);
  });

  test('where a symbolic link would lead root out of the repository', async () => {
    const { bare } = await makeGit(bench.directory);
    const outside = join(bench.directory, 'outside');
    await mkdir(outside);
    await symlink(outside, join(bare, 'hooks/lockstep'));
    await expect(install(bare)).rejects.toThrow(/is in the way/);
    expect(await readdir(outside)).toEqual([]);
  });
});
