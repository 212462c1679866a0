// The agent's verbs, on a local server and behind a real sshd: what they do, and that a repeated request does no more.
import { describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { existsSync, lstatSync, readFileSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Channel } from '../../src/core/channel.ts';
import { AGENT, AGENT_HASH } from '../../src/transport/agent-script.ts';
import { until } from '../lab/until.ts';
import { codeOf, nextOp, onGround, openGround, parcel, picture, processesOf, soon, upload } from './ground.ts';
import type { Ground } from './ground.ts';
import { openPrograms } from './programs.ts';

const PAGE = { page: '<p>We are updating the software.</p>\n', timeoutMs: 60_000, botsTimeoutMs: 5_000 };
const command = (run: string, timeoutMs = 20_000) => ({
  name: 'migrate',
  command: { run, timeoutMs, on: null },
  release: '',
  environment: {},
});

test('an agent that nobody has written to is not read to be compared', async () => {
  const programs = await openPrograms();
  const read = join(programs.directory, 'read');
  await programs.add('sha256sum', `echo >>'${read}'\nPATH='${programs.path}' exec sha256sum "$@"`);
  const ground = await openGround();
  try {
    const first = ground.channel();
    await first.hello(soon());
    await first.close();
    const before = readFileSync(read).length;
    expect(before).toBeGreaterThan(0);
    await ground.channel(first.server).hello(soon());
    expect(readFileSync(read)).toHaveLength(before);
  } finally {
    await ground.close();
    await programs.close();
  }
});

describe.each(['local', 'ssh'])('an agent on a %s server', (kind) => {
  let ground: Ground;
  let channel: Channel;
  let path: string;

  onGround(kind, (on) => ({ ground, channel, path } = on));

  const served = (): string => readlinkSync(join(path, 'current'));
  const isLocked = (): boolean => existsSync(join(path, 'maintenance'));

  test('greets an empty directory, and makes it', async () => {
    const greeting = await channel.hello(soon());
    expect(greeting).toMatchObject({ current: null, sealed: [], lock: null });
    expect(greeting.rsync).toMatch(/^3\./);
    expect(greeting.freeBytes).toBeGreaterThan(0);
    expect(greeting.freeInodes).toBeGreaterThan(0);
    expect(readdirSync(path).sort()).toEqual(['.lockstep', 'maintenance.html', 'releases', 'shared']);
  });

  test('is brought anew when somebody has written to it', async () => {
    await channel.hello(soon());
    const agent = join(path, '.lockstep', `agent-${AGENT_HASH}`);
    for (const damage of ['#!/bin/sh\nexit 1\n', '']) {
      await channel.close();
      await writeFile(agent, damage);
      channel = ground.channel(channel.server);
      expect(await channel.hello(soon())).toMatchObject({ current: null });
      expect(readFileSync(agent).equals(AGENT)).toBe(true);
    }
  });

  test('brings a release, switches to it, reports it, and collects what is not kept', async () => {
    const one = await ground.artifact({ 'index.html': 'one', 'bin/run': ['#!/bin/sh\n', 0o755], logs: null, now: { link: 'index.html' } });
    const two = await ground.artifact({ 'index.html': 'two!', 'bin/run': ['#!/bin/sh\n', 0o755], logs: null, now: { link: 'index.html' } });
    await channel.hello(soon());
    await upload(channel, 'r1', one);
    const op = nextOp();
    expect(await channel.switch(op, null, 'r1', soon())).toEqual({ previous: null });
    expect(await picture(join(path, 'current/'))).toEqual(await picture(one.directory));
    expect(statSync(join(path, 'releases/r1')).mode & 0o777).toBe(0o755);

    await upload(channel, 'r2', two, { base: { release: 'r1', artifact: one } });
    expect(await channel.switch(nextOp(), null, 'r2', soon())).toEqual({ previous: 'r1' });
    expect(await channel.switch(op, null, 'r1', soon())).toEqual({ previous: null });
    expect(served()).toBe('releases/r2');
    expect(await picture(join(path, 'releases/r2'))).toEqual(await picture(two.directory));
    expect(await picture(join(path, 'releases/r1'))).toEqual(await picture(one.directory));
    // Unchanged files take no room of their own.
    expect(statSync(join(path, 'releases/r2/bin/run')).ino).toBe(statSync(join(path, 'releases/r1/bin/run')).ino);

    expect((await channel.hello(soon())).sealed).toEqual([
      { release: 'r1', artifact: one.id },
      { release: 'r2', artifact: two.id },
    ]);
    expect(await channel.collect([], soon())).toEqual([]);
    expect(readdirSync(join(path, 'releases'))).toEqual(['r2']);
    expect((await channel.hello(soon())).sealed).toEqual([{ release: 'r2', artifact: two.id }]);
  });

  test('a release that is there is not uploaded again, and never replaced by another of its name', async () => {
    const one = await ground.artifact({ a: 'one' });
    const two = await ground.artifact({ a: 'two!' });
    await upload(channel, 'r1', one);
    const again = { release: 'r1', base: null, remove: [], links: [] };
    expect(await channel.stage(nextOp(), { ...again, artifact: one.id }, soon())).toBe('sealed');
    await channel.seal(nextOp(), { release: 'r1', artifact: one.id, ...parcel(one).seal }, soon());
    expect(await codeOf(channel.stage(nextOp(), { ...again, artifact: two.id }, soon()))).toBe('conflict');
    expect(readFileSync(join(path, 'releases/r1/a'), 'utf8')).toBe('one');
  });

  test('half a release, left in releases/ without a record, makes way', async () => {
    const one = await ground.artifact({ a: 'one' });
    await channel.hello(soon());
    await mkdir(join(path, 'releases/r1'));
    await writeFile(join(path, 'releases/r1/b'), 'half');
    await upload(channel, 'r1', one);
    expect(readdirSync(join(path, 'releases/r1'))).toEqual(['a']);
    expect(readdirSync(join(path, '.lockstep/incoming'))).toEqual([]);
  });

  test('stale links and uploads are in nobody’s way', async () => {
    const one = await ground.artifact({ a: 'one' });
    await channel.hello(soon());
    await mkdir(join(path, '.lockstep/incoming/r1'));
    await writeFile(join(path, '.lockstep/incoming/r1/stray'), 'x');
    await upload(channel, 'r1', one);
    const op = nextOp();
    await symlink('releases/nowhere', join(path, `.current.${op}`));
    await symlink('releases/nowhere', join(path, '.current.other'));
    await channel.switch(op, null, 'r1', soon());
    expect(served()).toBe('releases/r1');
    await channel.collect(['r1'], soon());
    expect(readdirSync(path).sort()).toEqual(['.lockstep', 'current', 'maintenance.html', 'releases', 'shared']);
  });

  test('a switch goes only to what is sealed', async () => {
    await channel.hello(soon());
    await mkdir(join(path, 'releases/by-hand'));
    expect(await codeOf(channel.switch(nextOp(), null, 'by-hand', soon()))).toBe('not-found');
    expect(await codeOf(channel.switch(nextOp(), null, 'nothing', soon()))).toBe('not-found');
    expect(existsSync(join(path, 'current'))).toBe(false);
  });

  test('takes over a server that another tool deployed to, and can go back to what it served', async () => {
    const one = await ground.artifact({ a: 'one' });
    await mkdir(join(path, 'releases/20260101120000'), { recursive: true });
    await symlink(join(path, 'releases/20260101120000'), join(path, 'current'));
    expect(await channel.hello(soon())).toMatchObject({ current: '20260101120000', sealed: [] });
    await upload(channel, 'r1', one);
    expect(await channel.switch(nextOp(), null, 'r1', soon())).toEqual({ previous: '20260101120000' });
    expect((await channel.hello(soon())).sealed).toEqual([{ release: 'r1', artifact: one.id }]);
    expect(await channel.switch(nextOp(), null, '20260101120000', soon())).toEqual({ previous: 'r1' });
    expect(served()).toBe('releases/20260101120000');
  });

  test('goes back to nothing where nothing was served', async () => {
    await upload(channel, 'r1', await ground.artifact({ a: 'one' }));
    await channel.switch(nextOp(), null, 'r1', soon());
    expect(await channel.switch(nextOp(), null, null, soon())).toEqual({ previous: 'r1' });
    expect((await channel.hello(soon())).current).toBeNull();
  });

  test('a server whose current is a file, or leads elsewhere, is not touched', async () => {
    await mkdir(path, { recursive: true });
    await writeFile(join(path, 'current'), 'what is this?');
    expect(await codeOf(channel.hello(soon()))).toBe('refused');
    await rm(join(path, 'current'));
    await symlink('/tmp', join(path, 'current'));
    expect(await codeOf(channel.hello(soon()))).toBe('refused');
    expect(readlinkSync(join(path, 'current'))).toBe('/tmp');
  });

  test('a lock is raised, kept, taken by nobody else, and given back; all of it as often as one asks', async () => {
    await channel.lock(nextOp(), 'token', PAGE, soon());
    expect(isLocked()).toBe(true);
    expect(readFileSync(join(path, 'maintenance.html'), 'utf8')).toBe(PAGE.page);
    await channel.lock(nextOp(), 'token', PAGE, soon());
    expect((await channel.hello(soon())).lock).toBe('token');
    expect(await codeOf(channel.lock(nextOp(), 'other', PAGE, soon()))).toBe('conflict');
    expect(await codeOf(channel.unlock(nextOp(), 'other', soon()))).toBe('conflict');
    expect(await codeOf(channel.decide(nextOp(), 'other', { release: null, timeoutMs: 1000, durable: true }, soon()))).toBe('lock-lost');
    expect(isLocked()).toBe(true);
    await channel.unlock(nextOp(), 'token', soon());
    await channel.unlock(nextOp(), 'token', soon());
    expect(isLocked()).toBe(false);
    expect((await channel.hello(soon())).lock).toBeNull();
    expect(await codeOf(channel.switch(nextOp(), 'token', null, soon()))).toBe('lock-lost');
    await until(() => processesOf(path).every((line) => !line.includes('watchdog')), { what: 'the watchdog ends' });
  });

  test('I9: a newer daemon takes over the lock of an older one, and the older one can do nothing any more', async () => {
    const newer = ground.channel(channel.server, 2);
    await channel.lock(nextOp(), 'old', PAGE, soon());
    await newer.lock(nextOp(), 'new', PAGE, soon());
    const one = await ground.artifact({ a: 'one' });
    const late: Promise<unknown>[] = [
      channel.hello(soon()),
      channel.unlock(nextOp(), 'new', soon()),
      channel.unlock(nextOp(), 'old', soon()),
      channel.switch(nextOp(), null, null, soon()),
      channel.stage(nextOp(), { release: 'r1', artifact: one.id, base: null, remove: [], links: [] }, soon()),
      channel.run(nextOp(), command('touch fenced'), soon()),
      channel.collect([], soon()),
    ];
    for (const verb of late) expect(await codeOf(verb)).toBe('fenced');
    expect(existsSync(join(path, 'fenced'))).toBe(false);
    expect((await newer.hello(soon())).lock).toBe('new');
    await newer.unlock(nextOp(), 'new', soon());
  });

  test('a lock whose daemon never comes back ends by itself, and the server serves what it served', async () => {
    await upload(channel, 'r1', await ground.artifact({ a: 'one' }));
    await upload(channel, 'r2', await ground.artifact({ a: 'two' }));
    await channel.switch(nextOp(), null, 'r1', soon());
    await channel.lock(nextOp(), 'token', { ...PAGE, timeoutMs: 2_000 }, soon());
    await channel.switch(nextOp(), 'token', 'r2', soon());
    await channel.close();
    expect(served()).toBe('releases/r2');
    await until(() => !isLocked(), { what: 'the watchdog unlocks' });
    expect(served()).toBe('releases/r1');
    await until(() => processesOf(path).length === 0, { what: 'the watchdog ends' });
  });

  test('after the decision it goes forward by itself; a renewed lock lives longer', async () => {
    await upload(channel, 'r1', await ground.artifact({ a: 'one' }));
    await channel.lock(nextOp(), 'token', { ...PAGE, timeoutMs: 2_000 }, soon());
    await channel.switch(nextOp(), 'token', 'r1', soon());
    await channel.decide(nextOp(), 'token', { release: 'r1', timeoutMs: 4_000, durable: true }, soon());
    const decided = Date.now();
    await channel.close();
    await until(() => !isLocked(), { what: 'the watchdog unlocks' });
    expect(Date.now() - decided).toBeGreaterThan(2_900);
    expect(served()).toBe('releases/r1');
    const again = ground.channel(channel.server);
    expect(await codeOf(again.switch(nextOp(), 'token', 'r1', soon()))).toBe('lock-lost');
  });

  test('a lock from before a reboot is over at the first contact', async () => {
    await upload(channel, 'r1', await ground.artifact({ a: 'one' }));
    await channel.lock(nextOp(), 'token', PAGE, soon());
    await channel.switch(nextOp(), 'token', 'r1', soon());
    const record = join(path, '.lockstep/lock');
    await writeFile(record, readFileSync(record, 'utf8').replace(/[0-9a-f-]{36}/, '00000000-0000-0000-0000-000000000000'));
    expect(await channel.hello(soon())).toMatchObject({ lock: null, current: null });
    expect(isLocked()).toBe(false);
  });

  test('the lock waits for bots, and bots do not start while it is held', async () => {
    await channel.hello(soon());
    const withLock = join(path, '.lockstep/with-lock');
    const bot = spawn(withLock, ['sh', '-c', `touch "${path}/bot"; sleep 60`], { detached: true, stdio: 'ignore' });
    const stopBot = () => process.kill(-(bot.pid as number), 'SIGKILL');
    await until(() => existsSync(join(path, 'bot')), { what: 'the bot runs' });
    expect(await codeOf(channel.lock(nextOp(), 'token', { ...PAGE, botsTimeoutMs: 1_200 }, soon()))).toBe('timeout');
    expect(isLocked()).toBe(true);
    await channel.lock(nextOp(), 'token', { ...PAGE, botsTimeoutMs: 0 }, soon());
    const locking = channel.lock(nextOp(), 'token', { ...PAGE, botsTimeoutMs: 20_000 }, soon());
    setTimeout(stopBot, 500);
    await locking;
    expect(await exitOf(withLock, ['true'])).toBe(75);
    await channel.unlock(nextOp(), 'token', soon());
    expect(await exitOf(withLock, ['sh', '-c', 'exit 7'])).toBe(7);
  });

  test('a command runs once, in its release, with its own environment; its end is remembered', async () => {
    await upload(channel, 'r1', await ground.artifact({ 'migrate.sh': 'x' }));
    const op = nextOp();
    const script = 'echo run >>"$COUNTER"; pwd -P; env | cut -d= -f1 | sort | tr "\\n" " "; ls migrate.sh; echo bad >&2; exit 3';
    const request = { ...command(script), release: 'r1', environment: { COUNTER: join(path, 'counter'), ODD: `it's "$HOME" \\ *` } };
    const result = await channel.run(op, request, soon());
    expect(result.exit).toBe(3);
    expect(result.output).toBe(`${path}/releases/r1\nCOUNTER HOME LANG ODD PATH PWD migrate.sh\nbad\n`);
    expect(await channel.run(op, request, soon())).toEqual(result);
    expect(readFileSync(join(path, 'counter'), 'utf8')).toBe('run\n');
  });

  test('a command that prints without end, hangs, or leaves a process behind is bounded', async () => {
    const loud = await channel.run(nextOp(), command('yes 0123456789 | head -c 20000000; echo the end'), soon());
    expect(loud.exit).toBe(0);
    expect(loud.output.length).toBeLessThanOrEqual(16_384);
    expect(loud.output.endsWith('the end\n')).toBe(true);
    const hung = await channel.run(nextOp(), command('trap "" TERM; echo begun; sleep 60', 1_000), soon());
    expect(hung).toEqual({ exit: 124, output: 'begun\n' });
    const leaving = await channel.run(nextOp(), command(`echo first; sleep 4 & exit 0`), soon());
    expect(leaving).toEqual({ exit: 0, output: 'first\n' });
    expect((await channel.run(nextOp(), command('kill -KILL $$'), soon())).exit).toBe(137);
  });

  test('while a command runs the lock can be renewed', async () => {
    await channel.lock(nextOp(), 'token', { ...PAGE, timeoutMs: 3_000 }, soon());
    const running = channel.run(nextOp(), command('sleep 4'), soon());
    await channel.decide(nextOp(), 'token', { release: null, timeoutMs: 30_000, durable: true }, soon());
    expect((await running).exit).toBe(0);
    expect(isLocked()).toBe(true);
    await channel.unlock(nextOp(), 'token', soon());
  });

  test('a command goes on when its connection is killed, and is found again', async () => {
    const op = nextOp();
    const request = command('echo run >>counter; sleep 2; echo done');
    const running = channel.run(op, request, soon());
    await until(() => existsSync(join(path, 'counter')), { what: 'the command runs' });
    const killed = processesOf(kind === 'ssh' ? ground.runtime : ' serve ').filter((line) => kind === 'ssh' || line.includes(path));
    expect(killed.length).toBeGreaterThan(0);
    for (const line of killed) process.kill(Number.parseInt(line, 10), 'SIGKILL');
    expect(await running).toEqual({ exit: 0, output: 'done\n' });
    expect(readFileSync(join(path, 'counter'), 'utf8')).toBe('run\n');
  });

  test('a command whose end nobody has seen is ambiguous, and is not run again', async () => {
    const op = nextOp();
    const request = command('echo run >>counter; sleep 30');
    const running = codeOf(channel.run(op, request, soon()));
    await until(() => processesOf(path).some((one) => one.includes('sleep 30')), { what: 'the command runs' });
    for (const line of processesOf(path).filter((one) => / execute |sleep 30/.test(one)))
      process.kill(Number.parseInt(line, 10), 'SIGKILL');
    expect(await running).toBe('ambiguous');
    expect(await codeOf(channel.run(op, request, soon()))).toBe('ambiguous');
    expect(readFileSync(join(path, 'counter'), 'utf8')).toBe('run\n');
  });

  test('shared paths outlive releases: linked, made where they are directories, never followed', async () => {
    const shared = [
      { path: 'config/local.php', kind: 'file' as const },
      { path: 'var/uploads', kind: 'directory' as const },
    ];
    const one = await ground.artifact({ a: 'one', 'config/local.php': 'from the repository', 'var/uploads/x': 'from the repository' });
    const two = await ground.artifact({ a: 'two!' });
    await upload(channel, 'r1', one, { shared });
    await writeFile(join(path, 'shared/var/uploads/photo'), 'precious');
    expect(readFileSync(join(path, 'releases/r1/var/uploads/photo'), 'utf8')).toBe('precious');
    expect(readlinkSync(join(path, 'releases/r1/config/local.php'))).toBe('../../../shared/config/local.php');
    expect(existsSync(join(path, 'shared/config/local.php'))).toBe(false);
    await upload(channel, 'r2', two, { base: { release: 'r1', artifact: one }, shared });
    expect(readFileSync(join(path, 'releases/r2/var/uploads/photo'), 'utf8')).toBe('precious');
    // No longer shared: what was shared stays where it is.
    const three = await ground.artifact({ a: 'three', 'var/uploads/x': 'changed in the repository' });
    const request = { release: 'r3', artifact: three.id, base: 'r1', remove: ['var/uploads/x', 'a'], links: [] };
    await channel.stage(nextOp(), request, soon());
    await channel.send({ release: 'r3', directory: three.directory, files: null, except: [], repair: true }, soon());
    await channel.seal(nextOp(), { release: 'r3', artifact: three.id, ...parcel(three).seal }, soon());
    expect(lstatSync(join(path, 'releases/r3/var/uploads')).isDirectory()).toBe(true);
    expect(readdirSync(join(path, 'shared/var/uploads'))).toEqual(['photo']);
  });

  test('names that could harm a server are refused before they are sent', async () => {
    const request = { release: 'r1', artifact: 'a', base: null, remove: [], links: [] };
    for (const name of ['-rf', '.lockstep', '..', 'a/b', 'a b', 'a\nb', '', 'x'.repeat(201)]) {
      expect(await codeOf(channel.stage(nextOp(), { ...request, release: name }, soon()))).toBe('refused');
      expect(await codeOf(channel.unlock(name, 'token', soon()))).toBe('refused');
    }
    for (const file of ['/etc/passwd', '../x', 'a/../../x', 'a//b', '']) {
      expect(await codeOf(channel.stage(nextOp(), { ...request, remove: [file] }, soon()))).toBe('refused');
    }
  });
});

function exitOf(file: string, args: readonly string[]): Promise<number | null> {
  return new Promise((resolve) => spawn(file, args, { stdio: 'ignore' }).once('exit', resolve));
}
