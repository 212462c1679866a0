// The drift watch: looks at every server from time to time, cheaply, and lets the journal know when that finds a change.
import type { Cluster } from '../core/cluster.ts';
import { driftSettings } from '../core/drift.ts';
import { problemOf } from '../core/errors.ts';
import { clusterOf } from '../core/state.ts';
import { compareServers } from './compare-servers.ts';
import type { CompareTools } from './compare-servers.ts';

export type DriftWatch = {
  start(): void;
  /** Ends looks that are under way; resolves when there are none. */
  stop(): Promise<void>;
};

export type DriftWatchTools = CompareTools & {
  readonly clusters: () => readonly Cluster[];
  readonly now: () => number;
  readonly log: (message: string) => void;
};

const TICK_MS = 500;
/** Nobody waits for it: few connections, so that deployments have theirs. */
const AT_ONCE = 4;

/** Clusters are looked at one after the other, each at its interval, but never all in the same minute. */
export function createDriftWatch(tools: DriftWatchTools): DriftWatch {
  const due = new Map<string, { at: number; checkMs: number }>();
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | null = null;
  let round: Promise<void> | null = null;

  /** Notes when each cluster is due, and returns those that are. The first time comes at a random moment of the interval. */
  function dueClusters(): Cluster[] {
    const now = tools.now();
    const known = tools.clusters();
    const names = new Set(known.map(({ name }) => name));
    for (const name of due.keys()) if (!names.has(name)) due.delete(name);
    return known.filter((cluster) => {
      const { checkMs } = driftSettings(cluster);
      if (checkMs === null) return void due.delete(cluster.name);
      const one = due.get(cluster.name);
      if (one?.checkMs === checkMs) return one.at <= now;
      due.set(cluster.name, { at: now + Math.random() * checkMs, checkMs });
      return false;
    });
  }

  async function look(cluster: Cluster): Promise<void> {
    const { record, running } = clusterOf(tools.engine.state, cluster.name);
    const checkMs = driftSettings(cluster).checkMs ?? 0;
    due.set(cluster.name, { at: tools.now() + checkMs * (0.9 + 0.2 * Math.random()), checkMs });
    if (running !== null || record.releases.length === 0) return;
    try {
      await compareServers(tools, cluster, { depth: 'tree', atOnce: AT_ONCE }, stopping.signal);
    } catch (error) {
      if (!stopping.signal.aborted) tools.log(`${cluster.name} could not be looked at for drift: ${problemOf(error).message}`);
    }
  }

  async function goRound(): Promise<void> {
    for (const cluster of dueClusters()) if (!stopping.signal.aborted) await look(cluster);
  }

  return {
    start() {
      const tick = (): void => {
        round ??= goRound().finally(() => (round = null));
      };
      timer = setInterval(tick, TICK_MS).unref();
    },
    async stop() {
      if (timer !== null) clearInterval(timer);
      stopping.abort();
      await round;
    },
  };
}
