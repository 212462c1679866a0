// When a pack goes as a patch: where the line is slow, the receiver has something like it, and it is worth the round trip.
import { expect, test } from '@jest/globals';
import type { ManifestEntry } from '../../src/core/artifact.ts';
import { isSlow, pays, referenceFor } from '../../src/core/patch.ts';

const KIB = 1024;
const file = (path: string, size: number): ManifestEntry => ({ type: 'file', path, mode: 0o644, size, mtime: 0, sha256: '0'.repeat(64) });
const zone = { relays: [], identity: null, bandwidth: null };

test('a line is slow if the operator limits it, or if less than 1.25 MB a second came through', () => {
  expect([isSlow(null, undefined), isSlow(zone, undefined), isSlow(null, 2_000_000)]).toEqual([false, false, false]);
  expect([isSlow({ ...zone, bandwidth: 9_000_000 }, undefined), isSlow(null, 1_000_000)]).toEqual([true, true]);
});

test('a patch refers to the files that the receiver has under the same names', () => {
  const send = [file('a', 60 * KIB), file('b', 60 * KIB), file('new', KIB), { type: 'directory', path: 'c' } as const];
  const held = [file('a', 50 * KIB), file('b', 10 * KIB), file('old', KIB), { type: 'link', path: 'new', target: 'a' } as const];
  expect(referenceFor(send, held)).toEqual({ files: ['a', 'b'], bytes: 60 * KIB });
  expect(referenceFor(send, [file('a', 30 * KIB)])).toBe(null);
  expect(referenceFor([file('a', 60 * KIB)], held)).toBe(null);
  expect(referenceFor([file('a', 65 * KIB * KIB)], [file('a', 60 * KIB * KIB)])).toBe(null);
});

test('a patch that is hardly smaller than the pack is not sent', () => {
  expect([pays(55_000, 655_000), pays(600_000, 655_000), pays(40_000, 65_000)]).toEqual([true, false, false]);
});
