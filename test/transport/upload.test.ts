// Uploads: exactly the manifest arrives, whatever is in the way, and no other release is ever touched by it.
import { describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { mkdir, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Channel } from '../../src/core/channel.ts';
import { startSshd } from '../lab/sshd.ts';
import { EVERY_CHANGE, MTIME, codeOf, nextOp, onGround, openGround, parcel, picture, soon, upload } from './ground.ts';
import type { Ground, TestArtifact, Tree } from './ground.ts';

const ODD = [
  'a\nline',
  '-rf',
  '--delete',
  'two  words',
  ' front',
  'star*',
  '[x]',
  '#note',
  ';note',
  "quo'te",
  'quo"te',
  'back\\slash',
  '$HOME',
  'ünï',
  '😀',
  '~',
];

describe('an upload', () => {
  let ground: Ground;
  let channel: Channel;
  let path: string;

  onGround('local', (on) => ({ ground, channel, path } = on));

  const release = (name: string): string => join(path, 'releases', name);

  test('leaves the earlier release as it was, byte for byte and mode for mode, whatever kind of change comes', async () => {
    const { before, after } = EVERY_CHANGE;
    const one = await ground.artifact(before);
    await upload(channel, 'r1', one);
    const seen = await picture(release('r1'));
    expect(seen).toEqual(await picture(one.directory));

    const two = await ground.artifact({ ...after, time: 'same words' });
    utimesSync(join(two.directory, 'time'), MTIME + 60, MTIME + 60);
    const timed = await remade(two);
    await upload(channel, 'r2', timed, { base: { release: 'r1', artifact: one } });
    expect(await picture(release('r2'))).toEqual(await picture(two.directory));
    expect(await picture(release('r1'))).toEqual(seen);
    expect(statSync(join(release('r2'), 'same')).ino).toBe(statSync(join(release('r1'), 'same')).ino);

    // And back again.
    await upload(channel, 'r3', one, { base: { release: 'r2', artifact: timed } });
    expect(await picture(release('r3'))).toEqual(seen);
    expect(await picture(release('r2'))).toEqual(await picture(two.directory));
  });

  test('brings names that are hard on shells, rsync and sha256sum', async () => {
    const tree: Record<string, string> = { '-': 'dash', 'ä/-': 'dash' };
    for (const name of ODD) Object.assign(tree, { [name]: name, [`dir ${name}/${name}`]: name });
    const one = await ground.artifact(tree);
    await upload(channel, 'r1', one);
    expect(await picture(release('r1'))).toEqual(await picture(one.directory));
    const two = await ground.artifact(Object.fromEntries(Object.entries(tree).map(([name, text]) => [name, `${text}!`])));
    await upload(channel, 'r2', two, { base: { release: 'r1', artifact: one } });
    expect(await picture(release('r2'))).toEqual(await picture(two.directory));
    expect(await picture(release('r1'))).toEqual(await picture(one.directory));
    const three = await ground.artifact({ last: 'one' });
    await upload(channel, 'r3', three, { base: { release: 'r2', artifact: two } });
    expect(readdirSync(release('r3'))).toEqual(['last']);
  });

  test('files that are sent are told apart by content: the same size and time is no excuse', async () => {
    const one = await ground.artifact({ a: 'one', b: 'two' });
    const two = await ground.artifact({ a: 'two', b: 'two' });
    await upload(channel, 'r1', one);
    await upload(channel, 'r2', two, { base: { release: 'r1', artifact: one } });
    expect(readFileSync(join(release('r2'), 'a'), 'utf8')).toBe('two');
    expect(readFileSync(join(release('r1'), 'a'), 'utf8')).toBe('one');
  });

  test('a flipped byte, a changed mode, a stray or missing file is a mismatch, and nothing is renamed', async () => {
    const one = await ground.artifact({ a: 'one', 'dir/b': 'two', link: { link: 'a' } });
    const { seal, links } = parcel(one);
    const incoming = join(path, '.lockstep/incoming/r1');
    const damages: (() => unknown)[] = [
      () => (writeFileSync(join(incoming, 'a'), 'onf'), utimesSync(join(incoming, 'a'), MTIME, MTIME)),
      () => chmodSync(join(incoming, 'a'), 0o600),
      () => utimesSync(join(incoming, 'a'), MTIME + 1, MTIME + 1),
      () => writeFileSync(join(incoming, 'dir/stray'), ''),
      () => rm(join(incoming, 'dir'), { recursive: true }),
      () => rm(join(incoming, 'link')).then(() => symlink('dir', join(incoming, 'link'))),
      () => rm(join(incoming, 'a')).then(() => spawnSync('mkfifo', [join(incoming, 'a')])),
      () => rm(incoming, { recursive: true }),
    ];
    for (const damage of damages) {
      await channel.stage(nextOp(), { release: 'r1', artifact: one.id, base: null, remove: [], links }, soon());
      await channel.send({ release: 'r1', directory: one.directory, files: null, except: [], repair: false }, soon());
      await damage();
      expect(await codeOf(channel.seal(nextOp(), { release: 'r1', artifact: one.id, ...seal }, soon()))).toBe('mismatch');
      expect(existsSync(release('r1'))).toBe(false);
      expect((await channel.hello(soon())).sealed).toEqual([]);
    }
  });

  test('a repair makes a damaged upload right without touching the base, the shared links, or what they lead to', async () => {
    const shared = [
      { path: 'var/uploads', kind: 'directory' as const },
      { path: 'odd *[x]/local', kind: 'file' as const },
    ];
    const tree: Tree = { a: 'one', b: 'two', 'c/d': 'x', 'var/uploads/from-repository': 'x', run: ['x', 0o755] };
    const one = await ground.artifact(tree);
    await upload(channel, 'r1', one, { shared });
    writeFileSync(join(path, 'shared/var/uploads/photo'), 'precious');
    const two = await ground.artifact({ ...tree, b: 'changed' });
    const { links, files, remove, except, seal } = parcel(two, one, shared);
    await channel.stage(nextOp(), { release: 'r2', artifact: two.id, base: 'r1', remove, links }, soon());
    await channel.send({ release: 'r2', directory: two.directory, files, except, repair: false }, soon());
    const incoming = join(path, '.lockstep/incoming/r2');
    // Somebody damaged the base; its clone has it, too.
    writeFileSync(join(incoming, 'a'), 'bad');
    utimesSync(join(incoming, 'a'), MTIME, MTIME);
    chmodSync(join(incoming, 'run'), 0o644);
    await rename(join(incoming, 'c'), join(incoming, 'e'));
    expect(await codeOf(channel.seal(nextOp(), { release: 'r2', artifact: two.id, ...seal }, soon()))).toBe('mismatch');
    const damaged = await picture(release('r1'));
    await channel.send({ release: 'r2', directory: two.directory, files: null, except, repair: true }, soon());
    await channel.seal(nextOp(), { release: 'r2', artifact: two.id, ...parcel(two, null, shared).seal }, soon());
    expect(await picture(release('r1'))).toEqual(damaged);
    expect(statSync(join(release('r2'), 'run')).mode & 0o777).toBe(0o755);
    expect(readFileSync(join(release('r2'), 'a'), 'utf8')).toBe('one');
    expect(readdirSync(join(path, 'shared/var/uploads'))).toEqual(['photo']);
    expect(readFileSync(join(release('r2'), 'var/uploads/photo'), 'utf8')).toBe('precious');
  });

  test('a base whose directory was replaced by a link does not lead out of the clone', async () => {
    const one = await ground.artifact({ 'dir/a': 'one', 'dir/b': 'two' });
    const two = await ground.artifact({ 'dir/b': 'two' });
    await upload(channel, 'r1', one);
    const outside = join(ground.directory, 'outside');
    await rename(join(release('r1'), 'dir'), outside);
    await symlink(outside, join(release('r1'), 'dir'));
    const { remove, links } = parcel(two, one);
    await channel.stage(nextOp(), { release: 'r2', artifact: two.id, base: 'r1', remove, links }, soon());
    expect(readdirSync(outside).sort()).toEqual(['a', 'b']);
    await channel.send({ release: 'r2', directory: two.directory, files: null, except: [], repair: true }, soon());
    await channel.seal(nextOp(), { release: 'r2', artifact: two.id, ...parcel(two).seal }, soon());
    expect(await picture(release('r2'))).toEqual(await picture(two.directory));
  });

  test('a server with a full disk says so, gives back the room, and can still be unlocked', async () => {
    if (process.getuid?.() !== 0) return; // mount(8)
    await mkdir(path, { recursive: true });
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,nr_inodes=200', 'tmpfs', path]).status).toBe(0);
    try {
      const big = await ground.artifact({ big: 'x'.repeat(2_000_000) });
      const many = await ground.artifact(Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`f${i}`, 'x'])));
      await channel.lock(nextOp(), 'token', { page: 'wait', timeoutMs: 60_000, botsTimeoutMs: 0 }, soon());
      expect(await codeOf(upload(channel, 'r1', big))).toBe('disk');
      expect(await codeOf(upload(channel, 'r2', many))).toBe('disk');
      expect(readdirSync(join(path, '.lockstep/incoming'))).toEqual([]);
      spawnSync('dd', ['if=/dev/zero', `of=${path}/fill`, 'bs=4096']);
      const large = { page: 'x'.repeat(100_000), timeoutMs: 60_000, botsTimeoutMs: 0 };
      expect(await codeOf(channel.lock(nextOp(), 'token', large, soon()))).toBe('disk');
      await channel.unlock(nextOp(), 'token', soon());
      expect(existsSync(join(path, 'maintenance'))).toBe(false);
    } finally {
      await channel.close();
      spawnSync('umount', ['-l', path]);
    }
  });

  test('over ssh a change of ten files of a thousand sends little more than those', async () => {
    const sshd = await startSshd();
    const far = await openGround(sshd);
    try {
      const tree = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`d${i % 20}/f${i}`, `${i} `.repeat(200)]));
      const one = await far.artifact(tree);
      const changed = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`d${i}/f${i}`, `changed ${i} `.repeat(200)]));
      const two = await far.artifact({ ...tree, ...changed });
      const distant = far.channel();
      expect(await upload(distant, 'r1', one)).toBeGreaterThan(10_000);
      const bytes = await upload(distant, 'r2', two, { base: { release: 'r1', artifact: one } });
      expect(bytes).toBeLessThan(10 * 2_000);
      expect(await picture(join(distant.server.path, 'releases/r2'))).toEqual(await picture(two.directory));
    } finally {
      await far.close();
      await sshd.stop();
    }
  });

  async function remade(artifact: TestArtifact): Promise<TestArtifact> {
    const { manifestOf, sha256 } = await import('./ground.ts');
    const { manifestText } = await import('../../src/core/manifest.ts');
    const manifest = await manifestOf(artifact.directory);
    return { ...artifact, manifest, id: sha256([manifestText(manifest)]) };
  }
});
