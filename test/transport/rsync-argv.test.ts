// rsync's argument list: never through a shell, and never with what harms hard-linked releases.
import { expect, test } from '@jest/globals';
import { exactPattern, rsyncCommand } from '../../src/transport/rsync-argv.ts';

const local = { rsh: null };

test('a listed transfer takes its list from standard input, and writes every listed file anew', () => {
  const { file, args } = rsyncCommand({ carrier: local, source: '/a b', destination: '/srv/x;id', kind: 'listed' });
  expect(file).toBe('rsync');
  expect(args).toEqual([
    '-lptOWsdI',
    '--from0',
    '--chmod=D755',
    '--stats',
    '--no-human-readable',
    '--timeout=60',
    '--files-from=-',
    '--',
    '/a b/',
    '/srv/x;id/',
  ]);
});

test('a mirrored transfer compares by content and deletes what does not belong', () => {
  const { args } = rsyncCommand({ carrier: { rsh: ['sh', '/opt/my app/rsh.sh', 'x'] }, source: '/a', destination: '/b', kind: 'mirrored' });
  expect(args).toContain('-lptOWsrcz');
  expect(args).toContain('--delete');
  expect(args).toContain('--exclude-from=-');
  expect(args).toContain('--rsh=sh "/opt/my app/rsh.sh" x');
  expect(args.at(-1)).toBe('server:/b/');
});

test('what would write into shared files, or follow links, is never used', () => {
  for (const kind of ['listed', 'mirrored'] as const) {
    const { args } = rsyncCommand({ carrier: { rsh: ['ssh'] }, source: '/a', destination: '/b', kind });
    const [letters = ''] = args;
    expect(letters).not.toMatch(/[LKaogDHu]/);
    expect(args.join(' ')).not.toMatch(/inplace|size-only|missing-args|link-dest|copy-unsafe|append|insecure/);
  }
});

test('a pattern means exactly one path', () => {
  expect(exactPattern('var/uploads')).toBe('/var/uploads');
  expect(exactPattern('a*b')).toBe('/a\\*b');
  expect(exactPattern('back\\slash')).toBe('/back\\slash');
  expect(exactPattern('back\\slash[x]')).toBe('/back\\\\slash\\[x\\]'.replace('\\]', ']'));
});
