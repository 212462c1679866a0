// Findings of `doctor` and `check --servers`: ok, warn or fail, and what to do.
import { visibleLine } from '../core/escape.ts';
import type { Output } from './output.ts';
import { addFailure } from './same-failure.ts';
import type { FailureGroup } from './same-failure.ts';
import { count, someNames } from './words.ts';

export type Check = {
  readonly name: string;
  /** Findings about servers of one cluster are told together where they say the same; `null`: told alone. */
  readonly group: { readonly cluster: string; readonly server: string } | null;
  readonly state: 'ok' | 'warn' | 'fail';
  readonly message: string;
  readonly remedy: string | null;
};

export const hasFailed = (checks: readonly Check[]): boolean => checks.some(({ state }) => state === 'fail');

/** One line each, the remedy below it; then how many there were of each. */
export function checkLines(checks: readonly Check[], output: Output): string[] {
  const lines: string[] = [];
  const told = together(checks);
  const longest = Math.min(24, Math.max(0, ...told.map(({ name }) => name.length)));
  for (const { name, state, message, remedy } of told) {
    const { glyph, paint } = mark(state, output);
    lines.push(`${paint(`${glyph} ${state.padEnd(4)}`)}  ${visibleLine(name).padEnd(longest)}  ${visibleLine(message)}`);
    if (remedy !== null && state !== 'ok') lines.push(`        → ${visibleLine(remedy)}`);
  }
  const tally = (['ok', 'warn', 'fail'] as const).map((state) => `${checks.filter((one) => one.state === state).length} ${state}`);
  return [...lines, '', tally.join(', ')];
}

function mark(state: Check['state'], { palette }: Output): { glyph: string; paint: (text: string) => string } {
  if (state === 'ok') return { glyph: '✓', paint: palette.good };
  return state === 'warn' ? { glyph: '!', paint: palette.busy } : { glyph: '✗', paint: palette.bad };
}

function together(checks: readonly Check[]): Check[] {
  const groups = new Map<string, { first: Check; cluster: string; same: Map<string, FailureGroup> }>();
  const order: (Check | string)[] = [];
  for (const check of checks) {
    if (check.group === null) {
      order.push(check);
      continue;
    }
    const { cluster, server } = check.group;
    const same = new Map<string, FailureGroup>();
    const key = JSON.stringify([cluster, check.state, addFailure(new Map(), { server, message: check.message }).key]);
    const group = groups.get(key) ?? { first: check, cluster, same };
    if (!groups.has(key)) order.push(key);
    addFailure(group.same, { server, message: check.message });
    groups.set(key, group);
  }
  return order.map((one) => {
    if (typeof one !== 'string') return one;
    const group = groups.get(one);
    const [servers] = group?.same.values() ?? [];
    if (group === undefined || servers === undefined) throw new Error('a group without servers');
    if (servers.servers.length === 1) return group.first;
    const names = someNames(servers.servers).replace(/ \(\d+ in all\)$/, '');
    return { ...group.first, name: `${count(servers.servers.length, 'server')} of ${group.cluster} (${names})`, message: servers.message };
  });
}
