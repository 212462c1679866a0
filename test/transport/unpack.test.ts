// Packs: exactly the manifest arrives in one round trip, whatever is in the way, and no other release is ever touched by it.
import { describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { link, mkdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Channel } from '../../src/core/channel.ts';
import { EVERY_CHANGE, MTIME, codeOf, nextOp, onGround, parcel, picture, shipment, soon, unpack } from './ground.ts';
import type { Ground, Tree } from './ground.ts';

const LONG = `${'long/'.repeat(30)}${'n'.repeat(200)}`;

const BEFORE: Tree = { ...EVERY_CHANGE.before, [LONG]: 'long' };
const AFTER: Tree = { ...EVERY_CHANGE.after, 'kept/up': { link: `../${LONG}` }, [LONG]: 'longer' };
const ODD = [
  'a\nline',
  '-',
  '-rf',
  '--delete',
  ' front',
  'star*',
  '#note',
  "quo'te",
  'back\\slash',
  '$HOME',
  'ünï',
  '😀',
  '~',
  '\\n',
  '.'.repeat(9),
];

describe('a pack', () => {
  let ground: Ground;
  let channel: Channel;
  let path: string;

  onGround('local', (on) => ({ ground, channel, path } = on));

  const release = (name: string): string => join(path, 'releases', name);

  /** The release whose clone was seen to be right. */
  const vouched = (): string => readFileSync(join(path, '.lockstep/sound'), 'utf8');

  /** What the server's own list of hashes says of a release, without names that hold a line break. */
  const checked = (name: string) =>
    spawnSync('sha256sum', ['-c', '--quiet', join(path, '.lockstep/manifests', name)], { cwd: release(name) });
  const listed = (name: string): string[] =>
    readFileSync(join(path, '.lockstep/manifests', name), 'utf8')
      .trimEnd()
      .split('\n');
  const files = (name: string): number =>
    Number(spawnSync('sh', ['-c', 'find . -type f ! -name "*\n*" | wc -l'], { cwd: release(name) }).stdout.toString());

  test.each(['none', 'gzip', 'zstd'] as const)(
    '(%s) makes any change of a clone, and leaves the earlier release as it was',
    async (compression) => {
      const one = await ground.artifact(BEFORE);
      expect(await unpack(ground, channel, 'r1', one, { compression })).toMatchObject({ state: 'unpacked', clone: 'none' });
      const seen = await picture(release('r1'));
      expect(seen).toEqual(await picture(one.directory));
      const two = await ground.artifact(AFTER, MTIME + 60);
      const same = await picture(two.directory);
      expect(await unpack(ground, channel, 'r2', two, { base: { release: 'r1', artifact: one }, compression })).toMatchObject({
        clone: 'now',
      });
      expect(await picture(release('r2'))).toEqual(same);
      expect(await picture(release('r1'))).toEqual(seen);
      // And back again, over a list of hashes that was made from a list.
      await unpack(ground, channel, 'r3', one, { base: { release: 'r2', artifact: two }, compression });
      expect(await picture(release('r3'))).toEqual(seen);
      await channel.collect(['r1', 'r2', 'r3'], soon());
      for (const name of ['r1', 'r2', 'r3']) {
        expect(checked(name).stderr.toString() + checked(name).stdout.toString()).toBe('');
        expect(listed(name)).toHaveLength(files(name));
      }
      expect(readdirSync(join(path, '.lockstep/incoming'))).toEqual([]);
      expect((await channel.hello(soon())).sealed.map((sealed) => sealed.release)).toEqual(['r1', 'r2', 'r3']);
      // And in a clone that was made ahead, and is known to be as it was.
      await channel.switch(nextOp(), null, 'r1', soon());
      await channel.collect(['r2', 'r3'], soon(), true);
      expect(vouched()).toBe('r1\n');
      expect(await unpack(ground, channel, 'r4', two, { base: { release: 'r1', artifact: one }, compression })).toMatchObject({
        clone: 'ahead',
      });
      expect(await picture(release('r4'))).toEqual(same);
      expect(await picture(release('r1'))).toEqual(seen);
    },
  );

  test('relies on a clone that nobody has touched only if its base is the one that is meant', async () => {
    const one = await ground.artifact({ a: 'one', 'd/b': 'two' });
    const two = await ground.artifact({ a: 'one', 'd/b': 'changed' });
    await unpack(ground, channel, 'r1', one, { shared: [{ path: 'd/media', kind: 'directory' }] });
    await channel.switch(nextOp(), null, 'r1', soon());
    await channel.collect([], soon(), true);
    expect(vouched()).toBe('r1\n');
    // The link of then is in nobody's list now.
    expect(await codeOf(unpack(ground, channel, 'r2', two, { base: { release: 'r1', artifact: one } }))).toBe('mismatch');
  });

  test.each([
    ['when it is needed', false],
    ['before it is needed', true],
  ])('starts from the clone that was made ahead; a damaged one, or one of another base, is not used (looked at %s)', async (_, isAhead) => {
    const look = async (): Promise<unknown> => isAhead && channel.hello(soon(), 'clone');
    const one = await ground.artifact({ a: 'one', 'd/b': 'two', 'd/c': 'three' });
    const two = await ground.artifact({ a: 'one', 'd/b': 'changed', 'd/c': 'three' });
    const next = join(path, '.lockstep/next');
    const base = { release: 'r1', artifact: one };
    await unpack(ground, channel, 'r1', one);
    await channel.switch(nextOp(), null, 'r1', soon());
    await channel.collect([], soon(), true);
    expect(readdirSync(next)).toEqual(['r1']);
    await look();
    expect(await unpack(ground, channel, 'r2', two, { base })).toMatchObject({ clone: 'ahead' });
    expect(await picture(release('r2'))).toEqual(await picture(two.directory));
    expect(readdirSync(next)).toEqual([]);
    const damages: (() => unknown)[] = [
      () => writeFileSync(join(next, 'r1/d/stray'), ''),
      () => rm(join(next, 'r1/d/c')),
      () => rm(join(next, 'r1/d'), { recursive: true }),
      () => rm(join(next, 'r1/d'), { recursive: true }).then(() => symlinkSync(ground.directory, join(next, 'r1/d'))),
      // With a clock that was set back since.
      () =>
        utimes(join(path, '.lockstep/sound'), Date.now() / 1000, Date.now() / 1000 + 3600).then(() =>
          writeFile(join(next, 'r1/d/stray'), ''),
        ),
    ];
    for (const [i, damage] of damages.entries()) {
      await channel.collect(['r1'], soon(), true);
      expect(vouched()).toBe('r1\n');
      await damage();
      await look();
      expect(await unpack(ground, channel, `r3-${i}`, two, { base })).toMatchObject({ clone: 'now' });
      expect(await picture(release(`r3-${i}`))).toEqual(await picture(two.directory));
    }
    // Touched, but as it was.
    await channel.collect(['r1'], soon(), true);
    await link(join(next, 'r1/a'), join(path, 'another-name'));
    await look();
    expect(await unpack(ground, channel, 'r3-linked', two, { base })).toMatchObject({ clone: 'ahead' });
    expect(await picture(release('r3-linked'))).toEqual(await picture(two.directory));
    expect(await picture(release('r1'))).toEqual(await picture(one.directory));
    // One at most, and none when it is off.
    await channel.collect(['r1', 'r3-linked'], soon(), true);
    await channel.switch(nextOp(), null, 'r3-linked', soon());
    expect(await unpack(ground, channel, 'r4', one, { base: { release: 'r3-linked', artifact: two } })).toMatchObject({ clone: 'now' });
    await channel.collect(['r1'], soon(), true);
    expect(readdirSync(next)).toEqual(['r3-linked']);
    await channel.collect(['r1'], soon());
    expect(readdirSync(next)).toEqual([]);
    expect(readdirSync(join(path, '.lockstep/incoming'))).toEqual([]);
  });

  test('hard-links what did not change', async () => {
    const one = await ground.artifact({ a: 'one', 'd/b': 'two' });
    const two = await ground.artifact({ a: 'one', 'd/b': 'three' });
    await unpack(ground, channel, 'r1', one);
    await unpack(ground, channel, 'r2', two, { base: { release: 'r1', artifact: one } });
    expect(statSync(join(release('r2'), 'a')).ino).toBe(statSync(join(release('r1'), 'a')).ino);
    expect(statSync(join(release('r2'), 'd/b')).ino).not.toBe(statSync(join(release('r1'), 'd/b')).ino);
  });

  test('brings names that are hard on shells, tar and sha256sum', async () => {
    const tree: Record<string, string> = {};
    // Where a directory has a line break, what is below it comes by rsync.
    for (const name of ODD) Object.assign(tree, { [name]: name, [`dir ${name.replaceAll('\n', '')}/${name}`]: name });
    const one = await ground.artifact(tree);
    await unpack(ground, channel, 'r1', one);
    expect(await picture(release('r1'))).toEqual(await picture(one.directory));
    const two = await ground.artifact(Object.fromEntries(Object.entries(tree).map(([name, text]) => [name, `${text}!`])));
    await unpack(ground, channel, 'r2', two, { base: { release: 'r1', artifact: one } });
    expect(await picture(release('r2'))).toEqual(await picture(two.directory));
    await channel.collect(['r1', 'r2'], soon());
    expect(listed('r2')).toHaveLength(files('r2'));
    const three = await ground.artifact({ last: 'one' });
    await unpack(ground, channel, 'r3', three, { base: { release: 'r2', artifact: two } });
    expect(readdirSync(release('r3'))).toEqual(['last']);
    await channel.collect(['r1', 'r2', 'r3'], soon());
    expect(listed('r3')).toHaveLength(1);
    expect(readdirSync(join(path, '.lockstep/manifests')).sort()).toEqual(['r1', 'r2', 'r3']);
  });

  test('links shared paths, also in a clone that has them already', async () => {
    const shared = [
      { path: 'var/uploads', kind: 'directory' as const },
      { path: 'config/local.php', kind: 'file' as const },
    ];
    const one = await ground.artifact({ a: 'one', 'config/local.php': 'covered' });
    const two = await ground.artifact({ a: 'two', 'var/uploads/x': 'covered' });
    await unpack(ground, channel, 'r1', one, { shared });
    writeFileSync(join(path, 'shared/var/uploads/kept'), 'kept');
    await unpack(ground, channel, 'r2', two, { base: { release: 'r1', artifact: one }, shared });
    expect(readdirSync(join(release('r2'), 'var/uploads'))).toEqual(['kept']);
    expect(readdirSync(join(path, 'shared/config'))).toEqual([]);
    expect(await picture(release('r2'))).toContain('config/local.php -> ../../../shared/config/local.php');
  });

  test('asked for again, also by another channel, is there already', async () => {
    const one = await ground.artifact({ a: 'one' });
    const other = await ground.artifact({ a: 'two' });
    await unpack(ground, channel, 'r1', one);
    expect(await unpack(ground, channel, 'r1', one)).toEqual({ state: 'sealed', clone: 'none', bytes: 0 });
    expect(await codeOf(unpack(ground, channel, 'r1', other))).toBe('conflict');
    expect(readFileSync(join(release('r1'), 'a'), 'utf8')).toBe('one');
  });

  // Also beside many directories whose names no word of a request could hold.
  test.each([0, 50])(
    'never writes through a directory that somebody replaced by a link (beside %d); a repair makes it right',
    async (others) => {
      const tree = { 'dir/a': 'one', 'dir/b': 'two', c: 'three' };
      const beside = (text: string): Tree =>
        Object.fromEntries(Array.from({ length: others }, (_, i) => [`in the ünï directory ${i}/x`, text]));
      const one = await ground.artifact({ ...tree, ...beside('one') });
      const two = await ground.artifact({ ...tree, ...beside('two'), 'dir/a': 'changed', 'dir/new': 'new' });
      await unpack(ground, channel, 'r1', one);
      const base = { release: 'r1', artifact: one };
      await unpack(ground, channel, 'good', two, { base });
      expect(await picture(release('good'))).toEqual(await picture(two.directory));
      const outside = join(ground.directory, 'outside');
      await rename(join(release('r1'), 'dir'), outside);
      symlinkSync(outside, join(release('r1'), 'dir'));
      const seen = await picture(outside);
      expect(await codeOf(unpack(ground, channel, 'r2', two, { base }))).toBe('mismatch');
      expect(await picture(outside)).toEqual(seen);
      expect(existsSync(release('r2'))).toBe(false);
      await channel.send({ release: 'r2', directory: two.directory, files: null, except: [], repair: true }, soon());
      await channel.seal(nextOp(), { release: 'r2', artifact: two.id, ...parcel(two).seal }, soon());
      expect(await picture(release('r2'))).toEqual(await picture(two.directory));
      expect(await picture(outside)).toEqual(seen);
    },
  );

  test('of a damaged or missing base, or of other content than was said, is a mismatch, and nothing is renamed', async () => {
    const one = await ground.artifact({ a: 'one', 'dir/b': 'two', link: { link: 'a' } });
    const two = await ground.artifact({ a: 'one', 'dir/b': 'changed', link: { link: 'a' } });
    await unpack(ground, channel, 'r1', one);
    const base = { release: 'r1', artifact: one };
    expect(await codeOf(unpack(ground, channel, 'r2', two, { base: { ...base, release: 'r0' } }))).toBe('mismatch');
    const shipped = await shipment(ground, two, one);
    const request = { release: 'r2', artifact: two.id, base: 'r1', revision: 'r1', token: null };
    const lies = [
      { ...shipped, content: 'f'.repeat(64) },
      { ...shipped, hashes: shipped.hashes.map((line) => line.replace(/^[0-9a-f]{64}/, 'f'.repeat(64))) },
    ];
    for (const lie of lies) expect(await codeOf(channel.unpack(nextOp(), { ...request, shipment: lie }, soon()))).toBe('mismatch');
    writeFileSync(join(release('r1'), 'dir/stray'), '');
    expect(await codeOf(unpack(ground, channel, 'r2', two, { base }))).toBe('mismatch');
    await rm(join(release('r1'), 'dir/stray'));
    await rm(join(release('r1'), 'a'));
    expect(await codeOf(unpack(ground, channel, 'r2', two, { base }))).toBe('mismatch');
    expect(readdirSync(join(path, 'releases'))).toEqual(['r1']);
    expect((await channel.hello(soon())).sealed).toHaveLength(1);
  });

  test('that does not fit says so, gives back the room, and the server can still be unlocked', async () => {
    if (process.getuid?.() !== 0) return; // mount(8)
    await mkdir(path, { recursive: true });
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,nr_inodes=200', 'tmpfs', path]).status).toBe(0);
    try {
      const big = await ground.artifact({ big: 'x'.repeat(2_000_000) });
      const many = await ground.artifact(Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`f${i}`, 'x'])));
      await channel.lock(nextOp(), 'token', { page: 'wait', timeoutMs: 60_000, botsTimeoutMs: 0 }, soon());
      expect(await codeOf(unpack(ground, channel, 'r1', big))).toBe('disk');
      expect(await codeOf(unpack(ground, channel, 'r1', big, { compression: 'gzip' }))).toBe('disk');
      expect(await codeOf(unpack(ground, channel, 'r2', many, { compression: 'gzip' }))).toBe('disk');
      expect(readdirSync(join(path, '.lockstep/incoming'))).toEqual([]);
      await channel.unlock(nextOp(), 'token', soon());
      expect(existsSync(join(path, 'maintenance'))).toBe(false);
    } finally {
      await channel.close();
      spawnSync('umount', ['-l', path]);
    }
  });
});
