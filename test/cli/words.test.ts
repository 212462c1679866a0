// Small words and columns: times, durations, sizes, revisions, names, widths.
import { describe, expect, test } from '@jest/globals';
import { groupFailures, failureLine } from '../../src/cli/same-failure.ts';
import { table } from '../../src/cli/table.ts';
import { columnsOf, fit } from '../../src/cli/width.ts';
import { ago, between, commitLine, duration, shortRevision, size, someNames } from '../../src/cli/words.ts';

describe('words', () => {
  const now = Date.parse('2026-03-01T12:00:00Z');
  const before = (ms: number): string => ago(new Date(now - ms).toISOString(), now);

  test('times are relative, and a clock that is ahead does not matter', () => {
    expect([-5000, 0, 20_000, 60_000, 3_599_000, 3_600_000, 47 * 3_600_000, 48 * 3_600_000].map(before)).toEqual([
      'just now',
      'just now',
      '20 s ago',
      '1 min ago',
      '59 min ago',
      '1 h ago',
      '47 h ago',
      '2 days ago',
    ]);
    expect(ago('never\x1b')).toBe('never\\x1b');
  });

  test('durations have one unit or two', () => {
    expect([0, 349, 9949, 9950, 59_400, 59_600, 80_000, 3_600_000, 3_900_000, -1].map(duration)).toEqual([
      '0.0 s',
      '0.3 s',
      '9.9 s',
      '10 s',
      '59 s',
      '1 min',
      '1 min 20 s',
      '1 h',
      '1 h 5 min',
      '0.0 s',
    ]);
    expect(between('2026-03-01T11:59:00Z', null, now)).toBe(60_000);
    expect(between(null, null, now)).toBeNull();
  });

  test('sizes, revisions, commits and names are short', () => {
    expect([0, 999, 1000, 12_345, 999_499, 999_600, 3_400_000].map(size)).toEqual([
      '0 B',
      '999 B',
      '1.0 kB',
      '12 kB',
      '999 kB',
      '1.0 MB',
      '3.4 MB',
    ]);
    expect([shortRevision('a'.repeat(40)), shortRevision('123'), shortRevision('v1\x1b')]).toEqual(['aaaaaaa', 'r123', 'v1\\x1b']);
    expect(commitLine({ revision: '7', message: '\nFix\nmore', author: null })).toBe('r7 “Fix”');
    expect(someNames(['a', 'b', 'c'])).toBe('a, b, c');
    expect(someNames(['a', 'b', 'c', 'd'])).toBe('a, b, c, … (4 in all)');
  });
});

describe('the same failure', () => {
  const lines = (...failures: [string, string][]): string[] =>
    groupFailures(failures.map(([server, message]) => ({ server, message }))).map(failureLine);

  test('names, addresses, ports, times and amounts do not make failures different; exit codes do', () => {
    expect(
      lines(
        ['web1', 'upload to web1 (10.0.0.1:22) failed: exited 12 after 4 s, 12 kB sent'],
        ['web2', 'upload to web2 (10.0.0.2:22) failed: exited 12 after 1.5 s, 900 B sent'],
        ['web3', 'upload to web3 (10.0.0.3:22) failed: exited 255 after 4 s, 12 kB sent'],
      ),
    ).toEqual([
      '2 servers (web1, web2): upload to web1 (10.0.0.1:22) failed: exited 12 after 4 s, 12 kB sent',
      'web3: upload to web3 (10.0.0.3:22) failed: exited 255 after 4 s, 12 kB sent',
    ]);
  });

  test('names with the meaning of a pattern are taken literally, and several lines become one', () => {
    expect(lines(['$&', 'at $&: one\n  two\n'], ['.*', 'at .*: one\n  two\n'])).toEqual(['2 servers ($&, .*): at $&: one | two']);
  });
});

describe('columns', () => {
  test('wide and combining characters take their place', () => {
    expect([columnsOf('abc'), columnsOf('山田'), columnsOf('e\u0301'), columnsOf('👍')]).toEqual([3, 4, 1, 2]);
    expect([fit('abcdef', 4), fit('山田太郎', 5), fit('abc', 3), fit('abc', 0)]).toEqual(['abc…', '山田…', 'abc', '']);
  });

  test('a table leaves empty columns out, aligns, and cuts the widest column that may be cut', () => {
    const same = (text: string): string => text;
    const columns = [{ title: 'NAME' }, { title: 'EMPTY' }, { title: 'N', align: 'right' as const }, { title: 'TEXT', shrink: true }];
    expect(
      table(
        columns,
        [
          ['a', '', '1', 'some long text'],
          ['山田', '', '10', 'x'],
        ],
        Infinity,
        same,
      ),
    ).toEqual(['NAME   N  TEXT', 'a      1  some long text', '山田  10  x']);
    expect(table(columns, [['a', '', '1', 'some long text']], 20, same)).toEqual(['NAME  N  TEXT', 'a     1  some long …']);
    expect(table(columns, [['a', '', '1', 'some long text']], 5, same)[1]).toBe('a     1  some lo…');
    expect(table(columns, [], 80, same)).toEqual([]);
  });
});
