import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseReleaseName, releaseName } from '../../src/core/release-name.ts';
import { safeName } from '../../src/core/safe-name.ts';

const parts = {
  project: 'shop',
  environment: 'production',
  version: '1.4.2',
  branch: 'servers/production',
  sealedAt: Date.UTC(2026, 10, 22, 1, 30, 0),
  author: 'yuri.popoff',
};

const anyParts = fc.record({
  project: fc.string({ unit: 'binary', maxLength: 80 }),
  environment: fc.string({ maxLength: 80 }),
  version: fc.string({ maxLength: 80 }),
  branch: fc.string({ unit: 'grapheme', maxLength: 80 }),
  sealedAt: fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) }),
  author: fc.string({ unit: 'grapheme', maxLength: 80 }),
});

describe('the name of a release', () => {
  test('is project_env_version_branch_timestamp_author', () => {
    expect(releaseName({ ...parts, branch: 'trunk' })).toBe('shop_production_1.4.2_trunk_20261122T013000Z_yuri.popoff');
  });

  test('keeps different parts different when characters are lost', () => {
    const cyrillic = releaseName({ ...parts, author: 'Юрий Попов' });
    expect(cyrillic).toMatch(/_x-[0-9a-f]{6}$/);
    expect(releaseName({ ...parts, author: 'Юрий Петров' })).not.toBe(cyrillic);
  });

  test('writes slashes and spaces as people would', () => {
    const name = releaseName({ ...parts, author: 'Yuri Popoff' });
    expect(name).toBe('shop_production_1.4.2_servers-production_20261122T013000Z_Yuri-Popoff');
  });

  test('is a safe file name of at most 200 characters for any input (property)', () => {
    fc.assert(
      fc.property(anyParts, (any) => {
        const name = releaseName(any);
        expect(name.length).toBeLessThanOrEqual(200);
        expect(name).toMatch(/^[A-Za-z0-9][A-Za-z0-9.-]*(_[A-Za-z0-9][A-Za-z0-9.-]*){5}$/);
        for (const part of name.split('_')) expect(part.length).toBeLessThanOrEqual(40);
      }),
      { numRuns: 1000 },
    );
  });

  test('differs when one part differs in more than slashes and spaces (property)', () => {
    const bare = (text: string): string => text.replace(/[\s/-]/g, '');
    fc.assert(
      fc.property(anyParts, anyParts, fc.constantFrom('project', 'environment', 'version', 'branch', 'author'), (one, two, key) => {
        fc.pre(bare(one[key]) !== bare(two[key]));
        expect(releaseName({ ...one, [key]: two[key] })).not.toBe(releaseName(one));
      }),
      { numRuns: 1000 },
    );
  });

  test('is read back to its parts (property)', () => {
    fc.assert(
      fc.property(anyParts, (any) => {
        const name = releaseName(any);
        const read = parseReleaseName(name);
        expect(read).not.toBeNull();
        expect(read && releaseName(read)).toBe(name);
        expect(read?.sealedAt).toBe(Math.floor(any.sealedAt / 1000) * 1000);
      }),
    );
    expect(parseReleaseName(releaseName(parts))).toMatchObject({
      project: 'shop',
      version: '1.4.2',
      author: 'yuri.popoff',
      sealedAt: parts.sealedAt,
    });
  });

  test('is not read from anything else', () => {
    const good = releaseName(parts);
    for (const bad of [
      '',
      'current',
      'constructor',
      '20260101120000',
      `${good}_x`,
      good.replace('T', 't'),
      good.replace('1122', '1332'),
      `../${good}`,
      '_'.repeat(5),
    ]) {
      expect(parseReleaseName(bad)).toBeNull();
    }
  });

  test('cannot be made of an impossible time', () => {
    expect(() => releaseName({ ...parts, sealedAt: Number.NaN })).toThrow(RangeError);
  });
});

describe('a safe name', () => {
  test('keeps what is safe, and makes the rest safe with a hash', () => {
    expect(safeName('yuri.popoff', 63)).toBe('yuri.popoff');
    expect(safeName('a_b', 63)).toBe('a_b');
    expect(safeName('a_b', 63, 'dotted')).toMatch(/^a-b-[0-9a-f]{6}$/);
    expect(safeName('..', 63)).toMatch(/^x-[0-9a-f]{6}$/);
    expect(safeName('', 63)).toMatch(/^x-[0-9a-f]{6}$/);
    expect(safeName('-rf', 63)).toMatch(/^rf-[0-9a-f]{6}$/);
    expect(safeName('.git', 63)).toMatch(/^git-[0-9a-f]{6}$/);
    expect(safeName('a;$(id)', 63)).toMatch(/^a-id-[0-9a-f]{6}$/);
    expect(safeName('a'.repeat(4096), 63)).toHaveLength(63);
  });

  test('is the same for the same text, for ever', () => {
    // Releases on servers and sandboxes carry these names: they must not change with a version.
    expect(safeName('servers/production', 40, 'dotted')).toBe('servers-production-b9b307');
  });
});
