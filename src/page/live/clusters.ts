// All clusters as they are now: asked once, then kept up to date by the event stream.
import { signal } from '@preact/signals';
import type { ClusterView, EventView, OverviewView } from '../../core/views.ts';
import { get, messageOf } from './api.ts';
import { listen } from './event-stream.ts';
import { createThrottle } from './throttle.ts';

export const overview = signal<OverviewView | null>(null);
export const overviewProblem = signal<string | null>(null);

/** Views of large clusters cost the daemon something: they are asked for less often. */
const pauseOf = (view: ClusterView | undefined): number => ((view?.servers.length ?? 0) > 200 ? 2_000 : 400);

const throttles = new Map<string, () => void>();

export function startClusters(): void {
  listen({ onResync: () => void refresh(), onEvents });
}

async function refresh(): Promise<void> {
  try {
    overview.value = await get<OverviewView>('clusters');
    overviewProblem.value = null;
  } catch (error) {
    overviewProblem.value = messageOf(error);
  }
}

const refreshSoon = createThrottle(() => refresh(), 400);

function onEvents(events: readonly EventView[]): void {
  const touched = new Set<string>();
  for (const { cluster, type } of events) {
    if (type === 'configuration-loaded' || type === 'daemon-started') refreshSoon();
    else if (cluster !== null) touched.add(cluster);
  }
  for (const name of touched) {
    const known = overview.peek()?.clusters.find((one) => one.cluster === name);
    // A cluster of a pattern exists from its first push on.
    if (known === undefined) refreshSoon();
    else throttleOf(known)();
  }
}

function throttleOf(view: ClusterView): () => void {
  const name = view.cluster;
  let throttle = throttles.get(name);
  if (throttle === undefined) {
    throttle = createThrottle(() => refreshCluster(name), pauseOf(view));
    throttles.set(name, throttle);
  }
  return throttle;
}

async function refreshCluster(name: string): Promise<void> {
  try {
    const fresh = await get<ClusterView>(`clusters/${encodeURIComponent(name)}`);
    const now = overview.peek();
    if (now === null) return;
    overview.value = { ...now, clusters: now.clusters.map((one) => (one.cluster === name ? fresh : one)) };
  } catch {
    refreshSoon();
  }
}
