// The event feed: durable events from any number on, first from the store, then live, without a gap and without doubles. All readers share one
// window of the newest events (event-window.ts), so that a slow one costs no memory: what has left the window it reads from the store.
import { eventView } from '../core/event-text.ts';
import type { Deployment } from '../core/deployment.ts';
import type { Listener, Store } from '../core/ports.ts';
import type { State } from '../core/state.ts';
import type { EventView } from '../core/views.ts';
import { createEventWindow, momentOf, PAGE } from './event-window.ts';
import type { Entry, Moment } from './event-window.ts';

export type FeedTools = {
  readonly store: Store;
  readonly subscribe: (listener: Listener) => () => void;
  readonly lastEvent: () => number;
  readonly state: State;
  /** The state of a deployment as its events have it; `null`: there is none. */
  readonly replay: (number: number) => Promise<Deployment | null>;
};

export type EventFeed = {
  /** Events with numbers above `after`, then new ones. Ends when `signal` aborts. */
  events(after: number, signal: AbortSignal): AsyncGenerator<readonly EventView[]>;
  /** A deployment as it is now: the running one, which changes in place, or a replay that readers share. `null`: there is none. */
  deployment(number: number): Promise<Deployment | null>;
  /** Number of the durable event that ended a deployment since the daemon started; `null`: it has not ended since. */
  endOf(deployment: number): number | null;
  /** Events of one deployment only, as numbers. A batch may be empty: nothing of the deployment was among the newest. */
  moments(deployment: number, after: number, signal: AbortSignal): AsyncGenerator<readonly Moment[]>;
};

const MOST_REPLAYED = 8;
const MOST_ENDS = 1_000;

/** Listens from now on, as long as the daemon lives. */
export function createEventFeed({ store, subscribe, lastEvent, state, replay }: FeedTools): EventFeed {
  const window = createEventWindow();
  let waiting = new Set<() => void>();
  const replayed = new Map<number, Promise<Deployment | null>>();
  const ends = new Map<number, number>();

  subscribe((published) => {
    window.add(published);
    for (const { recorded, deployment } of published) {
      if (deployment?.state === 'ended') noteEnd(deployment.number, recorded.number);
    }
    const woken = waiting;
    waiting = new Set();
    for (const wake of woken) wake();
  });

  function noteEnd(deployment: number, event: number): void {
    ends.set(deployment, event);
    const [oldest] = ends.keys();
    if (ends.size > MOST_ENDS && oldest !== undefined) ends.delete(oldest);
  }

  /** Nothing else runs between the last look and this call: an event cannot slip through. */
  function nextEvent(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        waiting.delete(wake);
        resolve();
      };
      waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
      if (signal.aborted) wake();
    });
  }

  /** Pages from the window or, through `stored`, from the store; `place` says how far a page went. */
  async function* pages<T>(
    after: number,
    signal: AbortSignal,
    live: (entries: readonly Entry[]) => readonly T[],
    stored: (after: number) => Promise<{ items: T[]; last: number }>,
  ): AsyncGenerator<readonly T[]> {
    let seen = after;
    while (!signal.aborted) {
      const entries = window.after(seen);
      if (entries === null && seen < lastEvent()) {
        const { items, last } = await stored(seen);
        seen = last;
        yield items;
      } else if (entries !== null && entries.length > 0) {
        seen = entries.at(-1)?.number ?? seen;
        yield live(entries);
      } else {
        await nextEvent(signal);
      }
    }
  }

  function deploymentNow(number: number): Promise<Deployment | null> {
    const running = state.deployments.get(number);
    if (running !== undefined) return Promise.resolve(running);
    // One that has ended changes no more.
    let one = replayed.get(number);
    if (one === undefined) {
      one = replay(number);
      one.catch(() => replayed.delete(number));
      replayed.set(number, one);
      const [oldest] = replayed.keys();
      if (replayed.size > MOST_REPLAYED && oldest !== undefined) replayed.delete(oldest);
    }
    return one;
  }

  async function viewsFrom(after: number): Promise<{ items: EventView[]; last: number }> {
    const page = await store.events({ after, limit: PAGE });
    const items: EventView[] = [];
    for (const recorded of page) {
      items.push(eventView(recorded, recorded.deployment === null ? null : await deploymentNow(recorded.deployment)));
    }
    return { items, last: page.at(-1)?.number ?? lastEvent() };
  }

  async function momentsFrom(deployment: number, after: number): Promise<{ items: Moment[]; last: number }> {
    // Asked before the page: what is recorded meanwhile comes with the next one.
    const until = lastEvent();
    const page = await store.events({ after, limit: PAGE, deployment });
    return {
      items: page.map(momentOf),
      last: page.length < PAGE ? Math.max(until, page.at(-1)?.number ?? 0) : (page.at(-1)?.number ?? until),
    };
  }

  return {
    deployment: deploymentNow,
    endOf: (deployment) => ends.get(deployment) ?? null,
    events: (after, signal) => pages(after, signal, window.views, viewsFrom),
    moments: (deployment, after, signal) =>
      pages(
        after,
        signal,
        (entries) => window.ofDeployment(deployment, entries),
        (seen) => momentsFrom(deployment, seen),
      ),
  };
}
