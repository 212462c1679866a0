// Checks whether a relay reaches the other servers of its zone. Hands nothing over.
import type { Channel } from '../core/channel.ts';
import { doubtful, well } from '../core/check.ts';
import type { CheckResult } from '../core/check.ts';
import type { Cluster } from '../core/cluster.ts';
import { problemOf } from '../core/errors.ts';
import { zoneOf } from '../core/zone.ts';

/** In a larger zone the first ones stand for the others. */
const MOST = 20;

/** Nothing for a server that is no relay. Never rejects. */
export async function checkRelay(channel: Channel, cluster: Cluster, signal: AbortSignal): Promise<CheckResult[]> {
  const { server } = channel;
  const zone = zoneOf(cluster, server);
  if (zone === null || !zone.relays.includes(server.name)) return [];
  const others = cluster.servers.filter((one) => one.zone === server.zone && one.name !== server.name).slice(0, MOST);
  const results: CheckResult[] = [];
  for (const other of others) {
    const problem = await channel.reach(other, zone.identity, signal).catch((error: unknown) => problemOf(error).message);
    if (problem === null) continue;
    const remedy = `see docs/zones.md; until then ${other.name} gets its packs by another relay, or directly`;
    results.push(doubtful(`as a relay of zone ${server.zone ?? ''} it does not reach ${other.name}: ${problem}`, remedy));
  }
  const reached = others.length - results.length;
  return reached === 0 ? results : [...results, well(`as a relay of zone ${server.zone ?? ''} it reaches ${reached} of ${others.length}`)];
}
