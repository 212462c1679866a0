// Zones: servers behind the same slow line. A pack crosses it once, to a relay, which hands it to the others.
import type { Cluster } from './cluster.ts';
import type { Server } from './server.ts';

/** Servers that lie together, far from the daemon. */
export type Zone = {
  /** Names of servers of the zone, the preferred one first; empty: every pack comes from the daemon itself. */
  readonly relays: readonly string[];
  /** Private key file on the relays, with which they reach the other servers; `null`: what ssh finds there by itself. */
  readonly identity: string | null;
  /** Most bytes per second that the daemon sends into the zone; `null`: no limit. */
  readonly bandwidth: number | null;
};

/** Which relays a server's pack may come by, in this order; none: directly. `why`: for the log and the plan. */
export type Route = { readonly relays: readonly Server[]; readonly why: string };

/** A smaller pack is there sooner, and for fewer bytes, without the talk with a relay. */
export const RELAY_FROM_BYTES = 64 * 1024;

export function zoneOf({ zones }: Pick<Cluster, 'zones'>, { zone }: Pick<Server, 'zone'>): Zone | null {
  return zone === undefined ? null : (zones?.[zone] ?? null);
}

/** `bytes`: of the pack. `takesPart`: is this server one of those that the deployment goes to? */
export function routeOf(cluster: Cluster, server: Server, bytes: number, takesPart: (server: Server) => boolean): Route {
  const zone = zoneOf(cluster, server);
  if (zone === null) return { relays: [], why: 'it is in no zone' };
  if (zone.relays.length === 0) return { relays: [], why: `zone ${server.zone ?? ''} has no relays` };
  if (bytes < RELAY_FROM_BYTES) return { relays: [], why: `a pack of ${bytes} bytes is too small for a relay` };
  const others = serversOf(cluster, server.zone ?? '').filter((one) => takesPart(one));
  if (others.length < 2) return { relays: [], why: `no other server of zone ${server.zone ?? ''} takes part` };
  const relays = zone.relays.flatMap((name) => others.filter((one) => one.name === name));
  const why = relays.length === 0 ? `no relay of zone ${server.zone ?? ''} takes part` : `zone ${server.zone ?? ''}`;
  return { relays, why };
}

/**
 * Relays that do not take part, for a server without any base: one of them may have the release, or one like it, already. Then only what
 * differs from that crosses the line.
 */
export function neighboursOf(cluster: Cluster, server: Server, bytes: number): readonly Server[] {
  const zone = zoneOf(cluster, server);
  if (zone === null || bytes < RELAY_FROM_BYTES) return [];
  const others = [...serversOf(cluster, server.zone ?? ''), ...(cluster.neighbours ?? [])].filter((one) => one.name !== server.name);
  return zone.relays.flatMap((name) => others.filter((one) => one.name === name));
}

/** For the plan: the way of every server, zone by zone; empty: there are no zones. */
export function zonesText(cluster: Cluster): string {
  const zones = Object.entries(cluster.zones ?? {});
  if (zones.length === 0) return '';
  const lines = zones.map(([name, zone]) => {
    const budget = zone.bandwidth === null ? '' : `, at most ${zone.bandwidth} bytes/s, what changed as a patch`;
    const servers = serversOf(cluster, name).map((one) => one.name);
    const [first, ...rest] = zone.relays;
    if (first === undefined) return `zone ${name}: directly to ${someOf(servers)} (no relays${budget})`;
    const next = rest.length === 0 ? 'directly' : `by ${rest.join(', ')}, else directly`;
    const children = servers.filter((one) => one !== first);
    return `zone ${name}: once to relay ${first}, which hands it to ${someOf(children)} (else ${next}${budget})`;
  });
  const outside = cluster.servers.filter((one) => zoneOf(cluster, one) === null).map((one) => one.name);
  const direct = outside.length === 0 ? [] : [`directly to ${someOf(outside)} (in no zone)`];
  return [...lines, ...direct].join('; ');
}

const serversOf = (cluster: Cluster, zone: string): readonly Server[] => cluster.servers.filter((one) => one.zone === zone);

/** More names would not be read. */
const MOST_NAMES = 20;

function someOf(names: readonly string[]): string {
  const rest = names.length - MOST_NAMES;
  return rest <= 0 ? names.join(', ') : `${names.slice(0, MOST_NAMES).join(', ')} and ${rest} more`;
}
