// What relays and budgets do on servers: packs under their hash, nothing that was not announced, and so many bytes a second.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Channel, Shipment } from '../../src/core/channel.ts';
import { codeOf, nextOp, openGround, picture, shipment, soon, unpack, upload } from './ground.ts';
import type { Ground, TestArtifact } from './ground.ts';

const noise = (bytes: number): string => randomBytes(bytes / 2).toString('hex');

describe('a pack that comes by a relay', () => {
  let ground: Ground;
  let relay: Channel;
  let child: Channel;
  let artifact: TestArtifact;
  let shipped: Shipment;

  beforeEach(async () => {
    ground = await openGround();
    relay = ground.channel();
    child = ground.channel();
    artifact = await ground.artifact({ 'a/b': 'one', big: noise(100_000) });
    shipped = await shipment(ground, artifact);
  });
  afterEach(async () => ground.close());

  const packs = ({ server }: Channel): string => join(server.path, '.lockstep/packs');
  const kept = (channel: Channel): string => readFileSync(join(packs(channel), hashOf(channel)), 'latin1');
  const hashOf = (channel: Channel): string => readdirSync(packs(channel)).find((name) => !name.includes('.')) ?? '';
  /** As sshd starts it for a relay's key. */
  const take = (words: string, input: string) =>
    spawnSync('sh', [join(child.server.path, '.lockstep/take-pack')], {
      env: { PATH: process.env['PATH'], SSH_ORIGINAL_COMMAND: `exec sh somewhere ${words}` },
      input: Buffer.from(input, 'latin1'),
    });
  const arrive = (channel: Channel) =>
    channel.unpack(
      nextOp(),
      { release: 'r1', artifact: artifact.id, base: null, revision: 'r', token: null, shipment: shipped, stored: true },
      soon(),
    );

  test('is sent to the relay once, is taken by who was told of it, and is gone after the deployment', async () => {
    expect((await relay.store(shipped, soon())).bytes).toBeGreaterThan(100_000);
    expect(await relay.store(shipped, soon())).toEqual({ bytes: 0 });
    await child.expect(shipped, soon());
    const pack = kept(relay);
    expect(take(`${hashOf(relay)} ${pack.length}`, pack)).toMatchObject({ status: 0 });
    // The relay unpacks what it keeps, and goes on keeping it.
    for (const channel of [relay, child]) {
      expect(await arrive(channel)).toEqual({ state: 'unpacked', clone: 'none', bytes: 0 });
      expect(await picture(join(channel.server.path, 'releases/r1'))).toEqual(await picture(artifact.directory));
      expect(kept(channel)).toBe(pack);
      expect(await arrive(channel)).toMatchObject({ state: 'sealed' });
      await channel.collect(['r1'], soon());
      expect(existsSync(packs(channel))).toBe(false);
    }
  });

  test('is refused when it was not announced, is another one, or is not whole; and checked again before it is used', async () => {
    await relay.store(shipped, soon());
    const pack = kept(relay);
    const words = `${hashOf(relay)} ${pack.length}`;
    await child.expect(shipped, soon());
    const other = '0'.repeat(64);
    for (const [asked, input] of [
      ['', pack],
      ['../../../etc/passwd 5', pack],
      [`${other} ${pack.length}`, pack],
      [`${hashOf(relay)} ${pack.length + 1}`, `${pack}x`],
      [words, pack.slice(1)],
      [words, `x${pack.slice(1)}`],
    ] as const) {
      expect([asked, take(asked, input).status]).toEqual([asked, 1]);
      expect(readdirSync(packs(child))).toEqual([`${hashOf(relay)}.expected`]);
    }
    expect(await codeOf(arrive(child))).toBe('not-found');
    // Whoever can write there, what he writes is not believed.
    writeFileSync(join(packs(child), hashOf(relay)), `x${pack.slice(1)}`);
    expect(await codeOf(arrive(child))).toBe('not-found');
    expect(readdirSync(packs(child))).toEqual([`${hashOf(relay)}.expected`]);
    expect(take(words, `${pack}and more`)).toMatchObject({ status: 0 });
    expect(await arrive(child)).toMatchObject({ state: 'unpacked' });
  });

  test('is no business of a daemon that was replaced', async () => {
    const newer = ground.channel(relay.server, 7);
    await newer.preview(nextOp(), 'none', soon()).catch(() => undefined);
    expect(await codeOf(relay.store(shipped, soon()))).toBe('fenced');
    expect(await codeOf(relay.expect(shipped, soon()))).toBe('fenced');
    expect(existsSync(packs(relay))).toBe(false);
  });
});

describe('the budget of a zone', () => {
  test('is shared by all who send there, by packs and by rsync', async () => {
    const ground = await openGround();
    try {
      const zones = { tokyo: { relays: [], identity: null, bandwidth: 400_000 } };
      const [one, two, three] = [1, 2, 3].map(() => ground.channel(ground.server({ zone: 'tokyo' }), 1, { zones })) as [
        Channel,
        Channel,
        Channel,
      ];
      const artifact = await ground.artifact({ big: noise(400_000) });
      await Promise.all([one, two, three].map((channel) => channel.hello(soon())));
      const began = performance.now();
      const uploads = [unpack(ground, one, 'r1', artifact), unpack(ground, two, 'r1', artifact), upload(three, 'r1', artifact)];
      await Promise.all(uploads);
      // Three of one second each, less what may be sent at once after a pause, and what pipes take.
      expect(performance.now() - began).toBeGreaterThan(2_500);
    } finally {
      await ground.close();
    }
  });
});
