// What happens anywhere, as it happens: what most screens listen to. A deployment's screen has a stream of its own meanwhile.
import { batch } from '@preact/signals';
import type { EventView } from '../../core/views.ts';
import { isTurnedTo, turnTo } from './one-stream.ts';
import type { Source } from './one-stream.ts';

export type Listener = {
  /** Events in order, as many as came together. */
  readonly onEvents: (events: readonly EventView[]) => void;
  /** Something may have been missed: ask for the state anew. */
  readonly onResync: () => void;
};

/** Changes are shown at most ten times a second. */
const TOGETHER_MS = 100;

const listeners = new Set<Listener>();
let pending: EventView[] = [];
let flushTimer: ReturnType<typeof setTimeout> | undefined;

const everything: Source = {
  path: 'events',
  lastId: null,
  isReady: true,
  opened(isNew) {
    if (isNew) resync();
  },
  take({ event, data }) {
    if (event === 'resync') resync();
    else takeEvent(JSON.parse(data) as EventView);
  },
};

/** Returns what ends it. */
export function listen(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The tab's connection is for this, from now on. What was missed while it was not is not told: listeners ask for the state anew. */
export function listenToEverything(): void {
  if (isTurnedTo(everything)) return;
  everything.lastId = null;
  turnTo(everything);
}

function takeEvent(event: EventView): void {
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
