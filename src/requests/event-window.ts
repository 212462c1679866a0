// The newest events in memory, for all who follow them: as little of each as readers ask for.
import { eventView } from '../core/event-text.ts';
import type { Recorded } from '../core/event.ts';
import type { Listener } from '../core/ports.ts';
import type { EventView } from '../core/views.ts';

/** When which stage of which server began, ended or failed; `stage` is -1 for events that are of none. */
export type Moment = {
  readonly number: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly deployment: number | null;
  readonly type: Recorded['event']['type'];
  readonly stage: number;
  /** Index among the deployment's servers. */
  readonly server: number | null;
};

/** Without what the event found out, and without its deployment: some 200 bytes. */
export type Entry = Moment & Pick<EventView, 'cluster' | 'step' | 'text'> & { readonly serverName: string | null };

export type EventWindow = {
  add(published: Parameters<Listener>[0]): void;
  /** At most a page of entries above `after`. `null`: they have left the window, or have not come yet. Readers at one place get the very same list. */
  after(after: number): readonly Entry[] | null;
  /** A list from `after`, for people. */
  views(entries: readonly Entry[]): readonly EventView[];
  /** Those of a list from `after` that are of this deployment; the very same list for all who ask. */
  ofDeployment(deployment: number, entries: readonly Entry[]): readonly Moment[];
  /** Entries that are kept. */
  size(): number;
};

/** A deployment of 1,000 servers has some 24,000 events; a reader that is further behind than this reads from the store. */
export const WINDOW = 20_000;
/** Cut in large pieces: removing one entry at a time would move all others each time. */
const SURPLUS = 5_000;
/** So many events are read at a time, from here as from the store. */
export const PAGE = 1_000;
const MOST_LISTS = 50;

export function createEventWindow(): EventWindow {
  let window: Entry[] = [];
  const slices = new Map<string, readonly Entry[]>();
  const shown = new WeakMap<readonly Entry[], readonly EventView[]>();
  const lists = new Map<string, readonly Moment[]>();

  return {
    add(published) {
      for (const { recorded, deployment } of published) window.push(entryOf(recorded, eventView(recorded, deployment)));
      if (window.length <= WINDOW + SURPLUS) return;
      window = window.slice(-WINDOW);
      slices.clear();
      lists.clear();
    },
    after(after) {
      // Events come without gaps, so that a number is a place in the window.
      const first = window[0]?.number;
      if (first === undefined || after + 1 < first) return null;
      const from = after + 1 - first;
      const count = Math.min(PAGE, window.length - from);
      // Hundreds who watch are at the same place: they get the same list, not a copy each.
      return count <= 0 ? [] : kept(slices, `${after} ${count}`, () => window.slice(from, from + count));
    },
    views(entries) {
      let views = shown.get(entries);
      if (views === undefined) {
        views = entries.map(viewOf);
        shown.set(entries, views);
      }
      return views;
    },
    ofDeployment: (deployment, entries) =>
      kept(lists, `${deployment} ${entries[0]?.number ?? 0} ${entries.length}`, () =>
        entries.filter((entry) => entry.deployment === deployment),
      ),
    size: () => window.length,
  };
}

/** What was made for `key`, or is made now; the oldest is given up when there are too many. */
function kept<T>(lists: Map<string, readonly T[]>, key: string, make: () => readonly T[]): readonly T[] {
  let found = lists.get(key);
  if (found === undefined) {
    found = make();
    lists.set(key, found);
    const [oldest] = lists.keys();
    if (lists.size > MOST_LISTS && oldest !== undefined) lists.delete(oldest);
  }
  return found;
}

export const momentOf = ({ number, at, deployment, event }: Recorded): Moment => ({
  number,
  at,
  deployment,
  type: event.type,
  stage: 'stage' in event ? event.stage : -1,
  server: 'stage' in event ? event.server : null,
});

function entryOf(recorded: Recorded, { cluster, step, server: serverName, text }: EventView): Entry {
  const { number, at, deployment, type, stage, server } = momentOf(recorded);
  return { number, at, deployment, type, stage, server, cluster, step, serverName, text: whole(text) };
}

/** A text that was put together keeps all its pieces; twenty thousand of them would be some megabytes. */
const whole = (text: string): string => Buffer.from(text).toString();

function viewOf({ number, at, deployment, cluster, type, text, step, serverName }: Entry): EventView {
  return { id: number, at: new Date(at).toISOString(), deployment, cluster, type, text, step, server: serverName };
}
