// The agent's hands: with a perl that works a cutover starts no program on the server; without one, programs do the same.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AGENT } from '../../src/transport/agent-script.ts';
import { until } from '../lab/until.ts';
import { codeOf, nextOp, openGround, processesOf, soon, upload } from './ground.ts';
import type { Ground } from './ground.ts';
import { openPrograms } from './programs.ts';
import type { Programs } from './programs.ts';

const LOCK = { page: 'wait', timeoutMs: 60_000, botsTimeoutMs: 20_000 };
const READY = { token: 'token', release: 'r1', isBrief: true };
/** What the agent would start for a cutover. */
const PROGRAMS = ['mv', 'rm', 'ln', 'flock'];

const hands = (server: string): number[] =>
  processesOf(server)
    .filter((line) => / -x .* serve /.test(line))
    .map((line) => Number.parseInt(line, 10));

test('they are strict perl', () => {
  const script = AGENT.toString();
  const perl = script.slice(script.indexOf('#!perl\n'), script.indexOf('\n__END__\n'));
  expect(spawnSync('perl', ['-Mstrict', '-wc'], { input: perl, encoding: 'utf8' }).stderr).toBe('- syntax OK\n');
});

describe.each(['a perl that works', 'a perl that does not work'])('on a server with %s', (kind) => {
  const worksHere = kind === 'a perl that works';
  let ground: Ground;
  let programs: Programs;

  /** Programs that tell that they were started; and the perl. */
  beforeEach(async () => {
    programs = await openPrograms();
    const { directory, path } = programs;
    for (const name of PROGRAMS) await programs.add(name, `echo "${name} $*" >>'${directory}/started'\nPATH='${path}' exec ${name} "$@"`);
    if (!worksHere) await programs.add('perl', 'exit 1');
    ground = await openGround();
  });
  afterEach(async () => {
    await ground.close();
    await programs.close();
  });
  /** Without the lock that the watchdog takes: it starts when it gets to it. */
  const started = (): string[] => {
    const file = join(programs.directory, 'started');
    const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
    return lines.filter((line) => line !== 'flock -n 7').map((line) => line.split(' ', 1).join());
  };
  /** What a verb has started may have ended meanwhile. */
  const kill = (pid: number): void => {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('ESRCH');
    }
  };

  test('a cutover does what it should', async () => {
    const channel = ground.channel();
    const server = channel.server.path;
    await upload(channel, 'r1', await ground.artifact({ a: 'one' }));
    // What the path up to its space would name.
    const other = server.replace(/ .*/, '');
    await writeFile(other, 'somebody else’s');
    await upload(channel, 'r2', await ground.artifact({ a: 'two' }));
    for (const release of ['r1', 'r2']) {
      await channel.ready(nextOp(), { ...READY, release }, soon());
      const before = started().length;
      await channel.lock(nextOp(), 'token', LOCK, soon());
      expect(existsSync(join(server, 'maintenance'))).toBe(true);
      await channel.switch(nextOp(), 'token', release, soon());
      expect(readlinkSync(join(server, 'current'))).toBe(`releases/${release}`);
      await channel.decide(nextOp(), 'token', { release, timeoutMs: 60_000, durable: false }, soon());
      await channel.unlock(nextOp(), 'token', soon());
      expect(['maintenance', '.lockstep/lock', '.lockstep/ready'].filter((name) => existsSync(join(server, name)))).toEqual([]);
      expect(started().slice(before)).toEqual(worksHere ? [] : ['flock', 'mv', 'rm']);
    }
    expect(hands(server)).toHaveLength(worksHere ? 1 : 0);
    expect(server).not.toBe(other);
    expect(readFileSync(other, 'utf8')).toBe('somebody else’s');
  });

  test('a cutover goes on under a lock that was there before it was prepared', async () => {
    const channel = ground.channel();
    const server = channel.server.path;
    await upload(channel, 'r1', await ground.artifact({ a: 'one' }));
    await channel.lock(nextOp(), 'token', LOCK, soon());
    await channel.ready(nextOp(), READY, soon());
    const before = hands(server);
    await channel.lock(nextOp(), 'token', LOCK, soon());
    await channel.switch(nextOp(), 'token', 'r1', soon());
    await channel.unlock(nextOp(), 'token', soon());
    expect(readlinkSync(join(server, 'current'))).toBe('releases/r1');
    expect(hands(server)).toEqual(before);
  });

  test('the watchdog ends with what it watches', async () => {
    const channel = ground.channel();
    await upload(channel, 'r1', await ground.artifact({ a: 'one' }));
    await channel.ready(nextOp(), READY, soon());
    const { path: server } = channel.server;
    // It has said who it is: it writes nothing any more that could come in between.
    await until(() => readFileSync(join(server, '.lockstep/watchdog'), { encoding: 'utf8', flag: 'a+' }) !== '', {
      what: 'there is a watchdog',
    });
    expect(processesOf(server).some((line) => line.includes('watchdog'))).toBe(true);
    await rm(server, { recursive: true });
    await until(() => processesOf(server).every((line) => !line.includes('watchdog')), { what: 'it has ended' });
  });

  test('a cutover goes on when they, or the agent, are killed', async () => {
    const channel = ground.channel();
    const server = channel.server.path;
    await upload(channel, 'r1', await ground.artifact({ a: 'one' }));
    await channel.ready(nextOp(), READY, soon());
    await channel.lock(nextOp(), 'token', LOCK, soon());
    for (const pid of hands(server)) kill(pid);
    await channel.switch(nextOp(), 'token', 'r1', soon());
    for (const line of processesOf(server).filter((one) => /^\d+ sh .* serve /.test(one))) kill(Number.parseInt(line, 10));
    await channel.unlock(nextOp(), 'token', soon());
    expect(readlinkSync(join(server, 'current'))).toBe('releases/r1');
    expect(existsSync(join(server, 'maintenance'))).toBe(false);
    expect(hands(server)).toHaveLength(worksHere ? 1 : 0);
  });
});

test('what they could not sync is not there, and nobody syncs it again: the kernel tells of a failure once only', async () => {
  const programs = await openPrograms();
  const syncs = join(programs.directory, 'syncs');
  await programs.add('sync', `echo "$*" >>'${syncs}'; PATH='${programs.path}' exec sync "$@"`);
  const ground = await openGround();
  const channel = ground.channel();
  const { path } = channel.server;
  await upload(channel, 'r1', await ground.artifact({ a: 'one' }));
  const synced = (): string => readFileSync(syncs, { encoding: 'utf8', flag: 'a+' });
  const before = synced();
  const next = await ground.artifact({ a: 'two' });
  const [pid] = hands(path);
  const strace = spawn('strace', [
    '-qq',
    '-o',
    '/dev/null',
    '-p',
    String(pid),
    '-e',
    'trace=syncfs',
    '-e',
    'inject=syncfs:error=EIO:when=1',
  ]);
  try {
    await until(() => !/^TracerPid:\t0$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')), { what: 'strace is attached' });
    expect(await codeOf(upload(channel, 'r2', next))).toBe('disk');
    expect(existsSync(join(path, 'releases/r2'))).toBe(false);
    await upload(channel, 'r2', next);
    expect(existsSync(join(path, 'releases/r2'))).toBe(true);
    expect(synced()).toBe(before);
  } finally {
    strace.kill();
    await ground.close();
    await programs.close();
  }
});
