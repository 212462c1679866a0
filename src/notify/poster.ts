// From events to parcels: what became durable in the journal is put into the outbox, exactly once, also across a crash.
import type { Configuration } from '../core/configuration.ts';
import type { Deployment } from '../core/deployment.ts';
import { problemOf } from '../core/errors.ts';
import type { Notice } from '../core/notice.ts';
import { noticesOf } from '../core/notices-of.ts';
import type { NewParcel } from '../core/outbox.ts';
import type { Listener, Store } from '../core/ports.ts';
import type { State } from '../core/state.ts';
import type { Addressee } from './addressee.ts';

export type PosterTools = {
  readonly store: Store;
  readonly state: State;
  readonly configuration: () => Configuration;
  readonly addressees: () => readonly Addressee[];
  /** The state of a deployment as its events have it; `null`: there is none. */
  readonly replay: (number: number) => Promise<Deployment | null>;
  readonly log: (line: string) => void;
  readonly now: () => number;
  /** Parcels for these have come in. */
  readonly onPosted: (targets: ReadonlySet<string>) => void;
};

export type Poster = {
  /** Takes up what became durable before a crash and was not put into the outbox any more. */
  catchUp(): Promise<void>;
  readonly listen: Listener;
  /** Resolves when everything that was heard is in the outbox, or cannot be. */
  stop(): Promise<void>;
};

const PAGE = 1_000;
const STORE_RETRY_MS = 5_000;
/** Nobody wants to read tomorrow what happened while nobody looked. */
const OLDEST_MS = 24 * 3_600_000;
/** While the store cannot be written. */
const MOST_QUEUED = 10_000;

export function createPoster(tools: PosterTools): Poster {
  const { store, state, configuration, addressees, log, now } = tools;
  let queue: Notice[] = [];
  let heardUpTo = 0;
  let working: Promise<void> | null = null;
  let isStopping = false;
  let wake: () => void = () => undefined;

  /** Never throws, and takes no time worth mentioning: the engine waits for it. */
  function listen(published: Parameters<Listener>[0]): void {
    try {
      heardUpTo = published.at(-1)?.recorded.number ?? heardUpTo;
      if (addressees().length === 0) return;
      const found = noticesOf(published, configuration(), state);
      if (found.length === 0) return;
      queue.push(...found);
      if (queue.length > MOST_QUEUED) queue = queue.slice(-MOST_QUEUED);
      start();
    } catch (error) {
      log(`a notice could not be written: ${problemOf(error).message}`);
    }
  }

  function start(): void {
    working ??= work().finally(() => {
      working = null;
      if (queue.length > 0 && !isStopping) start();
    });
  }

  async function work(): Promise<void> {
    // After the engine's turn, so that the disk is not kept from it.
    await new Promise((resolve) => setImmediate(resolve));
    while (queue.length > 0) {
      const [batch, upTo] = [queue, heardUpTo];
      queue = [];
      try {
        await post(batch, upTo);
      } catch (error) {
        const { code, message } = problemOf(error);
        log(`notices cannot be kept: ${message}`);
        // A mistake of ours would only be made again.
        if (code === 'bug') continue;
        queue = [...batch, ...queue];
        if (isStopping) return;
        await pause();
      }
    }
  }

  async function post(notices: readonly Notice[], upTo: number): Promise<void> {
    const parcels: NewParcel[] = [];
    for (const found of notices) {
      const notice = found.state === 'succeeded' ? { ...found, isRecovery: await isRecovery(found) } : found;
      for (const to of addressees()) if (to.wants(notice)) parcels.push({ target: to.name, group: to.groupOf(notice), notice });
    }
    await store.post(parcels, upTo, now());
    if (parcels.length > 0) tools.onPosted(new Set(parcels.map(({ target }) => target)));
  }

  async function isRecovery({ clusters: [cluster], deployment }: Notice): Promise<boolean> {
    if (cluster === undefined || deployment === null) return false;
    const earlier = await store.history({ cluster, before: deployment, limit: 10 });
    const last = earlier.find(({ view }) => view.result !== 'superseded' && view.purpose !== 'catch-up');
    return last !== undefined && last.view.result !== 'done';
  }

  async function catchUp(): Promise<void> {
    const until = await store.lastEvent();
    heardUpTo = until;
    let seen = (await store.postedUpTo()) ?? until;
    if (addressees().length > 0) seen = await lastTooOld(seen, until);
    while (seen < until && addressees().length > 0) {
      const page = await store.events({ after: seen, limit: PAGE });
      const upTo = page.at(-1)?.number ?? until;
      const published = [];
      const known = new Map<number, Deployment | null>();
      for (const recorded of page) {
        const number = recorded.deployment;
        if (number !== null && !known.has(number)) known.set(number, state.deployments.get(number) ?? (await tools.replay(number)));
        published.push({ recorded, deployment: number === null ? null : (known.get(number) ?? null) });
      }
      const fresh = noticesOf(await withoutEarlyEnds(published, upTo), configuration(), state).filter(({ at }) => now() - at < OLDEST_MS);
      await post(fresh, upTo);
      seen = upTo;
    }
    await store.post([], until, now());
  }

  /** Years may lie between the two, when nobody was to be told for so long: what is too old to be told is not even read. */
  async function lastTooOld(from: number, until: number): Promise<number> {
    let [low, high] = [from, until];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const [event] = await store.events({ after: middle, limit: 1 });
      if (event !== undefined && now() - event.at >= OLDEST_MS) low = event.number;
      else high = middle;
    }
    return low;
  }

  /** A deployment whose events go on behind this page has not ended on it. */
  async function withoutEarlyEnds(published: Parameters<Listener>[0], upTo: number): Promise<Parameters<Listener>[0]> {
    const later = new Set<number>();
    for (const number of new Set(published.map(({ recorded }) => recorded.deployment))) {
      if (number !== null && (await store.events({ after: upTo, limit: 1, deployment: number })).length > 0) later.add(number);
    }
    return published.map((one) =>
      one.deployment !== null && later.has(one.deployment.number)
        ? { ...one, deployment: { ...one.deployment, state: 'running' as const } }
        : one,
    );
  }

  function pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, STORE_RETRY_MS);
      wake = (): void => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  return {
    catchUp,
    listen,
    async stop() {
      isStopping = true;
      wake();
      await working;
      // What was heard and is told to nobody need not be read again.
      if (queue.length === 0) await store.post([], heardUpTo, now()).catch(() => undefined);
    },
  };
}
