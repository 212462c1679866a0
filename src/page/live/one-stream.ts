// The one connection of this tab. It goes on where it was cut, rests while nobody looks, and gives up when we are signed out.
import { effect, signal } from '@preact/signals';
import type { ServerSent } from './server-sent.ts';
import { createReader } from './server-sent.ts';
import { isSignedOut } from './session.ts';

/** What the connection is for at the moment. */
export type Source = {
  /** After `/api/v1/`. */
  readonly path: string;
  /** Id of the last message; `null`: none yet. The next connection goes on after it. */
  lastId: string | null;
  /** Not yet: where to begin is being found out. */
  isReady: boolean;
  /** `isNew`: what happened before is not known. */
  opened(isNew: boolean): void;
  take(message: ServerSent): void;
};

export type Connection = 'connecting' | 'live' | 'resting' | 'waiting' | 'signed-out';
export const connection = signal<Connection>('connecting');

const HIDDEN_MS = 30_000;
/** The server sends a comment every 15 seconds; a connection that is silent for longer than three of them is dead. */
const SILENT_MS = 50_000;
/** After a connection that has brought something: it was cut, and nobody is to blame. */
const CUT_WAIT_MS = 200;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;

let source: Source | null = null;
let hasStarted = false;
let controller: AbortController | null = null;
let waitMs = FIRST_WAIT_MS;
let timer: ReturnType<typeof setTimeout> | undefined;
let hiddenTimer: ReturnType<typeof setTimeout> | undefined;

/** True as long as the tab has been hidden for so long that it holds no connection. */
export const isResting = signal(false);

export function startStream(): void {
  hasStarted = true;
  document.addEventListener('visibilitychange', onVisibility);
  window.addEventListener('online', reconnectNow);
  effect(() => {
    if (isSignedOut.value) rest('signed-out');
    else reconnectNow();
  });
}

/** From now on the connection is for this. */
export function turnTo(next: Source): void {
  source = next;
  controller?.abort();
  controller = null;
  if (hasStarted) reconnectNow();
}

/** Is the connection for this now? */
export const isTurnedTo = (one: Source): boolean => source === one;

function onVisibility(): void {
  clearTimeout(hiddenTimer);
  if (document.hidden) {
    hiddenTimer = setTimeout(() => {
      isResting.value = true;
      if (!isSignedOut.peek()) rest('resting');
    }, HIDDEN_MS);
    return;
  }
  isResting.value = false;
  if (controller === null) reconnectNow();
}

function rest(state: Connection): void {
  clearTimeout(timer);
  controller?.abort();
  controller = null;
  connection.value = state;
}

function reconnectNow(): void {
  if (isSignedOut.peek() || document.hidden || source?.isReady !== true) return;
  clearTimeout(timer);
  controller?.abort();
  controller = new AbortController();
  void run(controller, source);
}

/** One connection, from its beginning to its end; plans the next one. */
async function run(own: AbortController, of: Source): Promise<void> {
  let hasBrought = false;
  if (connection.peek() !== 'live') connection.value = 'connecting';
  let silence: ReturnType<typeof setTimeout> | undefined;
  const alive = (): void => {
    clearTimeout(silence);
    silence = setTimeout(() => own.abort(), SILENT_MS);
  };
  try {
    alive();
    const isNew = of.lastId === null;
    const headers = of.lastId === null ? {} : { 'last-event-id': of.lastId };
    const response = await fetch(`/api/v1/${of.path}`, { headers, signal: own.signal, cache: 'no-store' });
    if (response.status === 401 || response.status === 403) {
      isSignedOut.value = true;
      return;
    }
    if (!response.ok || response.body === null) throw new Error(`status ${response.status}`);
    connection.value = 'live';
    waitMs = FIRST_WAIT_MS;
    of.opened(isNew);
    const decoder = new TextDecoder();
    const read = createReader();
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || own.signal.aborted) break;
      alive();
      for (const message of read(decoder.decode(value, { stream: true }))) {
        if (message.id !== null) of.lastId = message.id;
        of.take(message);
        hasBrought = true;
      }
    }
  } catch {
    // Cut, or not there: tried again below.
  } finally {
    clearTimeout(silence);
  }
  if (controller !== own) return;
  controller = null;
  if (isSignedOut.peek() || document.hidden) return;
  // Between half and the whole of the time, so that a thousand tabs do not come back together.
  timer = setTimeout(reconnectNow, (hasBrought ? CUT_WAIT_MS : waitMs) * (0.5 + Math.random() / 2));
  if (hasBrought) return;
  connection.value = 'waiting';
  waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 2);
}
