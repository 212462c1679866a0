// A block of lines at the end of a terminal that is redrawn in place, without flicker, and leaves the terminal as it was.
import type { CommandStream } from './wiring.ts';

/** 10 Hz: quicker is not seen, and slow connections choke on it. */
const FRAME_MS = 100;
/** Elapsed times move on although nothing happens. */
const TICK_MS = 1000;

const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';

export type LiveBlock = {
  /** Something changed: the block is drawn soon. */
  change(): void;
  /** Writes text (ended by a newline) above the block. */
  above(text: string): void;
  /** Draws a last time if `keep`, else takes the block away; then the cursor is back. Idempotent. */
  end(keep: boolean): void;
};

/** `draw(width)` gives the lines; they must not be wider than `width`, or the terminal would wrap them and the block would creep. */
export function createLiveBlock(stream: CommandStream, draw: (width: number) => readonly string[]): LiveBlock {
  let drawn = 0;
  let lastAt = 0;
  let frame: NodeJS.Timeout | null = null;
  let isEnded = false;
  stream.write(HIDE_CURSOR);
  const tick = setInterval(() => change(), TICK_MS);

  /** Each line is overwritten and only its rest cleared, in a single write: nothing is ever seen empty. */
  function paint(text = ''): void {
    lastAt = Date.now();
    const lines = draw(Math.max(20, (stream.columns || 80) - 1)).slice(0, Math.max(3, (stream.rows || 24) - 1));
    const up = drawn === 0 ? '\r' : `\x1b[${drawn}A\r`;
    const printed = text === '' ? '' : `\x1b[J${text}`;
    stream.write(`${up}${printed}${lines.map((line) => `${line}\x1b[K\n`).join('')}\x1b[J`);
    drawn = lines.length;
  }

  function change(): void {
    if (isEnded || frame !== null) return;
    const wait = Math.max(0, lastAt + FRAME_MS - Date.now());
    frame = setTimeout(() => {
      frame = null;
      if (!isEnded) paint();
    }, wait);
  }

  return {
    change,
    above(text) {
      if (isEnded) stream.write(text);
      else paint(text);
    },
    end(keep) {
      if (isEnded) return;
      isEnded = true;
      clearInterval(tick);
      if (frame !== null) clearTimeout(frame);
      if (keep) paint();
      else if (drawn > 0) stream.write(`\x1b[${drawn}A\r\x1b[J`);
      stream.write(SHOW_CURSOR);
    },
  };
}
