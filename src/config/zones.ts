// Zones of a cluster: which servers lie together, which of them are relays, and how fast the daemon may send there.
import { z } from 'zod';
import type { Server } from '../core/server.ts';
import type { Zone } from '../core/zone.ts';
import type { Path, Problems } from './problems.ts';
import { quoted, suggestion } from './problems.ts';
import { keys, text } from './schema-parts.ts';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const BANDWIDTH = /^(\d{1,9}(?:\.\d{1,3})?)([kMG])B?$/;
const UNITS: Readonly<Record<string, number>> = { k: 1e3, M: 1e6, G: 1e9 };
/** Less would keep a deployment waiting for longer than its time limits. */
const LEAST_BANDWIDTH = 10_000;

const bytesOf = (value: string): number => {
  const [, number = '', unit = ''] = BANDWIDTH.exec(value) ?? [];
  return Math.round(Number(number) * (UNITS[unit] ?? 0));
};

const zoneName = z
  .string()
  .regex(NAME, 'is not a name; letters, digits, ".", "-" and "_" are allowed, a letter or digit first, 64 at most');

/** Keys of a server. */
export const serverZoneKeys = {
  zone: zoneName.optional().meta({ description: "Name of one of the cluster's `zones`.", 'x-default': 'none' }),
  zoneAddress: text.optional().meta({
    description: 'Where the relays of its zone reach it, as `host` or `host:port`: its address in the private network there.',
    'x-default': 'its `host` and `port`',
  }),
};

/** Keys of a cluster. */
export const zonesKeys = {
  zones: z
    .record(
      zoneName,
      keys({
        relays: z.array(text).max(100).default([]).meta({
          description:
            'Names of servers of the zone, the preferred one first: a pack goes to one of them, and from there to the others. `[]`: all from the daemon.',
        }),
        identity: z
          .string()
          .regex(/^(~\/|\/)[^%"'\\\p{Cc}]+$/u, 'is not an absolute path, or one that begins with "~/"; % and quotes are not allowed')
          .optional()
          .meta({
            description: 'Private key on the relays with which they reach the other servers of the zone.',
            'x-default': "the relay account's own",
          }),
        bandwidth: z
          .string()
          .regex(BANDWIDTH, { error: 'is not a number of bytes per second such as "500k" or "2M"', abort: true })
          .refine((value) => bytesOf(value) >= LEAST_BANDWIDTH, 'is too little; at least "10k" is allowed')
          .transform(bytesOf)
          .optional()
          .meta({
            description: 'Most bytes per second that the daemon sends to the servers of the zone together: `"2M"`.',
            'x-type': 'bytes per second',
            'x-default': 'no limit',
          }),
      }),
    )
    .optional()
    .meta({ description: 'Servers behind the same slow line, by name (see docs/zones.md).', 'x-default': 'none' }),
};

type ZonesInput = Readonly<
  Record<string, { readonly relays: readonly string[]; readonly identity?: string | undefined; readonly bandwidth?: number | undefined }>
>;
type Placed = { readonly server: Server; readonly path: Path };

/** `null`: `text` is no address. `port`: where the text names none. */
export function zoneAddressOf(text: string, port: number): { readonly host: string; readonly port: number } | null {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9{][A-Za-z0-9._{}-]*))(?::(\d{1,5}))?$/.exec(text);
  if (match === null) return null;
  const [, address, name = '', said] = match;
  const one = { host: address ?? name, port: said === undefined ? port : Number(said) };
  return one.port >= 1 && one.port <= 65_535 ? one : null;
}

/** What `zones` and the servers say about each other must agree. `path`: of the cluster. */
export function resolveZones(
  input: ZonesInput | undefined,
  placed: readonly Placed[],
  path: Path,
  problems: Problems,
): { readonly zones?: Readonly<Record<string, Zone>> } {
  const names = Object.keys(input ?? {});
  for (const { server, path: at } of placed) {
    if (server.zone === undefined && server.zoneAddress !== undefined) problems.report([...at, 'zoneAddress'], 'needs "zone" beside it');
    if (server.zone === undefined || names.includes(server.zone)) continue;
    const known = names.length === 0 ? 'the cluster has no "zones"' : `the cluster's zones are ${names.map(quoted).join(', ')}`;
    problems.report([...at, 'zone'], `no zone is called ${quoted(server.zone)}; ${known}${suggestion(server.zone, names)}`);
  }
  if (input === undefined) return {};
  for (const [name, { relays, bandwidth, identity }] of Object.entries(input)) {
    const at: Path = [...path, 'zones', name];
    const servers = placed.filter(({ server }) => server.zone === name);
    if (servers.length === 0) problems.report(at, `has no servers; write "zone": ${quoted(name)} at those that lie there`);
    if (relays.length === 0 && bandwidth === undefined) problems.report(at, 'says nothing; name its "relays", or a "bandwidth"');
    if (relays.length === 0 && identity !== undefined) problems.report([...at, 'identity'], 'is for relays, and there are none');
    if (servers.length === 1 && relays.length > 0)
      problems.report([...at, 'relays'], 'are of no use: the zone has one server, so there is nobody to hand anything to');
    const allowed = servers.map(({ server }) => server.name);
    for (const [i, relay] of relays.entries()) {
      if (relays.indexOf(relay) < i) problems.report([...at, 'relays', i], `${quoted(relay)} is named twice`);
      if (allowed.includes(relay)) continue;
      const elsewhere = placed.some(({ server }) => server.name === relay);
      const why = elsewhere ? `lies in another zone; write "zone": ${quoted(name)} at it` : 'is no server of this cluster';
      problems.report([...at, 'relays', i], `${quoted(relay)} ${why}${elsewhere ? '' : suggestion(relay, allowed.slice(0, 100))}`);
    }
    for (const { server, path: where } of relays.length > 0 ? servers : []) {
      if (server.transport === 'local' && relays.some((relay) => relay !== server.name))
        problems.report([...where, 'zone'], 'has relays, and none of them could reach this server: it has no host');
    }
  }
  const zones = Object.entries(input).map(([name, { relays, identity = null, bandwidth = null }]) => [
    name,
    { relays, identity, bandwidth },
  ]);
  return { zones: Object.fromEntries(zones) as Record<string, Zone> };
}
