// The log of one deployment as it grows. Read in pieces, so that nothing else has to wait.
import { effect, signal } from '@preact/signals';
import type { Signal } from '@preact/signals';
import { ask } from './api.ts';
import { parseLine } from './log-lines.ts';
import type { LogLine } from './log-lines.ts';
import { isResting } from './one-stream.ts';
import { isSignedOut } from './session.ts';

export type LiveLog = {
  readonly lines: LogLine[];
  /** Rises when lines came. */
  readonly version: Signal<number>;
  /** Lines that are not kept because there are too many. */
  dropped: number;
  close(): void;
};

const MOST_LINES = 200_000;
const SHOWN_EVERY_MS = 150;
const RETRY_MS = 2_000;
/** At most so many lines are read in one go. */
const PIECE = 500;

export function openLog(number: number, names: readonly string[]): LiveLog {
  const indexOf = new Map(names.map((name, i) => [name, i]));
  const closed = new AbortController();
  const log: LiveLog = {
    lines: [],
    version: signal(0),
    dropped: 0,
    close: () => {
      unwatch();
      closed.abort();
    },
  };

  // However small the pieces are that come, lines are shown at most so often.
  let showing: ReturnType<typeof setTimeout> | undefined;
  const showSoon = (): void => {
    showing ??= setTimeout(() => {
      showing = undefined;
      log.version.value += 1;
    }, SHOWN_EVERY_MS);
  };

  const take = (text: string): void => {
    // A carriage return starts the line anew: progress bars are seen as they stand at last.
    const line = parseLine(text.slice(text.lastIndexOf('\r', text.length - 2) + 1), indexOf);
    if (log.lines.length < MOST_LINES) log.lines.push(line);
    else log.dropped += 1;
  };

  /** Resolves when the log has come to its end. Lines that are there already are passed over: the log is read from its beginning. */
  async function read(signal: AbortSignal): Promise<void> {
    let skip = log.lines.length + log.dropped;
    const response = await ask(`deployments/${number}/log?follow=1`, { signal });
    const reader = response.body?.getReader();
    const decoder = new TextDecoder();
    let rest = '';
    while (reader !== undefined) {
      const { done, value } = await reader.read();
      if (done) break;
      const lines = (rest + decoder.decode(value, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (let i = 0; i < lines.length; i += PIECE) {
        for (const line of lines.slice(i, i + PIECE)) {
          if (skip > 0) skip -= 1;
          else take(line);
        }
        showSoon();
        if (signal.aborted) return;
        if (lines.length > PIECE) await new Promise((resolve) => setTimeout(resolve));
      }
    }
  }

  async function readToEnd(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await read(signal);
        hasAll = true;
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  // Nobody looks at a hidden tab: it holds no connection.
  let hasAll = false;
  let reading: AbortController | null = null;
  const unwatch = effect(() => {
    const rests = isResting.value || isSignedOut.value;
    reading?.abort();
    reading = null;
    if (rests || hasAll || closed.signal.aborted) return;
    reading = new AbortController();
    void readToEnd(AbortSignal.any([reading.signal, closed.signal]));
  });
  return log;
}
