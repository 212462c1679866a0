// Differences between a release and its manifest, read from lines of the two trees.
import type { Differences } from './channel.ts';
import { visibleLine } from './escape.ts';
import type { Finding } from './drift.ts';

/** One path. `what` says how it changed. */
export type Difference = { readonly kind: 'changed' | 'added' | 'missing'; readonly path: string; readonly what: string };

type Entry = { readonly type: string; readonly mode: string; readonly size: string; readonly mtime: string; readonly target: string };
type Pair = { wanted?: Entry; found?: Entry };

/** A tab: found on the server; none: wanted there. Then type, mode, size, time (`-` for all but files) and path, for links with target. */
const LINE = /^(\t?)([fdlcu?]) (\S+) (\S+) (\S+) ([\s\S]+)$/;

/** In the order of the lines. What lies below an added or missing directory is not named again. */
export function differencesOf({ lines }: Pick<Differences, 'lines'>): Difference[] {
  const differences: Difference[] = [];
  let whole: string | null = null;
  for (const [path, pair] of pairsOf(lines)) {
    if (whole !== null && path.startsWith(whole)) continue;
    const difference = differenceOf(path, pair);
    const isDirectory = (pair.found ?? pair.wanted)?.type === 'd';
    whole = isDirectory && difference.kind !== 'changed' ? `${path}/` : null;
    differences.push(isDirectory ? { ...difference, path: `${path}/` } : difference);
  }
  return differences;
}

function pairsOf(lines: readonly string[]): Map<string, Pair> {
  const pairs = new Map<string, Pair>();
  for (const line of lines) {
    const [, tab, type = '', mode = '', size = '', mtime = '', rest = ''] = LINE.exec(line) ?? [];
    const arrow = type === 'l' ? rest.lastIndexOf(' -> ') : -1;
    const path = arrow < 0 ? rest : rest.slice(0, arrow);
    const pair = pairs.get(path) ?? {};
    pair[tab === '' ? 'wanted' : 'found'] = { type, mode, size, mtime, target: arrow < 0 ? '' : rest.slice(arrow + 4) };
    pairs.set(path, pair);
  }
  return pairs;
}

const TYPES: Readonly<Record<string, string>> = { f: 'a file', d: 'a directory', l: 'a link', '?': 'no file, directory or link' };

function differenceOf(path: string, { wanted, found }: Pair): Difference {
  if (found === undefined) return { kind: 'missing', path, what: '' };
  if (found.type === 'c') return { kind: 'changed', path, what: 'content' };
  if (found.type === 'u') return { kind: 'changed', path, what: 'it cannot be read' };
  if (wanted === undefined) return { kind: 'added', path, what: '' };
  return { kind: 'changed', path, what: changeOf(wanted, found) };
}

function changeOf(wanted: Entry, found: Entry): string {
  if (wanted.type !== found.type) return `it is ${TYPES[found.type] ?? 'something else'} now`;
  if (wanted.target !== found.target) return `it points to ${found.target}`;
  const changes: string[] = [];
  if (wanted.size !== found.size) changes.push(`size ${wanted.size} → ${found.size}`);
  if (wanted.mode !== found.mode) changes.push(`mode ${wanted.mode} → ${found.mode}`);
  // A new size says that it was written; the time says no more then.
  if (wanted.size === found.size && wanted.mtime !== found.mtime) changes.push('time');
  return changes.join(', ');
}

/** `changed lib/cart.php (size 10 → 12)`. Names are made safe to show. */
export const differenceText = ({ kind, path, what }: Difference): string =>
  visibleLine(`${kind} ${path}${what === '' ? '' : ` (${what})`}`).slice(0, 500);

/** At most `most` paths, one finding each, then how many more there are. */
export function differenceFindings(found: Differences, most: number): Finding[] {
  const all = differencesOf(found);
  const shown = all.slice(0, most);
  const more = Math.max(0, found.total - pairsOf(found.lines).size) + all.length - shown.length;
  const findings = shown.map((one): Finding => ({ kind: one.kind, isDrift: true, text: differenceText(one) }));
  return more === 0 ? findings : [...findings, { kind: 'files', isDrift: true, text: `and ${more} more` }];
}

/** For one line: `changed index.php (time), added x.php, and 3 more`. */
export function differencesInShort(found: Differences, most: number): string {
  return differenceFindings(found, most)
    .map(({ text }) => text)
    .join(', ');
}
