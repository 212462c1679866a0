// What a deployment waits for, in the words and the time zone of the person at the terminal.
import { visibleLine } from '../core/escape.ts';
import type { WaitView } from '../core/views.ts';

/** `waits until 22:00`, `waits until 2026-11-23 02:00`; `null`: `waits its turn`. */
export function waitWords(wait: WaitView | null, now: number = Date.now()): string {
  if (wait === null) return 'waits its turn';
  switch (wait.kind) {
    case 'time':
      return `waits until ${localTime(wait.until, now)}`;
    case 'approval':
      return `${visibleLine(wait.text)} by ${wait.by.map(visibleLine).join(', ')}, until ${localTime(wait.until, now)}`;
    default:
      return wait satisfies never;
  }
}

const DAY_MS = 86_400_000;

/** Time of the day, with the date before it where that is not clear; local time. */
export function localTime(iso: string, now: number): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return visibleLine(iso);
  const two = (number: number): string => String(number).padStart(2, '0');
  const time = `${two(at.getHours())}:${two(at.getMinutes())}`;
  const isNear = Math.abs(at.getTime() - now) < DAY_MS;
  return isNear ? time : `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}`;
}
