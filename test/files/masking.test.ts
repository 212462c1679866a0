// Masking: whatever form a secret takes, and however a text is cut into pieces, it is not readable in it, and the rest of the text is.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createMasking } from '../../src/files/masking.ts';

const SECRET = 'p@ss w0rd/+?ü"\'$%';
const KEY = `-----BEGIN KEY-----\n${'Ab9/'.repeat(30)}\n${'+xYz'.repeat(20)}\n-----END KEY-----`;

function maskingOf(...values: string[]) {
  const masking = createMasking();
  masking.learn(1, values);
  return masking;
}

const forms: Record<string, (value: string) => string> = {
  'as it is': (value) => value,
  'in base64': (value) => Buffer.from(value).toString('base64'),
  'in base64 with a line break': (value) => Buffer.from(`${value}\n`).toString('base64'),
  'in base64 for URLs': (value) => Buffer.from(value).toString('base64url'),
  'in base64 of 76 columns': (value) => Buffer.from(value).toString('base64').replace(/.{76}/g, '$&\n'),
  'in hexadecimal': (value) => Buffer.from(value).toString('hex'),
  'in capital hexadecimal': (value) => Buffer.from(value).toString('hex').toUpperCase(),
  'in a URL': (value) => encodeURIComponent(value),
  'in a URL with small digits': (value) => encodeURIComponent(value).replace(/%../g, (found) => found.toLowerCase()),
  'in a form': (value) => new URLSearchParams({ a: value }).toString().slice(2),
  'in JSON': (value) => JSON.stringify(value).slice(1, -1),
};

describe('a secret is masked', () => {
  test.each(Object.entries(forms))('%s', (_name, form) => {
    for (const value of [SECRET, KEY, 'sixsix']) {
      const masked = maskingOf(value).mask(`before ${form(value)} after`);
      expect(masked).not.toContain(form(value));
      expect(masked).toMatch(/^before .*••••.* after$/s);
    }
  });

  test('as a part of something longer in base64, as in the header of a basic authentication', () => {
    for (const user of ['a', 'ab', 'abc']) {
      const header = Buffer.from(`${user}:${SECRET}`).toString('base64');
      const masked = maskingOf(SECRET).mask(`authorization: Basic ${header}`);
      const rest = Buffer.from(masked.replace(/^.*Basic /, '').replaceAll('•', ''), 'base64').toString();
      expect(rest).not.toContain(SECRET.slice(0, 4));
      expect(masked).toContain('••••');
    }
  });

  test('each line of a key by itself', () => {
    const masked = maskingOf(KEY).mask(
      KEY.split('\n')
        .map((line) => `> ${line}\n`)
        .join(''),
    );
    expect(masked).toBe('> ••••\n'.repeat(4));
  });

  test('also where a text was cut in the middle of it', () => {
    const masking = maskingOf('correct horse battery');
    expect(masking.mask('rrect horse battery, then something')).toBe('••••, then something');
    expect(masking.mask('something, then correct hor')).toBe('something, then ••••');
    expect(masking.mask('correct horse battery')).toBe('••••');
    expect(masking.mask('horse')).toBe('horse');
  });

  test('until its deployment is forgotten, and that of another goes on', () => {
    const masking = maskingOf('correct horse');
    masking.learn(2, ['another horse']);
    expect(masking.mask('correct horse, another horse')).toBe('••••, ••••');
    masking.forget(1);
    expect(masking.mask('correct horse, another horse')).toBe('correct horse, ••••');
    masking.forget(2);
    expect(masking.mask('another horse')).toBe('another horse');
  });
});

test('a value of fewer than six characters is not masked', () => {
  expect(maskingOf('abcde').mask('abcde YWJjZGU= 6162636465')).toBe('abcde YWJjZGU= 6162636465');
});

test('in pieces of any size, a log reads as if it had been masked whole', () => {
  const words = fc.constantFrom('aaaaaa', 'aaaabaaaa', 'secret1', 'cret1se', 'x', ' ', '\n', 'aaa', 'sec', 'ret1');
  const property = fc.property(
    fc.array(words, { maxLength: 40 }),
    fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
    (parts, sizes) => {
      const text = parts.join('');
      const masking = maskingOf('aaaaaa', 'aaaabaaaa', 'secret1', 'cret1se');
      let pieced = '';
      for (let from = 0; from < text.length;) {
        const size = sizes[from % sizes.length] ?? 1;
        pieced += masking.follow(7, text.slice(from, from + size));
        from += size;
      }
      pieced += masking.end(7);
      const whole = masking.follow(8, text) + masking.end(8);
      expect(pieced).toBe(whole);
      for (const secret of ['aaaaaa', 'secret1', 'cret1se']) expect(pieced).not.toContain(secret);
    },
  );
  fc.assert(property, { numRuns: 2_000 });
});

test('two logs do not mix', () => {
  const masking = maskingOf('correct horse');
  expect([masking.follow(1, 'a corr'), masking.follow(2, 'ect horse'), masking.follow(1, 'ect horse'), masking.end(1)]).toEqual([
    'a ',
    'ect horse',
    '••••',
    '',
  ]);
});

test('megabytes of output cost little time', () => {
  const masking = createMasking();
  masking.learn(
    1,
    Array.from({ length: 50 }, (_, i) => `${SECRET}-${i}-${'z'.repeat(40)}`),
  );
  const line = 'compiled src/some/module/of/the/application.ts in 12 ms\n'.repeat(1_000);
  const begun = performance.now();
  for (let i = 0; i < 20; i++) masking.follow(1, line);
  expect(performance.now() - begun).toBeLessThan(5_000);
});
