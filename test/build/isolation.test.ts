// What a build cannot do: see the daemon, outlive its time, fill memory or leave anything running.
import { afterEach, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, realpath } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { chooseIsolation } from '../../src/build/isolation.ts';
import type { Isolation } from '../../src/build/isolation.ts';
import { until } from '../lab/until.ts';
import { removeTemporaryDirectories, runProgram } from '../store/lab.ts';
import { COMMITTED_AT, openWorkshop, processesWith, request, REVISION, type Workshop } from './workshop.ts';

const workshops: Workshop[] = [];
async function workshop(...args: Parameters<typeof openWorkshop>): Promise<Workshop> {
  const made = await openWorkshop(...args);
  workshops.push(made);
  return made;
}
afterEach(async () => {
  for (const one of workshops.splice(0)) await one.remove();
  await removeTemporaryDirectories();
});

const isRoot = process.getuid?.() === 0;
const user = { uid: 65534, gid: 65534 };
const kinds: Isolation[] = [
  { kind: 'bubblewrap', user: isRoot ? user : null, warning: null },
  ...(isRoot ? [{ kind: 'setpriv', user, warning: 'only another account' } as const] : []),
  { kind: 'none', user: null, warning: 'no isolation' },
];

test('bubblewrap works on this machine and is chosen', async () => {
  const { build } = await workshop({ a: '1' });
  const { read, log } = await build('id -u > uid; cat /proc/1/comm > init');
  if (isRoot) expect(await read('uid')).toBe('65534\n');
  expect(await read('init')).toBe('bwrap\n');
  expect(log).not.toContain('warning');
});

if (isRoot) {
  test('as root, a build that nothing can isolate is refused, and one without commands is not', async () => {
    // No program can become this account.
    const nobody = { uid: Number.NaN, gid: Number.NaN };
    const isolation = await chooseIsolation(nobody, { work: tmpdir(), hidden: [], network: false });
    expect(isolation.kind).toBe('none');
    const { build } = await workshop({ a: '1' }, { isolation });
    await expect(build('touch ran')).rejects.toMatchObject({
      code: 'build',
      message: expect.stringContaining('builds are not run as root'),
    });
    expect(await (await build(null)).read('a')).toBe('1');
  });
}

describe.each(kinds)('a build under $kind', (isolation) => {
  test('gets a minimal environment and nothing of the daemon’s own', async () => {
    process.env['LOCKSTEP_TEST_SECRET'] = 'canary';
    const { build, data } = await workshop({ a: '1' }, { isolation });
    const { read } = await build('env > environment; ls -l /proc/self/fd > descriptors', {
      environment: { MODE: 'production', QUOTED: `a 'b' "c" $d` },
    });
    delete process.env['LOCKSTEP_TEST_SECRET'];
    const environment = Object.fromEntries(
      (await read('environment'))
        .trimEnd()
        .split('\n')
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
    // The shell itself sets PWD.
    const { PATH, HOME, TMPDIR, LOCKSTEP_BUILD, PWD, ...rest } = environment;
    expect(PWD).toContain('/');
    expect(rest).toEqual({
      LANG: 'C.UTF-8',
      CI: 'true',
      SOURCE_DATE_EPOCH: String(COMMITTED_AT),
      LOCKSTEP_REPOSITORY: 'shop',
      LOCKSTEP_BRANCH: 'servers/production',
      LOCKSTEP_REVISION: REVISION,
      MODE: 'production',
      QUOTED: `a 'b' "c" $d`,
    });
    expect(PATH).toContain('/usr/bin');
    expect(HOME).not.toBe(homedir());
    expect(TMPDIR === undefined).toBe(isolation.kind === 'bubblewrap');
    expect(LOCKSTEP_BUILD).toMatch(/^[0-9a-f]{16}\.[0-9a-f]{16}$/);
    const descriptors = (await read('descriptors')).replace(/.*descriptors\n/, '');
    expect(descriptors).not.toContain(data);
  });

  test('leaves no process behind: background, disowned, own session, double fork', async () => {
    const { build } = await workshop({ a: '1' }, { isolation });
    await build(
      `sleep 7771 & (sleep 7771 & sleep 7771 &) ; setsid sleep 7771 >/dev/null 2>&1 < /dev/null & (setsid sh -c 'sleep 7771; :' > /dev/null 2>&1 &); nohup sleep 7771 & sleep 0.2`,
    );
    expect(processesWith('sleep 7771')).toEqual([]);
    await expect(build('setsid sleep 7771 & sleep 0.2; exit 1')).rejects.toMatchObject({ code: 'build' });
    expect(processesWith('sleep 7771')).toEqual([]);
  });

  test('is ended with all its processes when its time is over', async () => {
    const { build, data } = await workshop({ a: '1' }, { isolation });
    const promise = build(`trap '' TERM INT HUP; echo working; setsid sh -c "trap '' TERM; sleep 7772; :" & sleep 7772`, {
      timeoutMs: 1500,
    });
    await expect(promise).rejects.toMatchObject({
      code: 'build',
      message: 'build of shop 1a2b3c4 failed: not finished within its time limit of 2 s: working',
    });
    expect(processesWith('sleep 7772')).toEqual([]);
    expect(await readdir(join(data, 'builds/work'))).toEqual([]);
  });

  test('is ended when it is aborted', async () => {
    const { build } = await workshop({ a: '1' }, { isolation });
    const controller = new AbortController();
    let log = '';
    const promise = build('echo begun; sleep 7773 & sleep 7773', {}, { signal: controller.signal, log: (text) => (log += text) });
    await until(() => log.includes('begun'));
    controller.abort();
    await expect(promise).rejects.toMatchObject({ code: 'aborted' });
    expect(processesWith('sleep 7773')).toEqual([]);
  });

  test('can print 200 MB, with and without line ends: the log is cut, memory stays flat', async () => {
    const { build } = await workshop({ a: '1' }, { isolation });
    let bytes = 0;
    let rest = '';
    const log = (text: string): void => {
      bytes += Buffer.byteLength(text);
      if (text.length < 200) rest += text;
    };
    const before = process.memoryUsage().rss;
    let peak = before;
    const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 20);
    await expect(
      build(
        `yes | head -c 100000000; tr '\\0' x < /dev/zero | head -c 100000000; echo; echo the end; exit 3`,
        {},
        { log, revision: REVISION },
      ),
    ).rejects.toMatchObject({
      message: expect.stringMatching(/exited 3 after \d+ s: the end$/),
    });
    clearInterval(timer);
    expect(bytes).toBeGreaterThan(16 * 1024 * 1024);
    expect(bytes).toBeLessThan(17 * 1024 * 1024);
    expect(rest).toContain('… truncated: the build printed more than 16 MiB');
    expect(peak - before).toBeLessThan(200 * 1024 * 1024);
  });

  test('passes on what it prints without a line end, and characters in one piece', async () => {
    const { build } = await workshop({ a: '1' }, { isolation });
    let log = '';
    const promise = build(
      `printf 'progress 1'; sleep 0.3; printf '\\342\\202'; sleep 0.3; printf '\\254 ok'; while ! test -e /nowhere; do sleep 0.1; [ $((i=i+1)) -gt 10 ] && break; done`,
      {},
      { log: (text) => (log += text) },
    );
    await until(() => log.includes('progress 1'));
    await promise;
    expect(log).toContain('progress 1€ ok');
  });
});

test.each(kinds)('what a build under $kind does ends when the daemon is killed, at the latest when it starts again', async (isolation) => {
  const { data, source, reopen } = await workshop({ a: '1' });
  const program = `
    import { cp } from 'node:fs/promises';
    import { openBuilder } from 'SRC/build/builder.ts';
    const [directory, source, isolation, request] = process.argv.slice(2);
    const versionControl = () => ({ export: (branch, revision, subdirectory, to) => cp(source, to, { recursive: true }) });
    const builder = await openBuilder({ directory, versionControl, artifacts: { find: () => Promise.resolve(null) }, isolation: JSON.parse(isolation) });
    await builder.build({ ...JSON.parse(request), log: (text) => process.stdout.write(text) }, new AbortController().signal);`;
  const wanted = JSON.stringify(request('echo begun; setsid sleep 7775 & sleep 7775'));
  const daemon = await runProgram(program, [join(data, 'builds'), source, JSON.stringify(isolation), wanted]);
  try {
    await until(() => processesWith('sleep 7775').filter((line) => !line.includes('begun')).length >= 2, { what: 'the build' });
  } finally {
    daemon.process.kill('SIGKILL');
  }
  if (isolation.kind === 'bubblewrap') await until(() => processesWith('sleep 7775').length === 0);
  await reopen();
  expect(processesWith('sleep 7775')).toEqual([]);
  expect(await readdir(join(data, 'builds/work'))).toEqual([]);
  const mark = createHash('sha256')
    .update(join(await realpath(data), 'builds'))
    .digest('hex')
    .slice(0, 16);
  expect((await readdir(tmpdir())).filter((name) => name.includes(mark))).toEqual([]);
});

describe('a build under bubblewrap', () => {
  test('has the network only if its settings say so', async () => {
    const server = createServer((_, answer) => answer.end('reached'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { build } = await workshop({ a: '1' });
    const command = `curl -s --max-time 5 http://127.0.0.1:${port}/ > answer || echo unreachable > answer`;
    const closed = await build(command, { network: false });
    const open = await build(command, { network: true });
    server.close();
    expect(await closed.read('answer')).toBe('unreachable\n');
    expect(await open.read('answer')).toBe('reached');
  });

  test('sees its tree at the same place in each build', async () => {
    const { build } = await workshop({ a: '1' });
    const first = await build('pwd > where; df --output=target . | tail -1 >> where');
    const second = await build('pwd > where; df --output=target . | tail -1 >> where', {}, { revision: 'b'.repeat(40) });
    expect(await first.read('where')).toBe('/tmp/build\n/tmp/build\n');
    expect(await second.read('where')).toBe(await first.read('where'));
  });

  test('that forks without end is stopped by its limits and leaves nothing', async () => {
    if (!isRoot) return;
    const { build } = await workshop({ a: '1' });
    await expect(
      build('ulimit -Hu; sh -c "ulimit -u 60; bomb() { bomb | bomb & }; bomb; sleep 7774" ; sleep 7774', { timeoutMs: 1500 }),
    ).rejects.toMatchObject({ code: 'build' });
    expect(processesWith('7774')).toEqual([]);
  });

  test('that fills the disk fails as a full disk', async () => {
    const disk = join((await workshop({})).data, 'disk');
    await mkdir(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m,mode=0755', 'tmpfs', disk]);
    try {
      const small = await openWorkshop({ a: '1' }, {}, disk);
      await expect(small.build('cat /dev/zero > large')).rejects.toMatchObject({
        code: 'disk',
        message: expect.stringMatching(/^build of shop 1a2b3c4 failed: no space left/),
      });
      expect(await readdir(join(small.data, 'builds/work'))).toEqual([]);
      expect((await small.build('true')).files).toEqual(['a']);
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});
