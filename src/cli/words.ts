// Small things said the same way everywhere: times, durations, revisions, commits.
import { visibleLine } from '../core/escape.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `3 h ago`. `at` is ISO 8601; what lies in the future (clocks differ) is `just now`. */
export function ago(at: string, now: number = Date.now()): string {
  const past = now - Date.parse(at);
  if (Number.isNaN(past)) return visibleLine(at);
  if (past < 5 * SECOND) return 'just now';
  if (past < MINUTE) return `${Math.floor(past / SECOND)} s ago`;
  if (past < HOUR) return `${Math.floor(past / MINUTE)} min ago`;
  if (past < 2 * DAY) return `${Math.floor(past / HOUR)} h ago`;
  return `${Math.floor(past / DAY)} days ago`;
}

/** `2026-03-01 12:03:04 UTC`. */
export function absolute(at: string): string {
  const time = Date.parse(at);
  return Number.isNaN(time) ? visibleLine(at) : `${new Date(time).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** `0.4 s`, `12 s`, `3 min 20 s`, `1 h 5 min`. */
export function duration(ms: number): string {
  const time = Math.max(0, ms);
  if (time < 9950) return `${(time / SECOND).toFixed(1)} s`;
  const seconds = Math.round(time / SECOND);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min${seconds % 60 === 0 ? '' : ` ${seconds % 60} s`}`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h${minutes % 60 === 0 ? '' : ` ${minutes % 60} min`}`;
}

/** Time between two ISO 8601 times in ms; `to` null: until now. `null`: not known. */
export function between(from: string | null, to: string | null, now: number = Date.now()): number | null {
  if (from === null) return null;
  const time = (to === null ? now : Date.parse(to)) - Date.parse(from);
  return Number.isNaN(time) ? null : Math.max(0, time);
}

/** Git: the first seven digits. Subversion: `r123`. */
export function shortRevision(revision: string): string {
  if (/^[0-9a-f]{40,64}$/.test(revision)) return revision.slice(0, 7);
  return /^\d+$/.test(revision) ? `r${revision}` : visibleLine(revision);
}

/** The first line of a commit's message. */
export function subject(message: string): string {
  return visibleLine(message.trimStart().split(/\r?\n|\r/, 1)[0] ?? '');
}

/** `1a2b3c4 “Fix the cart” by Ann`, as much of it as is known. */
export function commitLine(commit: { revision: string; message: string | null; author: string | null }): string {
  const said = commit.message === null || commit.message.trim() === '' ? '' : ` “${subject(commit.message)}”`;
  return `${shortRevision(commit.revision)}${said}${commit.author === null ? '' : ` by ${visibleLine(commit.author)}`}`;
}

/** `1 server`, `5 servers`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** `web1, web2, web3, … (900 in all)`. */
export function someNames(names: readonly string[], most = 3): string {
  const first = names.slice(0, most).map(visibleLine).join(', ');
  return names.length > most ? `${first}, … (${names.length} in all)` : first;
}

/** `850 B`, `12 kB`, `3.4 MB`. */
export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[unit] ?? ''}`;
}
