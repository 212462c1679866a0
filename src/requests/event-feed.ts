// The event feed: durable events from any number on, first from the store, then live, without a gap and without doubles.
import { eventView } from '../core/event-text.ts';
import type { Deployment } from '../core/deployment.ts';
import type { Listener, Store } from '../core/ports.ts';
import type { EventView } from '../core/views.ts';

export type FeedTools = {
  readonly store: Store;
  readonly subscribe: (listener: Listener) => () => void;
  readonly lastEvent: () => number;
  /** The state of a deployment as its events have it; `null`: there is none. */
  readonly replay: (number: number) => Promise<Deployment | null>;
};

const PAGE = 1_000;
const MOST_REPLAYED = 50;

/** Ends when `signal` aborts. A reader that does not read makes the live part grow: the caller must drop slow ones. */
export async function* eventFeed(tools: FeedTools, after: number, signal: AbortSignal): AsyncGenerator<readonly EventView[]> {
  let live: EventView[] = [];
  let wake: () => void = () => undefined;
  const unsubscribe = tools.subscribe((published) => {
    for (const { recorded, deployment } of published) live.push(eventView(recorded, deployment));
    wake();
  });
  const onAbort = (): void => wake();
  signal.addEventListener('abort', onAbort);
  try {
    let seen = after;
    const until = tools.lastEvent();
    const known = new Map<number, Deployment | null>();
    while (seen < until && !signal.aborted) {
      const page = await pageOf(tools, seen, known);
      if (page.length === 0) break;
      seen = page.at(-1)?.id ?? seen;
      yield page;
    }
    while (!signal.aborted) {
      const fresh = live.filter((event) => event.id > seen);
      live = [];
      seen = fresh.at(-1)?.id ?? seen;
      if (fresh.length > 0) yield fresh;
      // Nothing else runs between this check and the promise: an event cannot slip through.
      if (live.length === 0 && !isAborted(signal)) await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    unsubscribe();
    signal.removeEventListener('abort', onAbort);
  }
}

const isAborted = (signal: AbortSignal): boolean => signal.aborted;

/** `deployments`: those replayed for the pages before; they hold all events up to the end of the stored part. */
async function pageOf({ store, replay }: FeedTools, after: number, deployments: Map<number, Deployment | null>): Promise<EventView[]> {
  if (deployments.size > MOST_REPLAYED) deployments.clear();
  const views: EventView[] = [];
  for (const recorded of await store.events({ after, limit: PAGE })) {
    const { deployment: number } = recorded;
    if (number !== null && !deployments.has(number)) deployments.set(number, await replay(number));
    views.push(eventView(recorded, number === null ? null : (deployments.get(number) ?? null)));
  }
  return views;
}
