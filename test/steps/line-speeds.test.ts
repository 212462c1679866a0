// What large packs show of the lines they went over.
import { expect, test } from '@jest/globals';
import { lineSpeeds } from '../../src/steps/line-speeds.ts';

const MB = 2_000_000;

test('servers that share what the daemon can send are not slow; one that takes longer than all others is', () => {
  const speeds = lineSpeeds();
  const ends = Array.from({ length: 10 }, () => speeds.begin(1_000));
  for (const [i, end] of ends.slice(1).entries()) end(`web${i + 1}`, MB, 5_000 + i);
  ends[0]?.('web0', MB, 61_000);
  expect(speeds.of('web5')).toBeGreaterThan(4_000_000);
  expect(speeds.of('web0')).toBeLessThan(100_000);
});

test('a small pack, or one that did not arrive, shows nothing', () => {
  const speeds = lineSpeeds();
  speeds.begin(0)('web1', 1_000, 9_000);
  speeds.begin(0)('web1', 0, 9_000);
  expect(speeds.of('web1')).toBe(undefined);
  speeds.begin(10_000)('web1', MB, 14_000);
  expect(speeds.of('web1')).toBe(500_000);
});
