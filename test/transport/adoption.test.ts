// A directory where the link `current` belongs becomes a release, under the eyes of whoever reads it.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { existsSync, lstatSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { chmod, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Channel } from '../../src/core/channel.ts';
import { startReader } from '../lab/reader.ts';
import { codeOf, nextOp, openGround, processesOf, put, soon, upload } from './ground.ts';
import type { Ground } from './ground.ts';

const LOCK = { page: 'wait', timeoutMs: 60_000, botsTimeoutMs: 0 };
const PATH = process.env['PATH'] ?? '';

let ground: Ground;
let channel: Channel;
let path: string;

beforeEach(async () => {
  ground = await openGround();
  channel = ground.channel();
  path = channel.server.path;
  await put(join(path, 'current/index.html'), 'before Lockstep');
  await put(join(path, 'current/img/logo.svg'), 'a logo');
});
afterEach(async () => {
  process.env['PATH'] = PATH;
  await ground.close();
});

const page = (): string => readFileSync(join(path, 'current/index.html'), 'utf8');
const log = (): string => readFileSync(join(path, '.lockstep/log'), 'utf8');

/** Programs of these names that do nothing but fail come first in PATH, and a `mv` that cannot exchange (it can since coreutils 9.5). */
async function without(...names: string[]): Promise<void> {
  const directory = join(ground.directory, 'without');
  await put(join(directory, 'mv'), [`#!/bin/sh\nPATH='${PATH}'\ncase "$*" in *--exchange*) exit 1 ;; esac\nexec mv "$@"\n`, 0o755]);
  for (const name of names) {
    await writeFile(join(directory, name), '#!/bin/sh\nexit 127\n');
    await chmod(join(directory, name), 0o755);
  }
  process.env['PATH'] = `${directory}:${PATH}`;
}

/** The whole of a first deployment; `token` null: without a lock. */
async function deploy(release: string, token: string | null): Promise<void> {
  expect(await channel.hello(soon())).toMatchObject({ current: 'before-lockstep' });
  await upload(channel, release, await ground.artifact({ 'index.html': release }));
  expect(lstatSync(join(path, 'current')).isDirectory()).toBe(true);
  if (token !== null) await channel.lock(nextOp(), token, LOCK, soon());
  expect(await channel.switch(nextOp(), token, release, soon())).toEqual({ previous: 'before-lockstep' });
  if (token !== null) await channel.unlock(nextOp(), token, soon());
}

describe('a directory called current', () => {
  test.each([
    ['perl', []],
    ['python3', ['perl']],
  ])('is exchanged for a link by %s: a reader never misses the file', async (_, missing) => {
    await without(...missing);
    const reader = await startReader(join(path, 'current/index.html'));
    await deploy('r1', null);
    const { reads, contents, errors } = await reader.stop();
    expect([contents, errors]).toEqual([['before Lockstep', 'r1'], []]);
    expect(reads).toBeGreaterThan(1_000);
    expect(readlinkSync(join(path, 'current'))).toBe('releases/r1');
    expect(readFileSync(join(path, 'releases/before-lockstep/img/logo.svg'), 'utf8')).toBe('a logo');
    expect(log()).toContain('current was a directory; it is releases/before-lockstep now\n');
  });

  test('is moved in two renames where nothing can exchange, and the log says so', async () => {
    await without('perl', 'python3');
    await deploy('r1', null);
    expect(page()).toBe('r1');
    expect(log()).toContain('there was a moment without current');
  });

  test('is a release that can be gone back to, and is never removed', async () => {
    await deploy('r1', 'token');
    for (const release of ['r2', 'r3']) await upload(channel, release, await ground.artifact({ 'index.html': release }));
    await channel.switch(nextOp(), null, 'r3', soon());
    expect(await channel.collect([], soon())).toEqual([]);
    expect(readdirSync(join(path, 'releases')).sort()).toEqual(['before-lockstep', 'r3']);
    expect((await channel.hello(soon())).adopted).toEqual(['before-lockstep']);
    await channel.switch(nextOp(), null, 'before-lockstep', soon());
    expect(page()).toBe('before Lockstep');
  });

  test('stays a directory until the lock, and is served on when the deployment is given up then', async () => {
    await channel.hello(soon());
    await upload(channel, 'r1', await ground.artifact({ 'index.html': 'one' }));
    await channel.preview(nextOp(), 'r1', soon());
    expect(await channel.collect([], soon())).toEqual([]);
    expect(lstatSync(join(path, 'current')).isDirectory()).toBe(true);
    await channel.lock(nextOp(), 'token', LOCK, soon());
    await channel.unlock(nextOp(), 'token', soon());
    expect(page()).toBe('before Lockstep');
    expect(await channel.hello(soon())).toMatchObject({ current: 'before-lockstep' });
    const command = { run: 'cat index.html', timeoutMs: 5_000, on: null };
    const run = await channel.run(nextOp(), { name: 'drain', command, release: 'before-lockstep', environment: {} }, soon());
    expect(run).toEqual({ exit: 0, output: 'before Lockstep' });
  });

  test('can be the directory of a command before the lock', async () => {
    const { current } = await channel.hello(soon());
    const command = { run: 'cat index.html', timeoutMs: 5_000, on: null };
    const run = await channel.run(nextOp(), { name: 'drain', command, release: current ?? '', environment: {} }, soon());
    expect(run).toEqual({ exit: 0, output: 'before Lockstep' });
    expect(page()).toBe('before Lockstep');
  });

  test('whose links lead out of it is refused before anything is sent: one level deeper they would lead elsewhere', async () => {
    await symlink('../current/img', join(path, 'current/pictures'));
    expect(await channel.hello(soon())).toMatchObject({ current: 'before-lockstep' });
    await put(join(path, 'elsewhere/x'), 'x');
    await symlink('../../elsewhere', join(path, 'current/img/uploads'));
    await expect(channel.hello(soon())).rejects.toThrow(/current\/img holds a link to \.\.\/\.\.\/elsewhere, which leads out of current/);
  });

  test('that comes a second time, brought by somebody else, becomes another release', async () => {
    await deploy('r1', null);
    await put(join(path, 'by-hand/index.html'), 'by hand');
    await channel.run(
      nextOp(),
      { name: 'x', command: { run: 'rm current && mv by-hand current', timeoutMs: 5_000, on: null }, release: '', environment: {} },
      soon(),
    );
    expect(await channel.switch(nextOp(), null, 'r1', soon())).toEqual({ previous: 'before-lockstep-2' });
    expect(readFileSync(join(path, 'releases/before-lockstep-2/index.html'), 'utf8')).toBe('by hand');
  });

  test.each(['at once', 'in two renames'])('becomes the release %s, wherever the agent is killed', async (how) => {
    if (how !== 'at once') await without('perl', 'python3');
    await channel.hello(soon());
    await upload(channel, 'r1', await ground.artifact({ 'index.html': 'one' }));
    for (let round = 0; round < 8; round++) {
      const timer = setTimeout(() => {
        for (const line of processesOf(path).filter((one) => / serve /.test(one))) {
          try {
            process.kill(Number.parseInt(line, 10), 'SIGKILL');
          } catch {
            // It has just ended.
          }
        }
      }, Math.random() * 80);
      await channel.lock(nextOp(), `${round}-token`, LOCK, soon());
      clearTimeout(timer);
      expect(page()).toBe('before Lockstep');
      expect(readlinkSync(join(path, 'current'))).toMatch(/^releases\/before-lockstep/);
      await channel.unlock(nextOp(), `${round}-token`, soon());
      expect(await codeOf(channel.hello(soon()))).toBe('none');
      // A directory again, for the next round.
      const back = 'd=$(readlink current) && rm current && mv -T "$d" current && rm -f .lockstep/releases/before-lockstep*';
      await channel.run(nextOp(), { name: 'x', command: { run: back, timeoutMs: 5_000, on: null }, release: '', environment: {} }, soon());
    }
    expect(existsSync(join(path, 'current/img/logo.svg'))).toBe(true);
    expect(readdirSync(join(path, 'releases')).filter((name) => name !== 'r1')).toEqual([]);
  });
});
