// Compares the servers of a cluster with what the daemon put there, a few at a time.
import type { Transport } from '../core/channel.ts';
import type { Cluster } from '../core/cluster.ts';
import { asOf, decideDrift, isAsOf } from '../core/drifted.ts';
import type { Sighting } from '../core/drifted.ts';
import { shortFinding } from '../core/drift.ts';
import type { Engine, Inspect } from '../core/ports.ts';
import { clusterOf } from '../core/state.ts';
import type { DriftServerView, DriftView } from '../core/views.ts';

export type CompareTools = { readonly engine: Engine; readonly transport: Transport; readonly inspect: Inspect };

/** `atOnce`: at most so many servers at a time. */
export type CompareOptions = { readonly depth: 'tree' | 'content'; readonly atOnce: number };

/**
 * Looks at every server, and records for which of them that changed something. A deployment that runs, or begins meanwhile, makes the
 * comparison worthless: the view says so in `skipped`. When `signal` aborts, what is left counts as not reached. Rejects only with `store`.
 */
export async function compareServers(
  { engine, transport, inspect }: CompareTools,
  cluster: Cluster,
  { depth, atOnce }: CompareOptions,
  signal: AbortSignal,
): Promise<DriftView> {
  const before = asOf(engine.state, cluster.name);
  const { record } = clusterOf(engine.state, cluster.name);
  const servers: DriftServerView[] = [];
  const base = { cluster: cluster.name, release: before.release };
  const skipped = (): DriftView => {
    const { running } = clusterOf(engine.state, cluster.name);
    const why = running === null ? 'it was deployed to meanwhile' : `deployment ${running} of it is running`;
    return { ...base, skipped: `${why}; ask again when it has ended`, drift: false, servers: [] };
  };
  if (before.running !== null) return skipped();

  const jobs = [...cluster.servers];
  const worker = async (): Promise<void> => {
    for (let server = jobs.shift(); server !== undefined; server = jobs.shift()) {
      if (!isAsOf(engine.state, cluster.name, before)) return;
      // Epoch 0: nothing could be changed by it.
      const channel = transport.channel(server, { epoch: 0, cluster });
      try {
        const { facts, findings } = await inspect(channel, cluster, record, depth, signal);
        servers.push({ name: server.name, findings: [...findings], facts });
      } finally {
        await channel.close();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, jobs.length) }, worker));

  const sightings = servers.flatMap(({ name, facts, findings }): Sighting[] =>
    // One that does not answer has not been seen, whatever it was before.
    facts === null ? [] : [{ server: name, finding: shortFinding(findings) }],
  );
  // Whoever asked has gone, or the daemon is stopping: then nothing is recorded any more.
  const isRight = signal.aborted
    ? isAsOf(engine.state, cluster.name, before)
    : await engine.request((state) => decideDrift(state, cluster, before, depth, sightings));
  if (!isRight) return skipped();
  const order = new Map(cluster.servers.map(({ name }, i) => [name, i]));
  servers.sort((a, b) => (order.get(a.name) ?? 0) - (order.get(b.name) ?? 0));
  return { ...base, skipped: null, drift: servers.some(({ findings }) => shortFinding(findings) !== null), servers: servers.map(shown) };
}

/** Of what a server said, what people ask for. */
function shown({ name, findings, facts }: DriftServerView): DriftServerView {
  if (facts === null) return { name, findings, facts };
  const { current, freeBytes, freeInodes, skewMs, rsync, agent } = facts;
  return { name, findings, facts: { current, freeBytes, freeInodes, skewMs, rsync, agent } };
}
