// What has just happened, in a sentence: shown for some seconds, and read out by screen readers.
import { signal } from '@preact/signals';

const SHOWN_MS = 8_000;
const sentence = signal('');
/** For screen readers only. */
const whisper = signal('');
let timer: ReturnType<typeof setTimeout> | undefined;

export function announce(text: string): void {
  sentence.value = text;
  clearTimeout(timer);
  timer = setTimeout(() => (sentence.value = ''), SHOWN_MS);
}

/** Steps of a deployment: said, but not shown, for they are seen anyway. */
export function say(text: string): void {
  whisper.value = text;
}

export const Announcer = () => (
  <>
    <div class="visually-hidden" role="status" aria-live="polite">
      {whisper.value}
    </div>
    <div class={`toast ${sentence.value === '' ? 'is-empty' : ''}`} role="status" aria-live="polite">
      {sentence.value}
    </div>
  </>
);
