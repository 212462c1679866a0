// The glyphs of the page, drawn in 16 × 16 with one stroke. They are pictures beside words, never instead of them.
import type { Tone } from '../live/words.ts';

const PATHS = {
  ok: 'M3.5 8.5l3 3 6-7',
  run: 'M8 2a6 6 0 1 1-6 6M8 5v3l2 2',
  wait: 'M8 2.5v0M12 4v0M13.5 8v0M12 12v0M8 13.5v0M4 12v0M2.5 8v0M4 4v0',
  warn: 'M8 2.5l6 11H2zM8 6.5v3.2M8 11.8v0',
  bad: 'M4 4l8 8M12 4l-8 8',
  hold: 'M4.5 7.5h7v6h-7zM6 7.5V5a2 2 0 0 1 4 0v2.5',
  idle: 'M3.5 8h9',
  search: 'M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9M10.4 10.4L14 14',
  moon: 'M13 9.5A5.5 5.5 0 1 1 6.5 3a4.5 4.5 0 0 0 6.5 6.5z',
  sun: 'M8 5.2a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6M8 1.2v1.5M8 13.3v1.5M1.2 8h1.5M13.3 8h1.5M3.2 3.2l1 1M11.8 11.8l1 1M3.2 12.8l1-1M11.8 4.2l1-1',
  back: 'M6 3.5L2.5 7 6 10.5M2.5 7H10a3.5 3.5 0 0 1 0 7H7',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  play: 'M5 3l8 5-8 5z',
  skip: 'M3.5 3.5l5 4.5-5 4.5zM11.5 3.5v9',
  up: 'M8 13V3M4 7l4-4 4 4',
  branch: 'M4.5 4.5v7M4.5 4.5a1.3 1.3 0 1 0 0-.1M4.5 12.8a1.3 1.3 0 1 0 0-.1M11.5 5.8a1.3 1.3 0 1 0 0-.1M11.5 6c0 3-7 1.5-7 4.5',
  down: 'M8 3v8M4.5 7.5L8 11l3.5-3.5M3 14h10',
  bell: 'M8 2.5a4 4 0 0 1 4 4c0 3 1.5 4.5 1.5 4.5h-11S4 9.5 4 6.5a4 4 0 0 1 4-4M6.7 13.5a1.4 1.4 0 0 0 2.6 0',
  next: 'M6 3.5L10.5 8 6 12.5',
} as const;

export type IconName = keyof typeof PATHS;

export const Icon = ({ name }: { readonly name: IconName }) => (
  <svg class={`icon icon-${name}`} viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
    <path d={PATHS[name]} fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" />
  </svg>
);

/** A state: its glyph, its word, its colour. */
export const Pill = ({ tone, word }: { readonly tone: Tone; readonly word: string }) => (
  <span class={`pill tone-${tone}`}>
    <Icon name={tone} />
    {word}
  </span>
);
