// Looking at a server: what it shows, what differs, and that looking changes nothing and waits for nobody.
import { beforeEach, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { chmod, mkdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Channel, ReleaseShape } from '../../src/core/channel.ts';
import { differencesOf, differenceText } from '../../src/core/differences.ts';
import { contentLines, releaseTree, treeLines } from '../../src/core/manifest.ts';
import { differencesOf as readDifferences, inspectionOf } from '../../src/transport/answers.ts';
import { startSshd } from '../lab/sshd.ts';
import { until } from '../lab/until.ts';
import { MTIME, codeOf, nextOp, onGround, openGround, picture, sha256, soon, upload } from './ground.ts';
import type { Ground, TestArtifact } from './ground.ts';

function shapeOf({ manifest }: TestArtifact): ReleaseShape {
  const release = releaseTree(manifest, []);
  const tree = treeLines(release);
  const content = contentLines(release.entries);
  return { tree: tree.join(''), content: content.join(''), treeHash: sha256(tree), contentHash: sha256(content) };
}

describe.each(['local', 'ssh'])('a look at a %s server', (kind) => {
  let ground: Ground;
  let channel: Channel;
  let eye: Channel;
  let path: string;
  let artifact: TestArtifact;

  onGround(kind, (on) => ({ ground, channel, path } = on), { maxSessions: 2 });
  beforeEach(async () => {
    eye = ground.channel(channel.server, 0);
    artifact = await ground.artifact({
      'index.html': 'one\n',
      'bin/run': ['#!/bin/sh\n', 0o755],
      logs: null,
      now: { link: 'index.html' },
      '-odd\n\\name é': 'x',
    });
    await channel.hello(soon());
    await upload(channel, 'r1', artifact);
    await channel.switch(nextOp(), null, 'r1', soon());
  });

  const inRelease = (name: string): string => join(path, 'releases/r1', name);

  test('says what is served, its hashes, and how the clock and the disk are', async () => {
    const seen = await eye.inspect('content', soon());
    const shape = shapeOf(artifact);
    expect(seen).toMatchObject({
      pointer: 'release',
      current: 'r1',
      target: 'releases/r1',
      artifact: artifact.id,
      lock: null,
      maintenance: false,
    });
    expect([seen.tree, seen.content]).toEqual([shape.treeHash, shape.contentHash]);
    expect((await channel.hello(soon(), 'tree')).tree).toBe(shape.treeHash);
    expect((await channel.hello(soon())).tree).toBeNull();
    expect(Math.abs(seen.skewMs)).toBeLessThan(100);
    expect(seen.freeBytes).toBeGreaterThan(0);
    expect(await eye.inspect('state', soon())).toMatchObject({ current: 'r1', tree: null, content: null });
    expect(await eye.compare('r1', shape, 'content', soon())).toEqual({ total: 0, lines: [] });
  });

  test('names every kind of difference', async () => {
    await writeFile(inRelease('index.html'), 'two\n');
    await utimes(inRelease('index.html'), MTIME, MTIME);
    await chmod(inRelease('bin/run'), 0o644);
    await rm(inRelease('logs'), { recursive: true });
    await rm(inRelease('now'));
    await symlink('bin/run', inRelease('now'));
    await mkdir(inRelease('new/deep'), { recursive: true });
    await writeFile(inRelease('new/deep/x'), 'x');
    await writeFile(inRelease('odd\ttab'), 'x');
    const found = await eye.compare('r1', shapeOf(artifact), 'content', soon());
    expect(differencesOf(found).map(differenceText).sort()).toEqual([
      'added new/',
      'added odd\\ttab',
      'changed bin/run (mode 755 → 644)',
      'changed index.html (content)',
      'changed now (it points to bin/run)',
      'missing logs/',
    ]);
    expect(found.total).toBe(8);
    const tree = await eye.compare('r1', shapeOf(artifact), 'tree', soon());
    expect(differencesOf(tree).some((one) => one.path === 'index.html')).toBe(false);
  });

  test('of many differences a bounded part comes, with their number', async () => {
    for (let i = 0; i < 1_000; i++) await writeFile(inRelease(`${'long'.repeat(40)}${i}`), '');
    const { total, lines } = await eye.compare('r1', shapeOf(artifact), 'tree', soon());
    expect(total).toBe(1_000);
    expect(lines.length).toBeGreaterThan(100);
    expect(lines.length).toBeLessThan(401);
  });

  test('sees where current points, whatever it is', async () => {
    const current = join(path, 'current');
    const pointer = async (): Promise<unknown[]> => {
      const { pointer: kindOf, current: named, target } = await eye.inspect('tree', soon());
      return [kindOf, named, target];
    };
    await rm(current);
    expect(await pointer()).toEqual(['none', null, null]);
    await symlink('/etc\u001b[31m', current);
    expect(await pointer()).toEqual(['elsewhere', null, expect.not.stringContaining('\u001b')]);
    await rm(current);
    await symlink('releases/r9', current);
    expect(await pointer()).toEqual(['gone', 'r9', 'releases/r9']);
    await rm(current);
    await mkdir(current);
    expect(await pointer()).toEqual(['directory', null, null]);
  });

  test('changes nothing, replaces no daemon, and does not wait for a verb that holds the mutex', async () => {
    const shown = async (): Promise<string[]> => (await picture(path)).filter((line) => !line.includes('/session.'));
    const before = await shown();
    const holder = spawn('flock', [
      '--no-fork',
      join(path, '.lockstep/mutex'),
      'sh',
      '-c',
      `: >'${path.replaceAll("'", `'\\''`)}/held'; exec sleep 60`,
    ]);
    try {
      await until(() => existsSync(join(path, 'held')), { what: 'the mutex is held' });
      await eye.inspect('content', AbortSignal.timeout(15_000));
      await eye.compare('r1', shapeOf(artifact), 'content', AbortSignal.timeout(15_000));
    } finally {
      holder.kill();
      await rm(join(path, 'held'), { force: true });
    }
    expect(await shown()).toEqual(before);
    // The channel with an epoch goes on as before.
    await channel.switch(nextOp(), null, 'r1', soon());
  });

  test('changed and added files are set aside once for an operation, whole, and the newest ten times are kept', async () => {
    const shape = shapeOf(artifact);
    expect(await channel.save(nextOp(), 'r1', shape, soon())).toMatchObject({ saved: null, total: 0 });
    await writeFile(inRelease('index.html'), 'by hand\n');
    await mkdir(inRelease('new dir'));
    await writeFile(inRelease('new dir/-x'), 'x\n');
    await rm(inRelease('now'));
    await symlink('/elsewhere', inRelease('now'));
    const op = nextOp();
    expect(await channel.save(op, 'r1', shape, soon())).toMatchObject({ saved: 'r1-1', total: 4 });
    expect(await channel.save(op, 'r1', shape, soon())).toMatchObject({ saved: 'r1-1' });
    expect((await picture(join(path, '.lockstep/saved/r1-1'))).map((line) => line.split(' ')[0])).toEqual([
      'index.html',
      'new',
      'new',
      'now',
    ]);
    expect(readFileSync(join(path, '.lockstep/saved/r1-1/index.html'), 'utf8')).toBe('by hand\n');
    for (let i = 0; i < 11; i++) await channel.save(nextOp(), 'r1', shape, soon());
    expect(readdirSync(join(path, '.lockstep/saved'))).toHaveLength(10);
    expect(await codeOf(channel.save(nextOp(), 'r2', shape, soon()))).toBe('conflict');
    expect(await codeOf(ground.channel(channel.server, 0).save(nextOp(), 'r1', shape, soon()))).toBe('fenced');
  });

  test('examining tries out what deployments need, says which shared paths are missing, and leaves nothing', async () => {
    await mkdir(join(path, 'shared/var'), { recursive: true });
    const examined = await eye.examine(['var', 'config/local.php'], soon());
    expect(examined).toEqual({ lacks: [], missing: ['config/local.php'], secondSession: true });
    await eye.close();
    if (process.getuid?.() !== 0) {
      await chmod(path, 0o555);
      expect((await ground.channel(channel.server, 0).examine([], soon())).lacks).toEqual(['write']);
      await chmod(path, 0o755);
    }
    await rename(join(path, 'shared/var'), join(path, 'shared/moved'));
    expect((await ground.channel(channel.server, 0).examine(['var'], soon())).missing).toEqual(['var']);
  });
});

test('a server that allows one session only is found out before the first upload', async () => {
  const sshd = await startSshd({ maxSessions: 1 });
  const ground = await openGround(sshd);
  try {
    expect((await ground.channel().examine([], soon())).secondSession).toBe(false);
  } finally {
    await ground.close();
    await sshd.stop();
  }
});

describe('an answer that is not as agreed', () => {
  const answer = {
    pointer: 'release',
    current: 'r1',
    target: 'releases/r1',
    artifact: 'a'.repeat(64),
    tree: null,
    content: null,
    lock: null,
    lockLeft: 0,
    maintenance: false,
    freeBytes: 1,
    freeInodes: 1,
    rsync: '3.2.7',
    agent: 'b'.repeat(64),
    clock: 1_000_500,
    took: 100,
  };

  test.each([
    { pointer: 'x' },
    { current: '../up' },
    { current: null },
    { tree: 'A' },
    { maintenance: 1 },
    { clock: -1 },
    { freeBytes: '1' },
  ])('such as %j is refused', (changes) => {
    expect(() => inspectionOf({ ...answer, ...changes }, 1_000_000, 1_001_000)).toThrow();
  });

  test('a clock is wrong only by what the time of the question cannot explain', () => {
    const skew = (clock: number): number => inspectionOf({ ...answer, clock }, 1_000_000, 1_001_000).skewMs;
    expect([skew(1_000_500), skew(1_000_100), skew(1_000_050), skew(1_011_000), skew(990_100)]).toEqual([0, 0, -50, 10_000, -10_000]);
  });

  test('lines that are not differences are left out, and so is one that was cut', () => {
    const lines = ['f 644 1 2 a', '\tf 644 1 x b', 'anything', '\tc - - - c', 'cut'].join('\0');
    expect(readDifferences({ total: 5, lines: Buffer.from(lines).toString('base64') }).lines).toEqual(['f 644 1 2 a', '\tc - - - c']);
    expect(() => readDifferences({ total: 5, lines: '%' })).toThrow();
  });
});
