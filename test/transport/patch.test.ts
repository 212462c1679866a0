// Patches: a server makes a pack of what it has and what differs, and takes nothing that does not come out right.
import { beforeEach, describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Channel, Patch, Shipment } from '../../src/core/channel.ts';
import { releaseTree } from '../../src/core/manifest.ts';
import { referenceFor } from '../../src/core/patch.ts';
import { codeOf, nextOp, onGround, picture, shipment, soon, unpack } from './ground.ts';
import type { Ground, TestArtifact } from './ground.ts';

describe('a patch', () => {
  let ground: Ground;
  let channel: Channel;
  let path: string;
  let one: TestArtifact;
  let two: TestArtifact;

  onGround('local', (on) => ({ ground, channel, path } = on));
  beforeEach(async () => {
    const texts = Array.from({ length: 20 }, () => randomBytes(6_000).toString('base64'));
    const tree = Object.fromEntries(texts.map((text, i) => [`d ${i % 3}/it's\n${i}`, text]));
    one = await ground.artifact({ ...tree, same: 'same' });
    two = await ground.artifact({
      ...Object.fromEntries(Object.entries(tree).map(([name, text]) => [name, `new ${text}`])),
      same: 'same',
      new: 'new',
    });
    await unpack(ground, channel, 'r1', one);
  });

  async function patchOf(shipped: Shipment, from: TestArtifact | null): Promise<Patch> {
    const send = from === null ? two.manifest.entries : releaseTree(two.manifest, []).entries.filter((entry) => entry.path !== 'same');
    const reference = referenceFor(send, one.manifest.entries);
    if (reference === null) throw new Error('a patch should be worth it');
    const pack = await ground.packer.patch(shipped.pack, one.directory, reference.files);
    return { release: 'r1', files: reference.files, pack };
  }
  const bring = (shipped: Shipment, base: string | null) =>
    channel.unpack(
      nextOp(),
      { release: 'r2', artifact: two.id, base, revision: 'r1', token: null, shipment: shipped, stored: true },
      soon(),
    );

  test.each(['a change', 'a first copy'])('of %s is a fraction of the pack, and the release is the same', async (what) => {
    const from = what === 'a change' ? one : null;
    const shipped = await shipment(ground, two, from);
    const patch = await patchOf(shipped, from);
    const { bytes } = await channel.store(shipped, soon(), patch);
    expect(bytes * 20).toBeLessThan(shipped.pack.bytes);
    expect((await channel.store(shipped, soon(), patch)).bytes).toBe(0);
    await bring(shipped, from === null ? null : 'r1');
    expect(await picture(join(path, 'releases/r2'))).toEqual(await picture(two.directory));
    expect(await picture(join(path, 'releases/r1'))).toEqual(await picture(one.directory));
    await channel.drop(shipped, soon());
    expect(readdirSync(join(path, '.lockstep/packs'))).toEqual([]);
  });

  test('against a release that was changed, or that is not there, is a mismatch; the pack itself still goes', async () => {
    const shipped = await shipment(ground, two, one);
    const patch = await patchOf(shipped, one);
    expect(await codeOf(channel.store(shipped, soon(), { ...patch, release: 'r0' }))).toBe('mismatch');
    const file = join(path, 'releases/r1', patch.files[0] ?? '');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, `${text.slice(0, 3_000)}${text[3_000] === 'x' ? 'y' : 'x'}${text.slice(3_001)}`);
    expect(await codeOf(channel.store(shipped, soon(), patch))).toBe('mismatch');
    expect(await codeOf(bring(shipped, 'r1'))).toBe('not-found');
    expect(existsSync(join(path, 'releases/r2'))).toBe(false);
    expect((await channel.store(shipped, soon())).bytes).toBeGreaterThan(shipped.pack.bytes);
    const [session = ''] = readdirSync(join(path, '.lockstep')).filter((name) => name.startsWith('session.'));
    expect(readdirSync(join(path, '.lockstep', session)).filter((name) => /reference|patch|whole/.test(name))).toEqual([]);
  });
});
