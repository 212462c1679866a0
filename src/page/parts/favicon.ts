// The title and the icon of the tab carry the state, so that a glance at the tabs is enough.
import type { Tone } from '../live/words.ts';
import bad from '../icons/bad.svg?url';
import ok from '../icons/ok.svg?url';
import run from '../icons/run.svg?url';
import warn from '../icons/warn.svg?url';

const ICONS: Readonly<Record<Tone, string>> = { ok, run, wait: run, warn, bad, hold: warn, idle: ok };
const MARKS: Readonly<Record<Tone, string>> = { ok: '', run: '◐ ', wait: '◌ ', warn: '▲ ', bad: '✕ ', hold: '■ ', idle: '' };

export function showInTab(tone: Tone, text: string): void {
  document.title = `${MARKS[tone]}${text} · Lockstep`;
  let link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  if (link === null) {
    link = document.createElement('link');
    link.rel = 'icon';
    link.type = 'image/svg+xml';
    document.head.append(link);
  }
  if (link.getAttribute('href') !== ICONS[tone]) link.setAttribute('href', ICONS[tone]);
}
