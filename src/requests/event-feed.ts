// The event feed: durable events from any number on, first from the store, then live, without a gap and without doubles. All readers share one
// window of the newest events, so that a slow one costs no memory: what has left the window it reads from the store.
import { eventView } from '../core/event-text.ts';
import type { Deployment } from '../core/deployment.ts';
import type { Recorded } from '../core/event.ts';
import type { Listener, Store } from '../core/ports.ts';
import type { State } from '../core/state.ts';
import type { EventView } from '../core/views.ts';

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
  /** Events as they were recorded, of one deployment only. A batch may be empty: nothing of the deployment was among the newest. */
  recorded(deployment: number, after: number, signal: AbortSignal): AsyncGenerator<readonly Recorded[]>;
};

/** A deployment of 1,000 servers has some 24,000 events; a reader that is further behind than this reads from the store. */
const WINDOW = 20_000;
const PAGE = 1_000;
const MOST_REPLAYED = 8;
const MOST_ENDS = 1_000;
const MOST_LISTS = 50;

type Entry = { readonly recorded: Recorded; readonly view: EventView };

/** Listens from now on, as long as the daemon lives. */
export function createEventFeed({ store, subscribe, lastEvent, state, replay }: FeedTools): EventFeed {
  let window: Entry[] = [];
  let waiting = new Set<() => void>();
  const replayed = new Map<number, Promise<Deployment | null>>();
  const ends = new Map<number, number>();
  const lists = new Map<string, Recorded[]>();
  const slices = new Map<string, readonly Entry[]>();

  subscribe((published) => {
    for (const { recorded, deployment } of published) {
      window.push({ recorded: stripped(recorded), view: eventView(recorded, deployment) });
      if (deployment?.state === 'ended') noteEnd(deployment.number, recorded.number);
    }
    // Cut in large pieces: removing one entry at a time would move all others each time.
    if (window.length > 2 * WINDOW) window = window.slice(-WINDOW);
    const woken = waiting;
    waiting = new Set();
    for (const wake of woken) wake();
  });

  function noteEnd(deployment: number, event: number): void {
    ends.set(deployment, event);
    const [oldest] = ends.keys();
    if (ends.size > MOST_ENDS && oldest !== undefined) ends.delete(oldest);
  }

  /** Events come without gaps, so that a number is a place in the window. `null`: it is no longer, or not yet, there. */
  function inWindow(after: number): readonly Entry[] | null {
    const first = window[0]?.recorded.number;
    if (first === undefined || after + 1 < first) return null;
    const from = after + 1 - first;
    const count = Math.min(PAGE, window.length - from);
    if (count <= 0) return [];
    // Hundreds who watch are at the same place: they get the same list, not a copy each.
    const key = `${after} ${count}`;
    let found = slices.get(key);
    if (found === undefined) {
      found = window.slice(from, from + count);
      slices.set(key, found);
      const [oldest] = slices.keys();
      if (slices.size > MOST_LISTS && oldest !== undefined) slices.delete(oldest);
    }
    return found;
  }

  /** Readers that are at the same place get the very same list, and can share what they make of it. */
  function ofDeployment(deployment: number, entries: readonly Entry[]): Recorded[] {
    const key = `${deployment} ${entries[0]?.recorded.number ?? 0} ${entries.length}`;
    let found = lists.get(key);
    if (found === undefined) {
      found = entries.flatMap(({ recorded }) => (recorded.deployment === deployment ? [recorded] : []));
      lists.set(key, found);
      const [oldest] = lists.keys();
      if (lists.size > MOST_LISTS && oldest !== undefined) lists.delete(oldest);
    }
    return found;
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
    live: (entries: readonly Entry[]) => T[],
    stored: (after: number) => Promise<{ items: T[]; last: number }>,
  ): AsyncGenerator<readonly T[]> {
    let seen = after;
    while (!signal.aborted) {
      const entries = inWindow(seen);
      if (entries === null && seen < lastEvent()) {
        const { items, last } = await stored(seen);
        seen = last;
        yield items;
      } else if (entries !== null && entries.length > 0) {
        seen = entries.at(-1)?.recorded.number ?? seen;
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

  async function recordedFrom(deployment: number, after: number): Promise<{ items: Recorded[]; last: number }> {
    // Asked before the page: what is recorded meanwhile comes with the next one.
    const until = lastEvent();
    const page = await store.events({ after, limit: PAGE, deployment });
    return {
      items: page.map(stripped),
      last: page.length < PAGE ? Math.max(until, page.at(-1)?.number ?? 0) : (page.at(-1)?.number ?? until),
    };
  }

  return {
    deployment: deploymentNow,
    endOf: (deployment) => ends.get(deployment) ?? null,
    events: (after, signal) => pages(after, signal, (entries) => entries.map(({ view }) => view), viewsFrom),
    recorded: (deployment, after, signal) =>
      pages(
        after,
        signal,
        (entries) => ofDeployment(deployment, entries),
        (seen) => recordedFrom(deployment, seen),
      ),
  };
}

/** Without what an event found out: nobody asks the window for it, and commit messages and problems may be long. */
function stripped(recorded: Recorded): Recorded {
  return recorded.event.type === 'finished' && recorded.deployment !== null
    ? { ...recorded, event: { ...recorded.event, facts: {} } }
    : recorded;
}
