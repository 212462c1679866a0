// The keyboard: letters that go somewhere or move through rows. No key changes anything by itself.
import { signal } from '@preact/signals';
import { isDialogOpen } from './dialog.tsx';
import { go } from '../live/location.ts';

export const isHelpOpen = signal(false);

const PLACES: Readonly<Record<string, string>> = { o: '/', q: '/queue', d: '/deliveries', s: '/statistics', a: '/audit' };
const SEQUENCE_MS = 1_200;

let isAfterG = false;
let timer: ReturnType<typeof setTimeout> | undefined;

export function startKeyboard(): void {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isDialogOpen()) return;
    const target = event.target as HTMLElement;
    const isTyping = target.matches('input, textarea, select, [contenteditable]');
    if (event.key === 'Escape') {
      if (isHelpOpen.peek()) isHelpOpen.value = false;
      else if (isTyping) target.blur();
      return;
    }
    if (isTyping || !isKnown(event.key)) return;
    event.preventDefault();
  });
}

/** Does what the key is for; `false`: it is for nothing here. */
function isKnown(key: string): boolean {
  const place = isAfterG ? PLACES[key] : undefined;
  isAfterG = false;
  clearTimeout(timer);
  if (place !== undefined) {
    go(place);
    return true;
  }
  switch (key) {
    case 'g':
      isAfterG = true;
      timer = setTimeout(() => (isAfterG = false), SEQUENCE_MS);
      return true;
    case '?':
      isHelpOpen.value = !isHelpOpen.peek();
      return true;
    case '/':
      return focusOn('[data-filter]');
    case '.':
      return focusOn('[data-actions] button, [data-actions] a');
    case 'j':
      return moveBy(1);
    case 'k':
      return moveBy(-1);
    default:
      return false;
  }
}

function focusOn(selector: string): boolean {
  const element = document.querySelector<HTMLElement>(selector);
  element?.focus();
  return element !== null;
}

/** Rows are what has `data-row`: a link or a button, which Enter opens. */
function moveBy(step: 1 | -1): boolean {
  const rows = [...document.querySelectorAll<HTMLElement>('[data-row]')];
  if (rows.length === 0) return false;
  const at = rows.findIndex((row) => row === document.activeElement);
  const next = rows[at < 0 ? (step === 1 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + step))];
  next?.focus();
  next?.scrollIntoView({ block: 'nearest' });
  return true;
}
