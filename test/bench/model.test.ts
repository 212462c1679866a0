// The model of the benchmark: what docs/benchmarks.md says about it, computed by hand.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { predictDeployment } from '../../scripts/bench.d/model.js';
import type { Constants, Place, Settings } from '../../scripts/bench.d/model.js';
import { limiter } from '../../src/transport/limiter.ts';

const cpu = { daemon: 2, children: 3, server: 20 };
const warm = { alone: 500, trips: 4, upload: 80, uploadTrips: 2, cpu, bytes: 20_000 };
const cold = { ...warm, alone: 700, trips: 9, cpu: { daemon: 3, children: 15, server: 30 }, bytes: 30_000 };
const constants: Constants = { connect: 100, connectTrips: 5, cold, warm };

/** Nothing of it is what a deployment waits for. */
const idle: Place = { roundTrip: 0, senderCores: Infinity, sharedCores: null, lineBytesPerMs: Infinity };
const wide: Settings = { connections: 100_000, concurrency: 100_000, kept: 256 };
const free = { daemon: 0, children: 0, server: 0 };
/** The same without any CPU time. */
const light: Constants = { ...constants, cold: { ...cold, cpu: free }, warm: { ...warm, cpu: free } };

test('One server near takes what it took alone', () => {
  expect(predictDeployment(constants, { count: 1, isCold: false }, idle, wide)).toEqual({ ms: 500, bound: 'one server' });
  expect(predictDeployment(constants, { count: 1, isCold: true }, idle, wide)).toEqual({ ms: 700, bound: 'one server' });
});

test('A longer line adds its round trips, and may be what takes longest', () => {
  const far = { ...idle, roundTrip: 200 };
  expect(predictDeployment(constants, { count: 1, isCold: false }, far, wide)).toEqual({ ms: 500 + 4 * 200, bound: 'distance' });
  expect(predictDeployment(constants, { count: 1, isCold: true }, far, wide)).toEqual({ ms: 700 + 9 * 200, bound: 'distance' });
});

test.each([
  { count: 10, connections: 32, turns: 1 },
  { count: 11, connections: 32, turns: 2 },
  { count: 30, connections: 32, turns: 2 },
  { count: 62, connections: 32, turns: 3 },
  { count: 63, connections: 32, turns: 4 },
  { count: 20, connections: 5, turns: 4 },
])(
  '$count connections, $connections at most at a time, are opened in $turns turns, of which the first is in what one takes',
  async (given) => {
    expect(await turnsOfLimiter(given)).toBe(given.turns);
    const { ms } = predictDeployment(light, { count: given.count, isCold: true }, idle, { ...wide, connections: given.connections });
    expect(ms).toBe(700 + (given.turns - 1) * 100);
    const far = predictDeployment(
      light,
      { count: given.count, isCold: true },
      { ...idle, roundTrip: 50 },
      { ...wide, connections: given.connections },
    );
    expect(far.ms).toBe(700 + 9 * 50 + (given.turns - 1) * (100 + 5 * 50));
  },
);

test('With connections that are open nothing is opened; beyond those that are kept, the others are', () => {
  const narrow = { ...wide, connections: 10 };
  expect(predictDeployment(light, { count: 256, isCold: false }, idle, narrow).ms).toBe(500);
  expect(predictDeployment(light, { count: 267, isCold: false }, idle, narrow)).toEqual({ ms: 700 + 100, bound: 'one server' });
  expect(predictDeployment(light, { count: 1_000, isCold: false }, idle, narrow)).toEqual({ ms: 700 + 74 * 100, bound: 'connections' });
});

test('Servers with cores of their own cost the sender its processes, or the daemon its thread', () => {
  const two = { ...idle, senderCores: 2 };
  expect(predictDeployment(constants, { count: 1_001, isCold: false }, two, { ...wide, kept: 2_000 })).toEqual({
    ms: 500 + 1_000 * 2.5,
    bound: 'sender',
  });
  const four = { ...idle, senderCores: 4 };
  expect(predictDeployment(constants, { count: 1_001, isCold: false }, four, { ...wide, kept: 2_000 })).toEqual({
    ms: 500 + 1_000 * 2,
    bound: 'daemon',
  });
});

test('On one machine the servers take its cores, too; cold connections cost what they take more than open ones', () => {
  const here = { ...idle, senderCores: 2, sharedCores: 2 };
  expect(predictDeployment(constants, { count: 11, isCold: false }, here, wide)).toEqual({ ms: 500 + (10 * 25) / 2, bound: 'one server' });
  expect(predictDeployment(constants, { count: 101, isCold: true }, here, wide)).toEqual({
    ms: 700 + (100 * (48 - 25)) / 2 + (100 * 25) / 2,
    bound: 'cores',
  });
});

test('A narrow line takes the bytes of all servers, and few uploads at a time take turns', () => {
  const narrow = { ...idle, lineBytesPerMs: 100 };
  expect(predictDeployment(light, { count: 101, isCold: false }, narrow, wide)).toEqual({ ms: 500 + (100 * 20_000) / 100, bound: 'line' });
  const far = { ...idle, roundTrip: 50 };
  expect(predictDeployment(light, { count: 101, isCold: false }, far, { ...wide, concurrency: 10 })).toEqual({
    ms: 500 + 4 * 50 + 10 * (80 + 2 * 50),
    bound: 'concurrency',
  });
});

test('More servers and a longer line never make it quicker; more cores, connections and concurrency never slower', () => {
  const number = (max: number): fc.Arbitrary<number> => fc.double({ min: 0, max, noNaN: true });
  const cpus = fc.record({ daemon: number(50), children: number(50), server: number(500) });
  const way = fc.record({
    alone: number(5_000),
    trips: number(20),
    upload: number(500),
    uploadTrips: number(5),
    cpu: cpus,
    bytes: number(1e6),
  });
  const sum = <T extends Record<string, number>>(one: T, other: T): T =>
    Object.fromEntries(Object.entries(one).map(([key, value]) => [key, value + (other[key] as number)])) as T;
  const anyConstants = fc.record({ connect: number(500), connectTrips: number(10), warm: way, more: way }).map(({ more, ...rest }) => {
    const { cpu: open, ...plain } = rest.warm;
    const { cpu: opening, ...further } = more;
    return { ...rest, cold: { ...sum(plain, further), cpu: sum(open, opening) } };
  });
  const positive = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max });
  fc.assert(
    fc.property(
      anyConstants,
      fc.record({ count: positive(5_000), isCold: fc.boolean() }),
      fc.record({ roundTrip: number(300), senderCores: positive(64), sharedCores: fc.option(positive(64)), lineBytesPerMs: positive(1e6) }),
      fc.record({ connections: positive(1_000), concurrency: positive(1_000), kept: positive(1_000) }),
      positive(1_000),
      (given, deployment, place, settings, more) => {
        const { ms } = predictDeployment(given, deployment, place, settings);
        const slower = [
          predictDeployment(given, { ...deployment, count: deployment.count + more }, place, settings),
          predictDeployment(given, deployment, { ...place, roundTrip: place.roundTrip + more }, settings),
        ];
        const quicker = [
          predictDeployment(given, deployment, { ...place, senderCores: place.senderCores + more }, settings),
          predictDeployment(given, deployment, place, { ...settings, connections: settings.connections + more }),
          predictDeployment(given, deployment, place, { ...settings, concurrency: settings.concurrency + more }),
          predictDeployment(given, { ...deployment, isCold: false }, place, settings),
        ];
        // The last digits of a sum are nobody's.
        const digits = 1e-9 * ms;
        for (const one of slower) expect(one.ms).toBeGreaterThanOrEqual(ms - digits);
        for (const one of quicker) expect(one.ms).toBeLessThanOrEqual(ms + digits);
      },
    ),
  );
});

/** How many times the product would open connections together, if all of them took equally long. */
async function turnsOfLimiter({ count, connections }: { count: number; connections: number }): Promise<number> {
  const { run } = limiter(connections);
  const opening: (() => void)[] = [];
  const open = (): Promise<void> => new Promise((resolve) => opening.push(resolve));
  const all = Promise.all(Array.from({ length: count }, () => run(open, new AbortController().signal)));
  const allBegun = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  await allBegun();
  let turns = 0;
  for (; opening.length > 0; turns++) {
    for (const opened of opening.splice(0)) opened();
    await allBegun();
  }
  await all;
  return turns;
}
