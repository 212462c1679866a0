// Catching up: servers that were left behind, and those that are new in the configuration, come to what their cluster serves, one by one.
import type { Cluster } from '../core/cluster.ts';
import type { Configuration } from '../core/configuration.ts';
import { behindOf, decideCatchUp } from '../core/decide.ts';
import { problemOf } from '../core/errors.ts';
import { knownClusters, sourceOf } from '../core/mapping.ts';
import type { Engine, Listener } from '../core/ports.ts';
import type { Server } from '../core/server.ts';
import { clusterOf } from '../core/state.ts';
import type { Heads } from './heads.ts';

export type CatchUpTools = {
  readonly engine: Engine & { subscribe(listener: Listener): () => void };
  readonly heads: Heads;
  readonly configuration: () => Configuration;
  /** Does the server answer? Looks only: nothing is changed there. Never rejects. */
  readonly isReachable: (cluster: Cluster, server: Server, signal: AbortSignal) => Promise<boolean>;
  readonly now: () => number;
  readonly log: (message: string) => void;
};

export type CatchUp = {
  start(): void;
  /** Forgets how often the server has failed, and asks it now. */
  hurry(cluster: string, server: string): void;
  /** Resolves when nobody is being asked any more. */
  stop(): Promise<void>;
};

/** Nobody tells us that a server is back: those that are behind are asked this often. */
const ROUND_MS = 10_000;
const ASK_LIMIT_MS = 20_000;
const ASKED_AT_A_TIME = 8;
/** A server that answers and cannot be brought up is left alone for longer and longer. */
const FIRST_PAUSE_MS = 30_000;
const LONGEST_PAUSE_MS = 3_600_000;

type Candidate = { readonly cluster: Cluster; readonly server: Server };
type Pause = { readonly until: number; readonly lengthMs: number };

export function createCatchUp({ engine, heads, configuration, isReachable, now, log }: CatchUpTools): CatchUp {
  const pauses = new Map<string, Pause>();
  /** Deployments that catch a server up, by number. */
  const underWay = new Map<number, string>();
  const ending = new AbortController();
  let timer: NodeJS.Timeout | null = null;
  let round: Promise<void> = Promise.resolve();
  let unsubscribe = (): void => undefined;

  const keyOf = ({ cluster, server }: Candidate): string => `${cluster.name}\n${server.name}`;

  /** The first server of each cluster that is behind and not paused, where nothing else is going on. */
  function candidates(): Candidate[] {
    return knownClusters(configuration(), heads.branches()).flatMap((cluster) => {
      const { record, running, waiting } = clusterOf(engine.state, cluster.name);
      if (record.releases.length === 0 || running !== null || waiting !== null || record.locked !== null) return [];
      return behindOf(record, cluster)
        .map((server) => ({ cluster, server }))
        .filter((one) => (pauses.get(keyOf(one))?.until ?? 0) <= now());
    });
  }

  async function lookAround(): Promise<void> {
    const waiting = candidates();
    const served = new Set<string>();
    const worker = async (): Promise<void> => {
      for (let one = waiting.shift(); one !== undefined && !ending.signal.aborted; one = waiting.shift()) {
        if (served.has(one.cluster.name)) continue;
        const signal = AbortSignal.any([ending.signal, AbortSignal.timeout(ASK_LIMIT_MS)]);
        if (!(await isReachable(one.cluster, one.server, signal)) || served.has(one.cluster.name)) continue;
        served.add(one.cluster.name);
        await bringUp(one);
      }
    };
    await Promise.all(Array.from({ length: ASKED_AT_A_TIME }, worker));
  }

  async function bringUp(one: Candidate): Promise<void> {
    const { cluster, server } = one;
    const source = sourceOf(configuration(), cluster.name, heads.branches());
    const repository = source === null ? undefined : configuration().repositories.get(source.repository);
    if (source === null || repository === undefined || ending.signal.aborted) return;
    const { branch, build } = source;
    const order = { cluster, repository, branch, build, requestedBy: 'lockstep' };
    const number = await engine.request((state) => decideCatchUp(state, order, server.name));
    if (number !== null) underWay.set(number, keyOf(one));
  }

  function watch(published: Parameters<Listener>[0]): void {
    for (const { deployment } of published) {
      const key = deployment?.state === 'ended' ? underWay.get(deployment.number) : undefined;
      if (deployment === null || key === undefined) continue;
      underWay.delete(deployment.number);
      if (deployment.result === 'done' || deployment.result === 'aborted') pauses.delete(key);
      else {
        const lengthMs = Math.min(LONGEST_PAUSE_MS, (pauses.get(key)?.lengthMs ?? FIRST_PAUSE_MS / 2) * 2);
        // Gone again before anything could be done: it is asked again as soon as it is back.
        const isGone = deployment.problem?.code === 'unreachable' || deployment.problem?.code === 'timeout';
        pauses.set(key, { until: now() + (isGone ? ROUND_MS : lengthMs), lengthMs: isGone ? FIRST_PAUSE_MS / 2 : lengthMs });
      }
      // The next one need not wait for the next round.
      plan(0);
    }
  }

  function plan(delayMs: number): void {
    if (timer !== null) clearTimeout(timer);
    if (ending.signal.aborted) return;
    timer = setTimeout(() => {
      round = round
        .then(lookAround)
        .catch((error: unknown) => log(`servers that are behind: ${problemOf(error).message}`))
        .then(() => plan(ROUND_MS));
    }, delayMs);
    timer.unref();
  }

  return {
    start() {
      unsubscribe = engine.subscribe(watch);
      plan(0);
    },
    hurry(cluster, server) {
      pauses.delete(`${cluster}\n${server}`);
      plan(0);
    },
    async stop() {
      ending.abort();
      unsubscribe();
      if (timer !== null) clearTimeout(timer);
      await round;
    },
  };
}
