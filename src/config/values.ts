// The small languages inside the configuration's strings: durations, failure budgets, paths, server ranges.
import { isIP } from 'node:net';
import type { FailureBudget } from '../core/cluster.ts';

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Longest duration: Node's timers end at 2^31 - 1 ms. */
export const LONGEST_MS = 24 * UNITS.d;

export const DURATION = /^\d{1,9}(\.\d{1,3})?(ms|s|m|h|d)$/;

/** `"90s"` → 90000. The text matches DURATION. */
export function parseDuration(text: string): number {
  const unit = /[a-z]+$/.exec(text)?.[0] as keyof typeof UNITS;
  return Math.round(Number.parseFloat(text) * UNITS[unit]);
}

export const PERCENT = /^(100|\d{1,2}(\.\d{1,3})?)%$/;

/** `2` → two servers; `"5%"` → five percent of the cluster. Text matches PERCENT. */
export function parseFailureBudget(value: number | string): FailureBudget {
  return typeof value === 'number' ? { servers: value } : { percent: Number.parseFloat(value) };
}

/** Control characters would forge lines in logs and in the answers of servers. */
export function hasControlCharacter(text: string): boolean {
  return /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(text);
}

/** What is wrong with a path inside a release or an export (`var/uploads/`, `dist`), or `null`. */
export function relativePathProblem(path: string): string | null {
  if (path === '') return 'is empty';
  if (hasControlCharacter(path)) return 'has a control character';
  if (path.startsWith('/')) return 'must be relative, without a slash at its beginning';
  const parts = path.replace(/\/+$/, '').split('/');
  if (parts.some((part) => part === '..' || part === '.' || part === '')) return 'must not hold "..", "." or empty segments';
  return null;
}

export const withoutSlash = (path: string): string => path.replace(/\/+$/, '');

/** What is wrong with the path of a server, or `null`. Relative ones (`./var/site`) are resolved by the caller. */
export function serverPathProblem(path: string): string | null {
  if (hasControlCharacter(path)) return 'has a control character';
  if (path.split('/').includes('..')) return 'must not hold ".."';
  if (/^\/+$/.test(path)) return 'must not be the root directory';
  return null;
}

/** `//srv//shop/./x/` → `/srv/shop/x`: two spellings of one directory become one. The path is absolute, without `..`. */
export function tidyPath(path: string): string {
  return `/${path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')}`;
}

/** `192.30.252.0/22`, `2606:50c0::/32`, or one address. */
export function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || address.includes('%') || rest.length > 0) return false;
  return bits === undefined || (/^(0|[1-9]\d{0,2})$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

/** More servers in one range are a slip of the keyboard. */
export const LARGEST_RANGE = 10_000;

/** `web[08-11].example.org` → four names, as wide as the first number is written. Text without a range stands for itself. */
export function expandRange(text: string): { readonly names: readonly string[] } | { readonly problem: string } {
  const match = /\[(\d{1,9})-(\d{1,9})\]/.exec(text);
  if (match === null) return { names: [text] };
  const [whole, from = '', to = ''] = match;
  const before = text.slice(0, match.index);
  const after = text.slice(match.index + whole.length);
  if (/\[\d+-\d+\]/.test(after)) return { problem: 'has two ranges; one is allowed' };
  const [first, last] = [Number(from), Number(to)];
  if (last < first) return { problem: `has the range ${whole}, which ends before it begins` };
  if (last - first >= LARGEST_RANGE) return { problem: `has the range ${whole}; at most ${LARGEST_RANGE} servers are allowed` };
  return { names: Array.from({ length: last - first + 1 }, (_, i) => `${before}${String(first + i).padStart(from.length, '0')}${after}`) };
}
