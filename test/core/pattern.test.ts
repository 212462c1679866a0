import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fillIn, matchPattern, parsePattern, patternsOverlap, placeholders, variablesOf } from '../../src/core/pattern.ts';
import type { Pattern } from '../../src/core/pattern.ts';

function pattern(text: string): Pattern {
  const parsed = parsePattern(text);
  if ('problem' in parsed) throw new Error(parsed.problem);
  return parsed.pattern;
}

const match = (text: string, name: string): Record<string, string> | null => {
  const values = matchPattern(pattern(text), name);
  return values && Object.fromEntries(values);
};

describe('a branch pattern', () => {
  test('stands for one path segment or a part of it', () => {
    expect(match('servers/{developer}', 'servers/yuri.popoff')).toEqual({ developer: 'yuri.popoff' });
    expect(match('servers/team-{team}-x/{developer}', 'servers/team-a-x/b')).toEqual({ team: 'a', developer: 'b' });
    expect(match('servers/{developer}', 'servers/a/b')).toBeNull();
    expect(match('servers/{developer}', 'servers/')).toBeNull();
    expect(match('servers/{developer}', 'servers')).toBeNull();
    expect(match('servers/a{developer}a', 'servers/a')).toBeNull();
    expect(match('servers/a{developer}a', 'servers/aa')).toBeNull();
    expect(match('servers/a{developer}a', 'servers/aaa')).toEqual({ developer: 'a' });
  });

  test('without a variable is an exact name', () => {
    expect(match('trunk', 'trunk')).toEqual({});
    expect(match('trunk', 'trunk2')).toBeNull();
    expect(match('trunk', 'Trunk')).toBeNull();
  });

  test('with anything but one word in braces is refused with a reason', () => {
    for (const text of ['a/{', 'a/}', 'a/{}', 'a/{x y}', 'a/{__proto__}', 'a/}x{', 'a/{x}{y}', 'a/{x}b}', '{x}/{x}', 'a/{{x}}']) {
      expect(parsePattern(text)).toHaveProperty('problem');
    }
  });

  test('counts its literal characters, slashes included', () => {
    expect(pattern('servers/{developer}').literals).toBe(8);
    expect(pattern('servers/qa-{developer}').literals).toBe(11);
    expect(pattern('{a}/{b}').literals).toBe(1);
  });

  test('overlaps with another exactly if some name matches both', () => {
    const overlap = (a: string, b: string): boolean => patternsOverlap(pattern(a), pattern(b));
    expect(overlap('servers/{a}', 'servers/{b}')).toBe(true);
    expect(overlap('servers/a-{x}', 'servers/{x}-b')).toBe(true);
    expect(overlap('servers/a-{x}', 'servers/b-{x}')).toBe(false);
    expect(overlap('servers/{x}', 'servers/{x}/{y}')).toBe(false);
    expect(overlap('{x}/production', 'servers/{y}')).toBe(true);
    expect(overlap('{x}/production', 'servers/staging')).toBe(false);
  });

  test('that overlaps finds a common name, and one that does not overlap none (property)', () => {
    const segment = fc.oneof(fc.stringMatching(/^[ab]{0,2}$/), fc.stringMatching(/^[ab]{0,2}\{x\}[ab]{0,2}$/));
    fc.assert(
      fc.property(segment, segment, fc.array(fc.stringMatching(/^[ab]{1,8}$/), { maxLength: 50 }), (a, b, names) => {
        const [one, two] = [pattern(a), pattern(b)];
        const common = [...names, a.replace('{x}', b.replace('{x}', 'a')), b.replace('{x}', a.replace('{x}', 'a'))].some(
          (name) => matchPattern(one, name) !== null && matchPattern(two, name) !== null,
        );
        if (common) expect(patternsOverlap(one, two)).toBe(true);
      }),
    );
  });

  test('matches what it was filled in with (property)', () => {
    const value = fc.string({ minLength: 1 }).filter((text) => !text.includes('/'));
    fc.assert(
      fc.property(value, value, (team, developer) => {
        expect(match('{team}/servers/x-{developer}', `${team}/servers/x-${developer}`)).toEqual(
          Object.fromEntries([
            ['team', team],
            ['developer', developer],
          ]),
        );
      }),
    );
  });

  test('is quick and harmless with hostile names', () => {
    const names = [
      'constructor',
      '__proto__',
      'a'.repeat(4096),
      `${'a'.repeat(4095)}!`,
      '/'.repeat(4096),
      'ш'.repeat(4096),
      '',
      '\u0000',
      '{x}',
    ];
    const patterns = ['{x}', 'a{x}a', 'servers/{x}', 'aaaaaaaa{x}!', '{a}/{b}/{c}'].map(pattern);
    const start = performance.now();
    for (let i = 0; i < 200; i++) for (const one of patterns) for (const name of names) matchPattern(one, name);
    expect(performance.now() - start).toBeLessThan(5000);
    expect(match('{x}', '__proto__')).toEqual(Object.fromEntries([['x', '__proto__']]));
  });
});

describe('filling in', () => {
  test('replaces the known names and leaves the shell its own', () => {
    const values = new Map([['developer', 'yuri']]);
    expect(fillIn('/srv/{developer}/x-{developer}', values)).toBe('/srv/yuri/x-yuri');
    expect(fillIn("awk '{print $1}' ${developer} {other} {", values)).toBe("awk '{print $1}' ${developer} {other} {");
  });

  test('does not fill in what a value brings with it', () => {
    expect(fillIn('{a}{b}', new Map(Object.entries({ a: '{b}', b: '1' })))).toBe('{b}1');
  });

  test('names each variable once, in order', () => {
    expect(variablesOf('{b}-{a}-{b}-{__proto__}-${c}')).toEqual(['b', 'a']);
    expect(placeholders('x{a}')).toEqual([{ name: 'a', start: 1, end: 4 }]);
  });
});
