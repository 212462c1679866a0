// The compact feed of one deployment: what each server began, finished or failed, as numbers, at most ten times a second.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Deployment } from '../core/deployment.ts';
import { DeployError } from '../core/errors.ts';
import type { Cell, CellsView } from '../core/insight.ts';
import type { Store } from '../core/ports.ts';
import type { EventFeed } from './event-feed.ts';
import type { Moment } from './event-window.ts';

/** Fast enough for the eye; a change costs its share of one message. */
const INTERVAL_MS = 100;
/** A reader that has so much to catch up with gets the next piece at once. */
const LARGE_PIECE = 250;

const STATES = { started: 1, finished: 2, failed: 3 } as const;

export type CellTools = {
  readonly feed: EventFeed;
  readonly store: Store;
};

/** Rejects with `not-found`. Ends after the piece that says `ended`, or when `signal` aborts. */
export async function* cellFeed(tools: CellTools, number: number, after: number, signal: AbortSignal): AsyncGenerator<CellsView> {
  const { feed } = tools;
  const found = await feed.deployment(number);
  if (found === null) throw new DeployError('not-found', `there is no deployment ${number}; see: lockstep history`);
  const wasOver = found.state === 'ended';
  // A deployment that ends in memory has not ended before that is durable: the feed knows when it is.
  const isOver = async (seen: number): Promise<boolean> =>
    wasOver
      ? (await tools.store.events({ after: seen, limit: 1, deployment: number })).length === 0
      : seen >= (feed.endOf(number) ?? Infinity);
  let stages = -1;
  const piece = (batch: readonly Moment[], id: number, ended: boolean): CellsView => {
    const isNew = found.course.length !== stages;
    stages = found.course.length;
    return { ...contentOf(batch, found.requestedAt), id, course: isNew ? courseOf(found) : null, ended };
  };

  if (await isOver(after)) {
    yield piece([], after, true);
    return;
  }
  if (after > 0) yield piece([], after, false);
  for await (const batch of feed.moments(number, after, signal)) {
    const last = batch.at(-1);
    if (last === undefined) continue;
    const ended = await isOver(last.number);
    for (const part of parted(batch)) {
      const { number: id } = part.at(-1) ?? last;
      yield piece(part, id, ended && id === last.number);
    }
    if (ended) return;
    if (batch.length < LARGE_PIECE) await sleep(untilTick(), undefined, { signal }).catch(() => undefined);
  }
}

/** All readers wake at the same ticks of the clock, and so are at the same place: what is sent to them is made once. */
const untilTick = (): number => INTERVAL_MS - (Date.now() % INTERVAL_MS);

const courseOf = ({ course }: Deployment): CellsView['course'] =>
  course.map(({ action, step, direction }) => ({ action, step, direction }));

const isCell = ({ type }: Moment): boolean => type in STATES;

const partsOf = new WeakMap<readonly Moment[], Moment[][]>();

/** Runs of cells and of other events: each becomes one message with its own id. */
function parted(batch: readonly Moment[]): Moment[][] {
  const known = partsOf.get(batch);
  if (known !== undefined) return known;
  const parts: Moment[][] = [];
  for (const moment of batch) {
    const part = parts.at(-1);
    if (part?.[0] !== undefined && isCell(part[0]) === isCell(moment)) part.push(moment);
    else parts.push([moment]);
  }
  partsOf.set(batch, parts);
  return parts;
}

type Content = Pick<CellsView, 'cells' | 'others'>;
const contents = new WeakMap<readonly Moment[], Content>();

function contentOf(batch: readonly Moment[], requestedAt: number): Content {
  const known = contents.get(batch);
  if (known !== undefined) return known;
  const cells: Cell[] = [];
  const others: string[] = [];
  for (const { type, stage, server, at } of batch) {
    if (type === 'started' || type === 'finished' || type === 'failed') {
      cells.push([server ?? -1, stage, STATES[type], at - requestedAt]);
    } else {
      others.push(type);
    }
  }
  const content = { cells, others };
  contents.set(batch, content);
  return content;
}
