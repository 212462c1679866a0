// Simulated servers behave like servers with an agent, only cheaper.
import { describe, expect, test } from '@jest/globals';
import { Readable } from 'node:stream';
import { simulatedServers } from '../../src/transport/simulated.ts';
import { sampleCluster } from '../lab/samples.ts';
import { codeOf, nextOp, soon } from './ground.ts';

const LOCK = { page: 'wait', timeoutMs: 60_000, botsTimeoutMs: 0 };
const request = (release: string, artifact: string) => ({ release, artifact, base: null, remove: [], links: [] });

function place(servers: number, simulation = { delayMs: 0, failures: 0 }) {
  const transport = simulatedServers();
  const cluster = sampleCluster(servers, { simulation });
  return { channels: (epoch = 1) => cluster.servers.map((server) => transport.channel(server, { epoch, cluster })) };
}

describe('a simulated server', () => {
  test('remembers between channels what was brought to it, and what it served before', async () => {
    const { channels } = place(1);
    const [first] = channels();
    const seal = { release: 'r1', artifact: 'a1', files: [], content: '', tree: '' };
    expect(await codeOf(first!.seal(nextOp(), seal, soon()))).toBe('mismatch');
    expect(await first!.stage(nextOp(), request('r1', 'a1'), soon())).toBe('staged');
    await first!.seal(nextOp(), seal, soon());
    expect(await codeOf(first!.stage(nextOp(), request('r1', 'a2'), soon()))).toBe('conflict');
    const op = nextOp();
    expect(await first!.switch(op, null, 'r1', soon())).toEqual({ previous: null });
    await first!.close();
    const [second] = channels();
    expect(await second!.switch(op, null, 'r1', soon())).toEqual({ previous: null });
    expect(await second!.hello(soon())).toMatchObject({ current: 'r1', sealed: [{ release: 'r1', artifact: 'a1' }], lock: null });
    expect(await codeOf(second!.switch(nextOp(), null, 'r9', soon()))).toBe('not-found');
    expect(await codeOf(first!.hello(soon()))).toBe('aborted');
  });

  test('hands a shipment to another one that was told of it', async () => {
    const [relay, child] = place(2).channels();
    const pack = { compression: 'none' as const, bytes: 70_000, read: () => Readable.from([]) };
    const shipment = { remove: [], through: [], links: [], pack, files: [], tree: '', baseTree: null, content: '', hashes: [] };
    const stored = { release: 'r1', artifact: 'a1', base: null, revision: 'r', token: null, shipment, stored: true };
    expect(await relay!.hand(shipment, child!.server, null, soon())).toBe('the pack is no longer here');
    expect(await relay!.store(shipment, soon())).toEqual({ bytes: 70_000 });
    expect(await relay!.store(shipment, soon())).toEqual({ bytes: 0 });
    expect(await relay!.hand(shipment, child!.server, null, soon())).toBe('the daemon has not announced this pack here');
    expect(await codeOf(child!.unpack(nextOp(), stored, soon()))).toBe('not-found');
    await child!.expect(shipment, soon());
    expect(await relay!.hand(shipment, child!.server, null, soon())).toBeNull();
    expect(await child!.unpack(nextOp(), stored, soon())).toMatchObject({ state: 'unpacked', bytes: 0 });
  });

  test('is fenced, locked, and unlocked by its own clock like a real one', async () => {
    const { channels } = place(1);
    const [older] = channels(1);
    const [newer] = channels(2);
    await older!.lock(nextOp(), 'old', LOCK, soon());
    expect(await codeOf(older!.lock(nextOp(), 'other', LOCK, soon()))).toBe('conflict');
    await newer!.lock(nextOp(), 'new', LOCK, soon());
    expect(await codeOf(older!.unlock(nextOp(), 'old', soon()))).toBe('fenced');
    expect(await codeOf(newer!.switch(nextOp(), 'old', null, soon()))).toBe('lock-lost');
    await newer!.decide(nextOp(), 'new', { release: null, timeoutMs: 1, durable: true }, soon());
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect((await newer!.hello(soon())).lock).toBeNull();
    expect(await codeOf(newer!.decide(nextOp(), 'new', { release: null, timeoutMs: 1_000, durable: true }, soon()))).toBe('lock-lost');
    await newer!.unlock(nextOp(), 'new', soon());
  });

  test('fails as often as it was told, sometimes after the effect, and repeats make up for it', async () => {
    const { channels } = place(1, { delayMs: 0, failures: 0.5 });
    const [channel] = channels();
    const codes = new Set<string>();
    const persist = async <T>(verb: () => Promise<T>): Promise<T> => {
      for (;;) {
        try {
          return await verb();
        } catch (error) {
          codes.add((error as { code: string }).code);
        }
      }
    };
    for (let i = 0; i < 20; i++) {
      const op = nextOp();
      await persist(() => channel!.stage(op, request(`r${i}`, 'a'), soon()));
      await persist(() => channel!.seal(op, { release: `r${i}`, artifact: 'a', files: [], content: '', tree: '' }, soon()));
      const { previous } = await persist(() => channel!.switch(op, null, `r${i}`, soon()));
      expect(previous).toBe(i === 0 ? null : `r${i - 1}`);
    }
    expect([...codes]).toEqual(['unreachable']);
  });

  test('is cheap: ten thousand of them answer within seconds', async () => {
    const { channels } = place(10_000, { delayMs: 50, failures: 0 });
    const started = Date.now();
    const all = channels();
    await Promise.all(all.map((channel) => channel.lock(nextOp(), 'token', LOCK, soon())));
    await Promise.all(all.map((channel) => channel.unlock(nextOp(), 'token', soon())));
    expect(Date.now() - started).toBeLessThan(10_000);
  });

  test('ends a verb when its signal says so', async () => {
    const { channels } = place(1, { delayMs: 1_000_000, failures: 0 });
    const [channel] = channels();
    expect(await codeOf(channel!.hello(AbortSignal.timeout(5)))).toBe('timeout');
    expect(await codeOf(channel!.hello(AbortSignal.abort()))).toBe('aborted');
  });
});
