// Time as people read it: relative, with the absolute beside it. Everything that shows an age follows one clock.
import { signal } from '@preact/signals';

/** Milliseconds since 1970; moves on once a second. */
export const now = signal(Date.now());

export function startClock(): void {
  setInterval(() => {
    if (!document.hidden) now.value = Date.now();
  }, 1_000);
}

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
] as const;

/** `just now`, `12 s ago`, `3 min ago`, `5 d ago`; `in 2 h` for what is to come. */
export function ago(iso: string, at: number): string {
  const seconds = Math.round((at - Date.parse(iso)) / 1_000);
  if (Math.abs(seconds) < 5) return 'just now';
  const [unit, length] = UNITS.find(([, one]) => Math.abs(seconds) >= one) ?? (['s', 1] as const);
  const count = Math.floor(Math.abs(seconds) / length);
  return seconds < 0 ? `in ${count} ${unit}` : `${count} ${unit} ago`;
}

/** `12 ms`, `3.4 s`, `2 min 5 s`, `1 h 3 min`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = ms / 1_000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

let medium: Intl.DateTimeFormat | null = null;

/** In the reader's own zone, then in UTC. */
export function absolute(iso: string): string {
  const date = new Date(iso);
  return `${(medium ??= new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })).format(date)} (${iso.replace(/\.\d+Z$/, 'Z')})`;
}
