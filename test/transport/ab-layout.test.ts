// The A/B layout: two links that the web server's configuration names in turn. The web server here is a log of its reloads.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { chmodSync, existsSync, lstatSync, readFileSync, readdirSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Channel } from '../../src/core/channel.ts';
import type { AbLayout } from '../../src/core/cluster.ts';
import { until } from '../lab/until.ts';
import { codeOf, nextOp, openGround, processesOf, put, soon, upload } from './ground.ts';
import type { Ground } from './ground.ts';

const LOCK = { page: 'wait', timeoutMs: 60_000, botsTimeoutMs: 0 };

let ground: Ground;
let channel: Channel;
let path: string;
let layout: AbLayout;

beforeEach(async () => {
  ground = await openGround();
  const server = ground.server();
  path = server.path;
  // `loaded` is what the web server read last. The test refuses a configuration that says so.
  layout = {
    a: 'production_a',
    b: 'production_b',
    config: 'etc/enabled/shop.conf',
    test: '! grep -v "^#" etc/enabled/shop.conf | grep bad',
    reload: 'sed -n "s/^ *root .*\\(production_[ab]\\).*/\\1/p" etc/enabled/shop.conf | head -n 1 >loaded',
  };
  channel = ground.channel(server, 1, { layout });
  const site = [
    'server {',
    `    root "${path}/production_a";`,
    `    location /img/ { alias "${path}/production_a/img/"; }`,
    `    access_log "${path}/production_a.log";`,
    '}',
    '',
  ];
  await put(join(path, 'etc/available/shop.conf'), [site.join('\n'), 0o640]);
  await mkdir(join(path, 'etc/enabled'));
  await symlink('../available/shop.conf', join(path, 'etc/enabled/shop.conf'));
  writeFileSync(join(path, 'loaded'), 'production_a\n');
});
afterEach(async () => ground.close());

const config = (): string => readFileSync(join(path, 'etc/available/shop.conf'), 'utf8');
const link = (name: string): string => readlinkSync(join(path, name));
/** What visitors get: the release behind the root that was loaded last. */
const served = (): string => readFileSync(join(path, readFileSync(join(path, 'loaded'), 'utf8').trim(), 'index.html'), 'utf8');

async function bring(...releases: string[]): Promise<void> {
  await channel.hello(soon());
  for (const release of releases) await upload(channel, release, await ground.artifact({ 'index.html': release }));
}

describe('two links in turn', () => {
  test('show the new release under the other name at each switch, both ways; the configuration changes in nothing else', async () => {
    const first = config();
    await bring('r1', 'r2');
    const op = nextOp();
    expect(await channel.switch(op, null, 'r1', soon())).toEqual({ previous: null });
    expect([served(), link('production_b'), link('current')]).toEqual(['r1', 'releases/r1', 'releases/r1']);
    expect(config()).toBe(first.replaceAll('production_a"', 'production_b"').replaceAll('production_a/', 'production_b/'));
    expect(config()).toContain('production_a.log');
    expect(lstatSync(join(path, 'etc/enabled/shop.conf')).isSymbolicLink()).toBe(true);
    expect(statSync(join(path, 'etc/available/shop.conf')).mode & 0o777).toBe(0o640);
    expect(await channel.switch(nextOp(), null, 'r2', soon())).toEqual({ previous: 'r1' });
    expect([served(), link('production_a'), link('production_b'), link('current')]).toEqual([
      'r2',
      'releases/r2',
      'releases/r1',
      'releases/r2',
    ]);
    expect(config()).toBe(first);
    expect(await channel.switch(nextOp(), null, 'r1', soon())).toEqual({ previous: 'r2' });
    expect(served()).toBe('r1');
    expect(await channel.hello(soon())).toMatchObject({ current: 'r1' });
    // A repeat of the first one, late.
    expect(await channel.switch(op, null, 'r1', soon())).toEqual({ previous: null });
    expect(readdirSync(join(path, 'etc/available'))).toEqual(['shop.conf']);
    expect(existsSync(join(path, '.lockstep/site'))).toBe(false);
  });

  test('keep the release behind the idle name, which people switch to by hand', async () => {
    await bring('r1', 'r2', 'r3');
    for (const release of ['r1', 'r2', 'r3']) await channel.switch(nextOp(), null, release, soon());
    await channel.collect([], soon());
    expect(readdirSync(join(path, 'releases')).sort()).toEqual(['r2', 'r3']);
    // By hand: what is served then is what the web server's configuration says.
    writeFileSync(join(path, 'etc/available/shop.conf'), config().replaceAll('production_b', 'production_a'));
    expect(await channel.hello(soon())).toMatchObject({ current: 'r2' });
  });

  test('go back when the lock ends by itself', async () => {
    await bring('r1', 'r2');
    await channel.switch(nextOp(), null, 'r1', soon());
    await channel.lock(nextOp(), 'token', { ...LOCK, timeoutMs: 2_000 }, soon());
    await channel.switch(nextOp(), 'token', 'r2', soon());
    expect(served()).toBe('r2');
    await channel.close();
    await until(() => !existsSync(join(path, 'maintenance')), { what: 'the watchdog unlocks' });
    expect([served(), link('current')]).toEqual(['r1', 'releases/r1']);
    await until(() => processesOf(path).length === 0, { what: 'the watchdog ends' });
  });

  test('do not change when the configuration fails its test: the old one is back, byte by byte, and the output is the error', async () => {
    await bring('r1', 'r2');
    await channel.switch(nextOp(), null, 'r1', soon());
    writeFileSync(join(path, 'etc/available/shop.conf'), `${config()}bad thing\n`);
    const before = config();
    const failing = channel.switch(nextOp(), null, 'r2', soon());
    await expect(failing).rejects.toThrow(/`! grep .*` exited 1: bad thing/);
    expect(await codeOf(failing)).toBe('command');
    expect([config(), served(), link('current')]).toEqual([before, 'r1', 'releases/r1']);
    // The way back has nothing to do, and does not ask the test.
    await channel.switch(nextOp(), null, 'r1', soon());
    writeFileSync(join(path, 'etc/available/shop.conf'), before.replace('bad thing\n', ''));
    await channel.switch(nextOp(), null, 'r2', soon());
    expect(served()).toBe('r2');
    expect(readdirSync(join(path, 'etc/available'))).toEqual(['shop.conf']);
  });

  test('do not change when the web server cannot be told', async () => {
    await bring('r1', 'r2');
    await channel.switch(nextOp(), null, 'r1', soon());
    const before = config();
    const deaf = ground.channel(channel.server, 1, { layout: { ...layout, reload: 'echo no such process; exit 7' } });
    await deaf.hello(soon());
    await expect(deaf.switch(nextOp(), null, 'r2', soon())).rejects.toThrow('exited 7: no such process');
    expect([config(), served()]).toEqual([before, 'r1']);
    // Nobody knows what it has read: going back tells it again.
    await channel.hello(soon());
    writeFileSync(join(path, 'loaded'), 'production_a\n');
    await channel.switch(nextOp(), null, 'r1', soon());
    expect(served()).toBe('r1');
  });

  test('are found again wherever the agent is killed', async () => {
    await bring('r0', 'r1');
    let previous: string | null = null;
    for (let round = 0; round < 12; round++) {
      const release = `r${round % 2}`;
      const timer = setTimeout(() => {
        for (const line of processesOf(path).filter((one) => / serve /.test(one))) {
          try {
            process.kill(Number.parseInt(line, 10), 'SIGKILL');
          } catch {
            // It has just ended.
          }
        }
      }, Math.random() * 150);
      expect(await channel.switch(nextOp(), null, release, soon())).toEqual({ previous });
      clearTimeout(timer);
      expect([served(), link('current')]).toEqual([release, `releases/${release}`]);
      previous = release;
    }
    await channel.collect([], soon());
    expect(readdirSync(join(path, 'etc/available'))).toEqual(['shop.conf']);
    expect(readdirSync(path).filter((name) => name.startsWith('.'))).toEqual(['.lockstep']);
  });

  test('are given up when the cluster has no such layout any more, and taken up again', async () => {
    await bring('r1', 'r2');
    await channel.switch(nextOp(), null, 'r1', soon());
    const plain = ground.channel(channel.server);
    await plain.hello(soon());
    await plain.switch(nextOp(), null, 'r2', soon());
    expect([link('current'), link('production_b')]).toEqual(['releases/r2', 'releases/r1']);
    expect(await channel.hello(soon())).toMatchObject({ current: 'r1' });
    await channel.switch(nextOp(), null, 'r2', soon());
    expect(served()).toBe('r2');
  });

  test('that stand in no configuration, or both, are refused before anything is sent', async () => {
    rmSync(join(path, 'etc/available/shop.conf'));
    await expect(channel.hello(soon())).rejects.toThrow('there is no readable file etc/enabled/shop.conf');
    writeFileSync(join(path, 'etc/available/shop.conf'), `root "${path}/current";\n# root "${path}/production_a";\n`);
    await expect(channel.hello(soon())).rejects.toThrow(/no root in .* is .*production_a or .*production_b/);
    writeFileSync(join(path, 'etc/available/shop.conf'), `root "${path}/production_a/web"; root "${path}/production_b";\n`);
    await expect(channel.hello(soon())).rejects.toThrow('names both');
    chmodSync(join(path, 'etc/available/shop.conf'), 0o644);
  });
});

describe('two directories that are served in turn', () => {
  beforeEach(async () => {
    await put(join(path, 'production_a/index.html'), 'the live one');
    await put(join(path, 'production_b/index.html'), 'the one before');
  });

  test('are taken over: both become releases at the cutover, and the live one can be gone back to', async () => {
    expect(await channel.hello(soon())).toMatchObject({ current: 'before-lockstep', sealed: [] });
    await bring('r1');
    expect(lstatSync(join(path, 'production_a')).isDirectory()).toBe(true);
    expect(existsSync(join(path, 'current'))).toBe(false);
    await channel.lock(nextOp(), 'token', LOCK, soon());
    expect([served(), link('current')]).toEqual(['the live one', 'releases/before-lockstep']);
    expect(await channel.switch(nextOp(), 'token', 'r1', soon())).toEqual({ previous: 'before-lockstep' });
    await channel.unlock(nextOp(), 'token', soon());
    expect([served(), link('production_a'), link('production_b')]).toEqual(['r1', 'releases/before-lockstep', 'releases/r1']);
    expect(readFileSync(join(path, 'releases/before-lockstep-idle/index.html'), 'utf8')).toBe('the one before');
    await channel.collect([], soon());
    expect(await channel.switch(nextOp(), null, 'before-lockstep', soon())).toEqual({ previous: 'r1' });
    expect(served()).toBe('the live one');
    expect(readdirSync(join(path, 'releases')).sort()).toEqual(['before-lockstep', 'before-lockstep-idle', 'r1']);
  });

  test('with `current` as a link to the live one', async () => {
    await symlink('production_a', join(path, 'current'));
    await bring('r1');
    expect(await channel.switch(nextOp(), null, 'r1', soon())).toEqual({ previous: 'before-lockstep' });
    expect([served(), link('current')]).toEqual(['r1', 'releases/r1']);
  });
});
