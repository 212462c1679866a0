import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { chmod, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { installHooks } from '../../src/forge/install.ts';
import { SECRET } from '../http/memory-application.ts';
import { until } from '../lab/until.ts';
import { git, makeGit, makeSvn, must, openBench, run, spooled, startReceiver, startSilent } from './lab.ts';

const ME = userInfo().username;
let bench: Awaited<ReturnType<typeof openBench>>;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
beforeEach(async () => {
  bench = await openBench();
  receiver = await startReceiver({ shop: SECRET, portal: SECRET });
});
afterEach(async () => {
  await receiver.close();
  await bench.close();
});

const install = (path: string, repository = 'shop', url = receiver.url) => installHooks({ path, repository, url, secret: SECRET });
const stateOf = (bare: string): string => join(bare, 'hooks/lockstep');
/** Nobody listens there: the port of a receiver that has been closed. */
const goAway = async (): Promise<number> => {
  const { port } = receiver;
  await receiver.close();
  return port;
};

describe('a push', () => {
  test('of two branches is one notice, and the person who pushes sees what will happen', async () => {
    const { bare, work } = await makeGit(bench.directory);
    await install(bare);
    const { code, stderr } = await git(work, 'push', 'origin', 'HEAD:refs/heads/servers/demo', 'HEAD:refs/heads/servers/staging');
    expect(code).toBe(0);
    expect(stderr).toContain('remote: Lockstep: servers/demo → production: deployment 42');
    expect(stderr).toContain('remote: Lockstep: servers/staging → production: deployment 42');
    expect(receiver.received).toMatchObject([
      {
        repository: 'shop',
        actor: ME,
        refs: [
          { ref: 'servers/demo', deleted: false },
          { ref: 'servers/staging', deleted: false },
        ],
      },
    ]);
  });

  test('that deletes a branch and adds a tag says so', async () => {
    const { bare, work } = await makeGit(bench.directory);
    await git(work, 'push', 'origin', 'HEAD:refs/heads/old');
    await install(bare);
    await git(work, 'push', 'origin', ':old', 'HEAD:refs/tags/v1');
    expect(receiver.received[0]?.refs).toEqual(
      expect.arrayContaining([
        { ref: 'old', deleted: true },
        { ref: 'refs/tags/v1', deleted: false, revision: expect.stringMatching(/^[0-9a-f]{40}$/) },
      ]),
    );
  });

  test('of branches with hostile names tells exactly those names and runs nothing', async () => {
    const { bare, work } = await makeGit(bench.directory);
    await install(bare);
    const names = [
      'a"b',
      "a'b",
      '$(touch$IFS/tmp/x)',
      '`id`',
      'a;b|c&d<e>',
      '-x',
      'é/日本/🚀',
      '%s%n',
      'constructor',
      '__proto__',
      '"',
      '$HOME',
      '\u202ex',
      '-n',
      'x!y',
    ];
    const pushed = await git(work, 'push', 'origin', ...names.map((name) => `HEAD:refs/heads/${name}`));
    expect(pushed.code).toBe(0);
    expect(receiver.received).toHaveLength(1);
    expect(receiver.received[0]?.refs.map(({ ref }) => ref).sort()).toEqual(names.sort());
  });

  test('of more refs than a notice may have becomes several notices', async () => {
    const { bare } = await makeGit(bench.directory);
    await install(bare);
    const input = Array.from({ length: 1500 }, (_, i) => `${'0'.repeat(40)} ${'a'.repeat(40)} refs/heads/many/${i}\n`).join('');
    expect((await run(join(bare, 'hooks/post-receive'), [], { cwd: bare, env: { GIT_DIR: '.' }, input })).code).toBe(0);
    await until(() => receiver.received.length === 2, { timeoutMs: 30_000, what: 'both notices' });
    const refs = receiver.received.flatMap((change) => change.refs);
    expect(new Set(refs.map(({ ref }) => ref)).size).toBe(1500);
  });

  test('is told with the name that the repository’s server authenticated', async () => {
    const { bare } = await makeGit(bench.directory);
    await install(bare);
    const line = `${'0'.repeat(40)} ${'a'.repeat(40)} refs/heads/x\n`;
    const people: [Record<string, string>, string | null][] = [
      [{ GL_USERNAME: 'li"sa', REMOTE_USER: 'other' }, 'li"sa'],
      [{ GL_USER: 'git\nolite' }, 'gitolite'],
      [{ REMOTE_USER: 'web' }, 'web'],
      [{ REMOTE_ADDR: '10.0.0.1' }, null],
      [{}, ME],
    ];
    for (const [env, actor] of people) {
      const { code } = await run(join(bare, 'hooks/post-receive'), [], { cwd: bare, env: { ...env, GIT_DIR: '.' }, input: line });
      expect(code).toBe(0);
      expect(receiver.received.at(-1)?.actor).toBe(actor);
    }
  });
});

describe('a commit in a working tree', () => {
  test('tells the branch it is on; a merge and a linked working tree do too; a detached HEAD tells nothing', async () => {
    const { work } = await makeGit(bench.directory);
    await install(work);
    await git(work, 'checkout', '-q', '-b', 'servers/yuri.popoff');
    const { stderr } = await git(work, 'commit', '-q', '--allow-empty', '-m', 'second');
    expect(stderr).toContain('Lockstep: servers/yuri.popoff → production: deployment 42');
    await git(work, 'checkout', '-q', 'main');
    await git(work, 'merge', '-q', 'servers/yuri.popoff');
    await git(work, 'worktree', 'add', '-q', '../linked', '-b', 'servers/linked');
    await git(join(bench.directory, 'linked'), 'commit', '-q', '--allow-empty', '-m', 'third');
    await git(work, 'checkout', '-q', '--detach');
    await git(work, 'commit', '-q', '--allow-empty', '-m', 'nowhere');
    expect(receiver.received.map(({ refs }) => refs.map(({ ref }) => ref))).toEqual([
      ['servers/yuri.popoff'],
      ['main'],
      ['servers/linked'],
    ]);
  });
});

describe('a commit to Subversion', () => {
  test('names all paths it touched, with author, in svn’s empty environment', async () => {
    const { repository, url, work } = await makeSvn(bench.directory);
    await install(repository, 'portal');
    await must('svn', ['copy', '-q', '--username', 'ann', '-m', 'two branches', `${url}/trunk`, `${url}/servers/demo`]);
    expect(receiver.received.at(-1)).toEqual({
      delivery: expect.stringMatching(/^msg_[0-9a-f]{32}$/),
      repository: 'portal',
      refs: [],
      paths: ['servers/demo'],
      actor: 'ann',
      address: '127.0.0.1',
      source: 'hook',
    });
    await must('svn', ['update', '-q', work]);
    await writeFile(join(work, 'trunk', 'é "quoted" $(id).txt'), 'x');
    await writeFile(join(work, 'servers/demo', 'b'), 'x');
    await must('svn', ['add', '-q', '--force', '.'], { cwd: work });
    await must('svn', ['propset', '-q', 'svn:ignore', 'x', '.'], { cwd: work });
    await must('svn', ['commit', '-q', '--username', 'an"n', '-m', 'files', work]);
    expect(receiver.received.at(-1)).toMatchObject({ actor: 'an"n', paths: ['', 'servers/demo/b', 'trunk/é "quoted" $(id).txt'] });
    expect(receiver.received).toHaveLength(2);
  });

  test('of very many paths says that anything may have changed', async () => {
    const { repository, url } = await makeSvn(bench.directory);
    await install(repository, 'portal');
    const made = Array.from({ length: 2100 }, (_, i) => `mkdir\nservers/s${i}\n`).join('');
    await must('svnmucc', ['-m', 'many', '-U', url, '-X', '-'], { input: made });
    expect(receiver.received).toHaveLength(1);
    expect(receiver.received[0]).not.toHaveProperty('paths');
  });

  test('is not held up by a daemon that is down, and exits 0', async () => {
    const { repository, url } = await makeSvn(bench.directory);
    await install(repository, 'portal');
    await goAway();
    const { code, ms } = await run('svn', ['mkdir', '-q', '-m', 'x', `${url}/trunk/x`]);
    expect(code).toBe(0);
    expect(ms).toBeLessThan(5_000);
    expect(await spooled(stateOf(repository))).toHaveLength(1);
  });
});

describe('when the daemon is down', () => {
  test('the push succeeds, its notice is kept, and is delivered when the daemon is back', async () => {
    const { bare, work } = await makeGit(bench.directory);
    await install(bare);
    const port = await goAway();
    const { code, stderr } = await git(work, 'push', 'origin', 'HEAD:refs/heads/servers/demo');
    expect(code).toBe(0);
    expect(stderr).toContain('remote: Lockstep: the daemon cannot be reached; the notice is kept and will be sent later');
    const [kept] = await spooled(stateOf(bare));
    expect(kept).toMatch(/^\d{10}\.msg_[0-9a-f]{32}$/);
    receiver = await startReceiver({ shop: SECRET }, port);
    await until(() => receiver.received.length === 1, { timeoutMs: 30_000, what: 'the kept notice' });
    expect(receiver.received[0]).toMatchObject({ delivery: kept?.split('.')[1], refs: [{ ref: 'servers/demo' }] });
    await until(async () => (await spooled(stateOf(bare))).length === 0, { what: 'an empty spool' });
    await until(async () => (await readlink(join(stateOf(bare), 'sender')).catch(() => null)) === null, { what: 'the sender’s end' });
  });

  test('pushes one after the other keep all notices and start one sender', async () => {
    const { bare, work } = await makeGit(bench.directory);
    await install(bare);
    const port = await goAway();
    for (let i = 0; i < 3; i++) await git(work, 'push', '-q', 'origin', `HEAD:refs/heads/servers/s${i}`);
    expect(await spooled(stateOf(bare))).toHaveLength(3);
    const senders = async (): Promise<number> =>
      (await run('ps', ['-eo', 'args='])).stdout.split('\n').filter((line) => line === `sh ${stateOf(bare)}/notify --rest`).length;
    await until(async () => (await senders()) === 1, { what: 'one sender' });
    receiver = await startReceiver({ shop: SECRET }, port);
    await until(() => receiver.received.length === 3, { timeoutMs: 30_000, what: 'three notices' });
    expect(receiver.received.map(({ refs }) => refs[0]?.ref)).toEqual(expect.arrayContaining(['servers/s0', 'servers/s1', 'servers/s2']));
  });

  test('what an earlier sender left is sent with the next push, also past the lock of a sender that died', async () => {
    const { bare, work } = await makeGit(bench.directory);
    await install(bare);
    await writeFile(
      join(stateOf(bare), 'spool/1700000000.msg_old'),
      JSON.stringify({ refs: [{ ref: 'refs/heads/old', new: 'a'.repeat(40) }] }),
    );
    await must('ln', ['-s', '999999999.1700000000', join(stateOf(bare), 'sender')]);
    await git(work, 'push', '-q', 'origin', 'HEAD:refs/heads/servers/demo');
    await until(() => receiver.received.length === 2, { what: 'both notices' });
    expect(receiver.received.map(({ delivery }) => delivery)).toContain('msg_old');
  });

  test('at most 1000 notices are kept; the oldest go', async () => {
    const { bare, work } = await makeGit(bench.directory);
    await install(bare);
    const spool = join(stateOf(bare), 'spool');
    await Promise.all(Array.from({ length: 1003 }, (_, i) => writeFile(join(spool, `${1_600_000_000 + i}.msg_${i}`), '{}')));
    await goAway();
    await git(work, 'push', '-q', 'origin', 'HEAD:refs/heads/servers/demo');
    const kept = (await spooled(stateOf(bare))).sort();
    expect(kept).toHaveLength(1000);
    expect(kept[0]).toBe('1600000004.msg_4');
  });
});

test('a daemon that hangs, or an address that nobody answers, holds a hook up for less than a second', async () => {
  const { bare, work } = await makeGit(bench.directory);
  const silent = await startSilent();
  const line = `${'0'.repeat(40)} ${'a'.repeat(40)} refs/heads/x\n`;
  try {
    for (const url of [silent.url, 'http://192.0.2.1:8484', 'http://[100::1]:8484', 'http://nobody.invalid:8484']) {
      await install(bare, 'shop', url);
      const times: number[] = [];
      // The machine may be busy: the quickest of some attempts is the hook's own time.
      for (let i = 0; i < 4 && !times.some((ms) => ms < 1000); i++) {
        const { ms, stderr, code } = await run(join(bare, 'hooks/post-receive'), [], { cwd: bare, env: { GIT_DIR: '.' }, input: line });
        expect({ url, code, stderr }).toEqual({ url, code: 0, stderr: expect.stringContaining('the notice is kept') });
        times.push(ms);
      }
      expect(Math.min(...times)).toBeLessThan(1000);
    }
    expect((await git(work, 'push', 'origin', 'HEAD:refs/heads/servers/demo')).stderr).toContain(
      'remote: Lockstep: the daemon cannot be reached',
    );
  } finally {
    silent.close();
  }
});

test('a notice that the daemon refuses is shown and not kept', async () => {
  const { bare, work } = await makeGit(bench.directory);
  await install(bare);
  receiver.application.repositories.set('shop', ['whsec_b3RoZXIgc2VjcmV0IG9mIHRoZSBwb3J0YWwgcmVwb3M=']);
  const { code, stderr } = await git(work, 'push', 'origin', 'HEAD:refs/heads/servers/demo');
  expect(code).toBe(0);
  expect(stderr).toContain(
    "remote: Lockstep: the daemon does not accept this repository's secret; ask its operator to run: lockstep hooks install",
  );
  expect(await spooled(stateOf(bare))).toEqual([]);
});

test('a daemon that cannot write gets the notice again later', async () => {
  const { bare, work } = await makeGit(bench.directory);
  await install(bare);
  const { DeployError } = await import('../../src/core/errors.ts');
  receiver.application.failure = new DeployError('store', 'The journal cannot be written.');
  const { stderr } = await git(work, 'push', 'origin', 'HEAD:refs/heads/servers/demo');
  expect(stderr).toContain('remote: Lockstep: the daemon cannot take the notice now (HTTP 503); the notice is kept and will be sent later');
  receiver.application.failure = null;
  await until(() => receiver.received.length === 1, { timeoutMs: 30_000, what: 'the kept notice' });
});

test.each(['dash', 'bash'])('the hooks work under %s, without any environment, with umask 077, from any directory', async (shell) => {
  if ((await run('sh', ['-c', `command -v ${shell}`])).code !== 0) return;
  const { bare } = await makeGit(bench.directory);
  await install(bare);
  const line = `${'0'.repeat(40)} ${'a'.repeat(40)} refs/heads/x"y\n`;
  const command = `umask 077; cd /; exec env -i ${shell} "$0" git`;
  const { code, stderr } = await run('sh', ['-c', command, join(stateOf(bare), 'notify')], { input: line });
  expect({ code, stderr }).toEqual({ code: 0, stderr: 'Lockstep: x"y → production: deployment 42\n' });
  expect(receiver.received[0]?.refs).toEqual([{ ref: 'x"y', deleted: false, revision: 'a'.repeat(40) }]);
});

test('a proxy, a .curlrc and an xtrace of the person who pushes change nothing', async () => {
  const { bare } = await makeGit(bench.directory);
  await install(bare);
  await writeFile(join(bench.directory, '.curlrc'), 'url = "http://192.0.2.1/"\n');
  const env = {
    HOME: bench.directory,
    http_proxy: 'http://192.0.2.1:1',
    ALL_PROXY: 'http://192.0.2.1:1',
    SHELLOPTS: 'xtrace:allexport',
    PATH: '/usr/bin:/bin',
  };
  const { stderr } = await run('bash', [join(stateOf(bare), 'notify'), 'git'], {
    env,
    input: `${'0'.repeat(40)} ${'a'.repeat(40)} refs/heads/x\n`,
  });
  expect(stderr).not.toContain(SECRET.slice(6, 20));
  expect(receiver.received).toHaveLength(1);
});

test('without a readable secret nothing is sent, and the push goes on', async () => {
  const { bare, work } = await makeGit(bench.directory);
  await install(bare);
  for (const secret of ['', 'whsec_', 'whsec_c2hvcnQ=', 'not base64 at all']) {
    await writeFile(join(stateOf(bare), 'secret'), secret);
    const { code, stderr } = await git(work, 'push', '-f', 'origin', `HEAD:refs/heads/s${secret.length}`);
    expect(code).toBe(0);
    expect(stderr).toContain('remote: Lockstep: no notice was sent:');
  }
  await rm(stateOf(bare), { recursive: true });
  expect((await git(work, 'push', 'origin', 'HEAD:refs/heads/gone')).code).toBe(0);
  expect(receiver.received).toEqual([]);
});

test('an existing hook still runs first, with the same input, arguments and exit status', async () => {
  const { repository, url } = await makeSvn(bench.directory);
  const seen = join(bench.directory, 'seen');
  await writeFile(join(repository, 'hooks/post-commit'), `#!/bin/sh\necho "$@" > '${seen}'\necho loud >&2\nexit 3\n`);
  await chmod(join(repository, 'hooks/post-commit'), 0o755);
  await install(repository, 'portal');
  const { stdout, code } = await run('svn', ['mkdir', '-m', 'x', `${url}/trunk/x`]);
  expect(code).toBe(0);
  // Subversion shows a hook's words only if it failed: the old hook's exit status is still seen.
  expect(stdout).toMatch(/loud[^]*Lockstep: trunk\/x → production/);
  expect(await readFile(seen, 'utf8')).toMatch(new RegExp(`^${repository} 2 1-`));
  expect(receiver.received).toHaveLength(1);

  const { bare, work } = await makeGit(bench.directory);
  await writeFile(join(bare, 'hooks/post-receive'), `#!/bin/sh\ncat > '${seen}'\nexit 1\n`);
  await chmod(join(bare, 'hooks/post-receive'), 0o755);
  await install(bare);
  await git(work, 'push', '-q', 'origin', 'HEAD:refs/heads/a', 'HEAD:refs/heads/b');
  expect(await readFile(seen, 'utf8')).toMatch(/^0{40} [0-9a-f]{40} refs\/heads\/a\n0{40} [0-9a-f]{40} refs\/heads\/b\n$/);
  expect(receiver.received).toHaveLength(2);
});

test('the hooks pass shellcheck', async () => {
  const files = ['lockstep-notify', 'git-post-receive', 'git-post-commit', 'svn-post-commit'];
  const { stdout, code } = await run('shellcheck', files, { cwd: join(import.meta.dirname, '../../hooks') });
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
});
