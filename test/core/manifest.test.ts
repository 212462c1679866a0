// Trees of releases, computed from sorted manifests: the same as told path by path, whatever the names.
import { expect, test } from '@jest/globals';
import type { ManifestEntry } from '../../src/core/artifact.ts';
import { compareBytes, difference, entryOf, merged, releaseTree } from '../../src/core/manifest.ts';
import type { SharedPath } from '../../src/core/cluster.ts';
import { random } from '../lab/hostile-names.js';

/** Around the slash, below and above it, and above U+FFFF, where UTF-16 has another order. */
const NAMES = ['a', 'a-', 'a.', 'a0', 'b', 'é', '\uffee', '𝒳'];

const sorted = (entries: readonly ManifestEntry[]): ManifestEntry[] =>
  [...entries].sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
const parentsOf = (path: string): string[] =>
  path
    .split('/')
    .slice(0, -1)
    .map((_, i, parts) => parts.slice(0, i + 1).join('/'));
const isBelow = (path: string, root: string): boolean => path === root || path.startsWith(`${root}/`);

/** A tree of files, links and the directories above them. */
function randomTree(next: (most: number) => number): ManifestEntry[] {
  const entries = new Map<string, ManifestEntry>();
  for (let i = next(12); i >= 0; i--) {
    const path = Array.from({ length: 1 + next(3) }, () => NAMES[next(NAMES.length)]).join('/');
    const isFree = ![...entries.values()].some(
      (entry) => entry.type !== 'directory' && (isBelow(path, entry.path) || isBelow(entry.path, path)),
    );
    if (!isFree || entries.has(path)) continue;
    for (const parent of parentsOf(path)) entries.set(parent, { type: 'directory', path: parent });
    if (next(4) === 0) entries.set(path, { type: 'link', path, target: String(next(2)) });
    else
      entries.set(path, {
        type: 'file',
        path,
        mode: next(2) === 0 ? 0o644 : 0o755,
        size: next(2),
        mtime: next(2),
        sha256: String(next(2)),
      });
  }
  return sorted([...entries.values()]);
}

const randomLinks = (next: (most: number) => number): SharedPath[] =>
  Array.from({ length: next(3) }, (_, i) => ({
    path: [`${NAMES[next(4)]}`, `${NAMES[4 + i]}`].slice(next(2)).join('/'),
    kind: 'directory',
  }));

test('what shared paths cover is left out, and the directories above them are there', () => {
  const next = random(1);
  for (let round = 0; round < 2_000; round++) {
    const entries = randomTree(next);
    const shared = randomLinks(next);
    const tree = releaseTree({ entries }, shared);
    const isCovered = ({ path }: ManifestEntry): boolean => shared.some((one) => isBelow(path, one.path));
    const kept = entries.filter((entry) => !isCovered(entry));
    const missing = new Set(shared.flatMap(({ path }) => parentsOf(path)).filter((path) => !kept.some((entry) => entry.path === path)));
    expect(tree.entries).toEqual(sorted([...kept, ...[...missing].map((path) => ({ type: 'directory', path }) as const)]));
    expect([...tree.covered].sort(compareBytes)).toEqual(entries.filter(isCovered).map(({ path }) => path));
  }
});

test('a shared path may cover more than a call takes arguments', () => {
  const entries = Array.from({ length: 300_000 }, (_, i) => ({ type: 'directory', path: `a/${String(i).padStart(6, '0')}` }) as const);
  const tree = releaseTree({ entries: [{ type: 'directory', path: 'a' }, ...entries] }, [{ path: 'a', kind: 'directory' }]);
  expect([tree.entries.length, tree.covered.length]).toEqual([0, 300_001]);
});

test('a difference removes what is gone or other, and sends what is new or other', () => {
  const next = random(2);
  for (let round = 0; round < 2_000; round++) {
    const [base, target] = [randomTree(next), randomTree(next)];
    const some = base.filter(() => next(2) === 0);
    const mixed = sorted([...some, ...target.filter(({ path }) => entryOf(some, path) === null)]);
    for (const entries of [target, mixed]) {
      const isSame = (entry: ManifestEntry): boolean => base.some((old) => JSON.stringify(old) === JSON.stringify(entry));
      const send = entries.filter((entry) => !isSame(entry));
      const remove = base.filter((old) => !entries.some((entry) => JSON.stringify(old) === JSON.stringify(entry)));
      const found = difference({ entries: base, links: [], covered: [] }, { entries, links: [], covered: [] });
      expect(found.send).toEqual(send);
      expect(found.remove).toEqual(remove.map(({ path }) => path).reverse());
      expect(found.bytes).toBe(send.reduce((sum, entry) => sum + (entry.type === 'file' ? entry.size : 0), 0));
    }
  }
});

test('two lists become one in byte order', () => {
  const next = random(3);
  for (let round = 0; round < 1_000; round++) {
    const all = randomTree(next);
    const some = all.filter(() => next(2) === 0);
    const others = all.filter((entry) => !some.includes(entry));
    expect(merged(some, others)).toEqual(all);
    for (const entry of others) expect([entryOf(all, entry.path), entryOf(some, entry.path)]).toEqual([entry, null]);
  }
});
