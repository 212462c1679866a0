// A courier brings the parcels of one target: in order within a group, not too many a minute, again and later where it did not work.
import { problemOf } from '../core/errors.ts';
import { URGENT_STATES } from '../core/notice.ts';
import type { Outbox, Parcel } from '../core/outbox.ts';
import type { Addressee } from './addressee.ts';
import { Undelivered } from './undelivered.ts';

export type CourierTools = {
  readonly outbox: Outbox;
  /** `null`: the target is not configured any more. */
  readonly addressee: () => Addressee | null;
  readonly log: (line: string) => void;
  readonly now: () => number;
  /** The pause after the first failure. */
  readonly firstPauseMs: number;
};

export type Courier = {
  /** There may be something to do. */
  wake(): void;
  /** Ends the delivery that is under way: it is tried again after the next start. */
  stop(): Promise<void>;
  /** `problem`: why the last attempt failed; `null`: it did not, or there was none. */
  status(): { readonly deliveredAt: number | null; readonly problem: string | null };
};

const PAGE = 200;
/** Of one message. */
const MOST_TOGETHER = 50;
const MINUTE_MS = 60_000;
const LONGEST_PAUSE_MS = 24 * 3_600_000;
/** Pauses of 5 s, 20 s, … 6 h, 24 h: a day and a half. */
const MOST_ATTEMPTS = 9;
const STORE_RETRY_MS = 5_000;
const LONGEST_TIMER_MS = 3_600_000;

export function createCourier(name: string, { outbox, addressee, log, now, firstPauseMs }: CourierTools): Courier {
  const stopping = new AbortController();
  const sentAt: number[] = [];
  let timer: NodeJS.Timeout | null = null;
  let working: Promise<void> | null = null;
  let isAsked = false;
  let deliveredAt: number | null = null;
  let problem: string | null = null;

  function wake(): void {
    if (stopping.signal.aborted) return;
    isAsked = true;
    if (timer !== null) clearTimeout(timer);
    timer = null;
    working ??= work().finally(() => {
      working = null;
      // Asked for between the last look and now.
      if (isAsked) wake();
    });
  }

  async function work(): Promise<void> {
    while (isAsked && !stopping.signal.aborted) {
      isAsked = false;
      const pauseMs = await round().catch((error: unknown) => {
        if (!stopping.signal.aborted) log(`notices for ${name}: ${problemOf(error).message}`);
        return STORE_RETRY_MS;
      });
      if (pauseMs === 0) isAsked = true;
      else if (pauseMs !== null) sleep(pauseMs);
    }
  }

  function sleep(ms: number): void {
    if (!isAsked && !stopping.signal.aborted) timer = setTimeout(wake, Math.min(ms, LONGEST_TIMER_MS));
  }

  /** One message, if one is due. Returns after how many milliseconds to look again; `null`: when something comes in. */
  async function round(): Promise<number | null> {
    const waiting = await outbox.waitingFor(name, PAGE);
    if (waiting.length === 0) return null;
    const to = addressee();
    if (to === null) {
      await outbox.returned(waiting.map(idOf), { error: 'the target is not configured any more', nextAt: now(), isDead: true });
      return 0;
    }
    const due = dueOf(waiting, now());
    const [first] = due;
    if (first === undefined) return Math.max(1, Math.min(...waiting.map(({ nextAt }) => nextAt)) - now());
    const pauseMs = Math.max(digestPauseMs(due, to), ratePauseMs(to));
    if (pauseMs > 0) return pauseMs;
    await bring(to, due.slice(0, to.isOneByOne ? 1 : MOST_TOGETHER));
    return 0;
  }

  /** Others may come that go along, unless somebody has to know now. */
  function digestPauseMs(due: readonly Parcel[], { digestMs }: Addressee): number {
    const isUrgent = due.some(({ notice, attempts }) => attempts > 0 || URGENT_STATES.includes(notice.state));
    return isUrgent ? 0 : Math.max(0, Math.min(...due.map(({ createdAt }) => createdAt)) + digestMs - now());
  }

  function ratePauseMs({ perMinute }: Addressee): number {
    while (sentAt.length > 0 && (sentAt[0] ?? 0) <= now() - MINUTE_MS) sentAt.shift();
    return sentAt.length < perMinute ? 0 : Math.max(1, (sentAt.at(-perMinute) ?? 0) + MINUTE_MS - now());
  }

  async function bring(to: Addressee, parcels: readonly Parcel[]): Promise<void> {
    sentAt.push(now());
    try {
      await to.deliver(
        parcels.map(({ notice }) => notice),
        stopping.signal,
      );
    } catch (error) {
      if (stopping.signal.aborted) return;
      await takeBack(parcels, error);
      return;
    }
    deliveredAt = now();
    problem = null;
    await outbox.delivered(parcels.map(idOf));
  }

  async function takeBack(parcels: readonly Parcel[], error: unknown): Promise<void> {
    const message = error instanceof Undelivered ? error.message : problemOf(error).message;
    const isFinal = error instanceof Undelivered && error.isFinal;
    const asked = error instanceof Undelivered ? (error.retryAfterMs ?? 0) : 0;
    const tried = Math.max(...parcels.map(({ attempts }) => attempts));
    const nextAt = now() + Math.min(LONGEST_PAUSE_MS, Math.max(asked, backOffMs(tried)));
    const isDead = ({ attempts }: Parcel): boolean => isFinal || attempts + 1 >= MOST_ATTEMPTS;
    if (problem !== message) log(`notices for ${name} cannot be delivered: ${message}`);
    problem = message;
    for (const dead of [true, false]) {
      const ids = parcels.filter((parcel) => isDead(parcel) === dead).map(idOf);
      if (ids.length > 0) await outbox.returned(ids, { error: message, nextAt, isDead: dead });
    }
  }

  /** Four times as long each time, and never the same for two who failed together. */
  function backOffMs(attempts: number): number {
    return Math.round(firstPauseMs * 4 ** attempts * (0.8 + 0.4 * Math.random()));
  }

  return {
    wake,
    async stop() {
      stopping.abort();
      if (timer !== null) clearTimeout(timer);
      await working;
    },
    status: () => ({ deliveredAt, problem }),
  };
}

const idOf = ({ id }: Parcel): number => id;

/** What can go now. Behind one that waits, the others of its group wait too. */
function dueOf(waiting: readonly Parcel[], now: number): Parcel[] {
  const held = new Set<string>();
  return waiting.filter(({ group, nextAt }) => {
    if (group !== null && held.has(group)) return false;
    if (group !== null && nextAt > now) held.add(group);
    return nextAt <= now;
  });
}
