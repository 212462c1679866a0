import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { actorText, hasRole, ownerActor, ROLES, seesAll, seesCluster } from '../../src/core/actor.ts';
import type { Actor } from '../../src/core/actor.ts';
import { matchesGlob } from '../../src/core/glob.ts';

const ann: Actor = { kind: 'user', name: 'ann', teams: [], role: 'deployer', clusters: ['staging-*', 'demo'], address: null };

test('a role may what those below it may, and nothing above it', () => {
  expect(ROLES.map((role) => hasRole(ann, role))).toEqual([true, true, false, false]);
  expect(ROLES.every((role) => hasRole(ownerActor('root', null), role))).toBe(true);
});

test('a role counts for the clusters of its globs only', () => {
  expect(['staging-1', 'staging-', 'demo', 'demo2', 'staging', 'production', ''].filter((one) => seesCluster(ann, one))).toEqual([
    'staging-1',
    'staging-',
    'demo',
  ]);
  expect([seesAll(ann), seesAll(ownerActor('root', null)), seesAll({ ...ann, clusters: [] })]).toEqual([false, true, false]);
});

test('a token cannot pass for the user of the same name', () => {
  expect([actorText(ann), actorText({ ...ann, kind: 'token' })]).toEqual(['ann', 'ann (token)']);
});

test('a glob matches what the regular expression of the same meaning matches, and long ones take no time', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '.') });
  fc.assert(
    fc.property(letters, letters, (glob, name) => {
      const expression = new RegExp(`^${glob.replace(/[.]/g, '\\.').replaceAll('*', '[^]*')}$`);
      expect(matchesGlob(glob, name)).toBe(expression.test(name));
    }),
  );
  const began = performance.now();
  expect(matchesGlob(`${'*a'.repeat(500)}!`, 'a'.repeat(4096))).toBe(false);
  expect(performance.now() - began).toBeLessThan(1000);
});
