// kill -9 in the middle of every verb: of the ssh client, so that the agent goes on alone, and of the agent itself, wherever it stands.
import { describe, expect, test } from '@jest/globals';
import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Channel } from '../../src/core/channel.ts';
import { codeOf, nextOp, onGround, parcel, picture, processesOf, soon, unpack, upload } from './ground.ts';
import type { Ground } from './ground.ts';

const LOCK = { page: 'wait', timeoutMs: 60_000, botsTimeoutMs: 0 };
const ROUNDS = 6;

describe.each(['ssh client', 'agent'])('killing the %s', (victim) => {
  let ground: Ground;
  let channel: Channel;
  let path: string;

  onGround(victim === 'agent' ? 'local' : 'ssh', (on) => ({ ground, channel, path } = on));

  function kill(): void {
    const isVictim = (line: string): boolean =>
      victim === 'agent' ? line.includes(path) && / serve /.test(line) : line.includes(ground.runtime);
    for (const line of processesOf(ground.directory).filter(isVictim)) {
      try {
        process.kill(Number.parseInt(line, 10), 'SIGKILL');
      } catch {
        // It has just ended.
      }
    }
  }

  /** Starts the verb and kills within a moment, once. */
  async function struck<T>(verb: () => Promise<T>): Promise<T> {
    await channel.hello(soon());
    const timer = setTimeout(kill, Math.random() * 60);
    try {
      return await verb();
    } finally {
      clearTimeout(timer);
    }
  }

  test('at any moment of a cutover changes nothing about its end', async () => {
    await upload(channel, 'r0', await ground.artifact({ a: 'zero' }));
    await upload(channel, 'r1', await ground.artifact({ a: 'one' }));
    let previous: string | null = null;
    for (let round = 0; round < ROUNDS; round++) {
      const release = `r${round % 2}`;
      const token = `token${round}`;
      if (round % 2 === 0) await struck(() => channel.ready(nextOp(), { token, release, isBrief: true }, soon()));
      await struck(() => channel.lock(nextOp(), token, LOCK, soon()));
      expect(existsSync(join(path, 'maintenance'))).toBe(true);
      expect(await struck(() => channel.switch(nextOp(), token, release, soon()))).toEqual({ previous });
      expect(readlinkSync(join(path, 'current'))).toBe(`releases/${release}`);
      await struck(() => channel.decide(nextOp(), token, { release, timeoutMs: 60_000, durable: true }, soon()));
      const command = { run: `echo ${round} >>count`, timeoutMs: 9_000, on: null };
      const code = await codeOf(
        struck(() => channel.run(`migrate${round}`, { name: 'migrate', command, release, environment: {} }, soon())),
      );
      expect(victim === 'agent' ? ['none', 'ambiguous'] : ['none']).toContain(code);
      const count = join(path, 'releases', release, 'count');
      const times = existsSync(count) ? readFileSync(count, 'utf8').split(`${round}\n`).length - 1 : 0;
      if (code === 'none') expect(times).toBe(1);
      else expect(times).toBeLessThanOrEqual(1);
      await struck(() => channel.unlock(nextOp(), token, soon()));
      expect(existsSync(join(path, 'maintenance'))).toBe(false);
      previous = release;
    }
    await channel.collect([], soon());
    expect(readdirSync(path).sort()).toEqual(['.lockstep', 'current', 'maintenance.html', 'releases', 'shared']);
  });

  test('at any moment of a pack changes nothing about its end, with clones made ahead and without', async () => {
    const tree = (round: number) =>
      Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`d${i % 5}/f${i}`, i < 10 ? `${round} ${i}` : `${i}`]));
    let base: { release: string; artifact: Awaited<ReturnType<Ground['artifact']>> } | null = null;
    for (let round = 0; round < ROUNDS; round++) {
      const release = `r${round}`;
      const artifact = await ground.artifact(tree(round));
      await struck(() => unpack(ground, channel, release, artifact, { base, compression: round % 2 === 0 ? 'none' : 'gzip' }));
      expect(await picture(join(path, 'releases', release))).toEqual(await picture(artifact.directory));
      if (base !== null) expect(await picture(join(path, 'releases', base.release))).toEqual(await picture(base.artifact.directory));
      await channel.switch(nextOp(), null, release, soon());
      await struck(() => channel.collect(base === null ? [] : [base.release], soon(), round < 4));
      base = { release, artifact };
    }
    await channel.collect([], soon(), false);
    expect(readdirSync(join(path, '.lockstep/incoming'))).toEqual([]);
    expect(readdirSync(join(path, '.lockstep/next'))).toEqual([]);
  });

  test('at any moment of an upload leaves a whole release or none', async () => {
    const tree = (round: number) =>
      Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`d${i % 5}/f${i}`, i < 10 ? `${round} ${i}` : `${i}`]));
    let base: { release: string; artifact: Awaited<ReturnType<Ground['artifact']>> } | null = null;
    for (let round = 0; round < ROUNDS; round++) {
      const release = `r${round}`;
      const artifact = await ground.artifact(tree(round));
      const { links, remove, files, except, seal } = parcel(artifact, base?.artifact ?? null);
      const staging = { release, artifact: artifact.id, base: base?.release ?? null, remove, links };
      await struck(() => channel.stage(nextOp(), staging, soon()));
      await struck(() => channel.send({ release, directory: artifact.directory, files, except, repair: false }, soon()));
      const code = await codeOf(struck(() => channel.seal(nextOp(), { release, artifact: artifact.id, ...seal }, soon())));
      if (code !== 'none') {
        // A killed rsync may have left half a file: that is what the repair is for.
        expect(code).toBe('mismatch');
        await struck(() => channel.send({ release, directory: artifact.directory, files: null, except, repair: true }, soon()));
        await struck(() => channel.seal(nextOp(), { release, artifact: artifact.id, ...seal }, soon()));
      }
      expect(await picture(join(path, 'releases', release))).toEqual(await picture(artifact.directory));
      if (base !== null) expect(await picture(join(path, 'releases', base.release))).toEqual(await picture(base.artifact.directory));
      base = { release, artifact };
    }
  });
});
