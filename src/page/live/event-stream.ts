// The one event stream of this tab. It resumes where it was cut, rests while nobody looks, and gives up when we are signed out.
import { batch, effect, signal } from '@preact/signals';
import type { EventView } from '../../core/views.ts';
import { isSignedOut } from './session.ts';
import { createReader } from './server-sent.ts';

export type Listener = {
  /** Events in order, as many as came together. */
  readonly onEvents: (events: readonly EventView[]) => void;
  /** Something may have been missed: ask for the state anew. */
  readonly onResync: () => void;
};

export type Connection = 'connecting' | 'live' | 'resting' | 'waiting' | 'signed-out';
export const connection = signal<Connection>('connecting');

const HIDDEN_MS = 30_000;
/** The server sends a comment every 15 seconds; a connection that is silent for longer than three of them is dead. */
const SILENT_MS = 50_000;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;
/** Changes are shown at most ten times a second. */
const TOGETHER_MS = 100;

const listeners = new Set<Listener>();
let controller: AbortController | null = null;
/** `null`: no event seen yet. */
let lastId: string | null = null;
let waitMs = FIRST_WAIT_MS;
let timer: ReturnType<typeof setTimeout> | undefined;
let hiddenTimer: ReturnType<typeof setTimeout> | undefined;
let pending: EventView[] = [];
let flushTimer: ReturnType<typeof setTimeout> | undefined;

/** Returns what ends it. */
export function listen(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function startStream(): void {
  document.addEventListener('visibilitychange', onVisibility);
  window.addEventListener('online', reconnectNow);
  effect(() => {
    if (isSignedOut.value) rest('signed-out');
    else reconnectNow();
  });
}

function onVisibility(): void {
  clearTimeout(hiddenTimer);
  if (document.hidden) hiddenTimer = setTimeout(() => rest('resting'), HIDDEN_MS);
  else if (controller === null) reconnectNow();
}

function rest(state: Connection): void {
  clearTimeout(timer);
  controller?.abort();
  controller = null;
  connection.value = state;
}

function reconnectNow(): void {
  if (isSignedOut.peek() || document.hidden) return;
  clearTimeout(timer);
  controller?.abort();
  controller = new AbortController();
  void run(controller);
}

/** One connection, from its beginning to its end; plans the next one. */
async function run(own: AbortController): Promise<void> {
  if (connection.peek() !== 'live') connection.value = 'connecting';
  let silence: ReturnType<typeof setTimeout> | undefined;
  const alive = (): void => {
    clearTimeout(silence);
    silence = setTimeout(() => own.abort(), SILENT_MS);
  };
  try {
    alive();
    const resumed = lastId !== null;
    const headers = lastId === null ? {} : { 'last-event-id': lastId };
    const response = await fetch('/api/v1/events', { headers, signal: own.signal, cache: 'no-store' });
    if (response.status === 401 || response.status === 403) {
      isSignedOut.value = true;
      return;
    }
    if (!response.ok || response.body === null) throw new Error(`status ${response.status}`);
    connection.value = 'live';
    waitMs = FIRST_WAIT_MS;
    if (!resumed) resync();
    const decoder = new TextDecoder();
    const read = createReader();
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      alive();
      for (const { event, id, data } of read(decoder.decode(value, { stream: true }))) {
        if (id !== null) lastId = id;
        if (event === 'resync') resync();
        else take(JSON.parse(data) as EventView);
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
  connection.value = 'waiting';
  // Between half and the whole of the time, so that a thousand tabs do not come back together.
  timer = setTimeout(reconnectNow, waitMs * (0.5 + Math.random() / 2));
  waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 2);
}

function take(event: EventView): void {
  pending.push(event);
  flushTimer ??= setTimeout(() => {
    const events = pending;
    pending = [];
    flushTimer = undefined;
    batch(() => {
      for (const listener of listeners) listener.onEvents(events);
    });
  }, TOGETHER_MS);
}

function resync(): void {
  batch(() => {
    for (const listener of listeners) listener.onResync();
  });
}
