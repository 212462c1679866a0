// The servers of one cluster: strings, ranges and objects become Server values.
import type { Server, TransportKind } from '../core/server.ts';
import { fillIn, placeholders, variablesOf } from '../core/pattern.ts';
import type { Files } from './files.ts';
import type { Path, Problems } from './problems.ts';
import { quoted } from './problems.ts';
import type { ClusterInput } from './cluster-schema.ts';
import type { ServerInput } from './servers-schema.ts';
import { textsOf } from './outside.ts';
import { zoneAddressOf } from './zones.ts';
import { expandRange, hasControlCharacter, serverPathProblem, tidyPath } from './values.ts';

/** A server with the place in the file where it stands. */
export type PlacedServer = { readonly server: Server; readonly path: Path };

type Wanted = {
  name: string | null;
  host: string | null;
  port: number | null;
  user: string | null;
  path: string | null;
  zone?: string | undefined;
  zoneAddress?: string | undefined;
  variables?: Readonly<Record<string, string>> | undefined;
};

/** A cluster of more servers than this is a slip of the keyboard. */
const MOST_SERVERS = 10_000;

/** Servers with a problem are left out; each is reported once, where it stands. */
export function resolveServers(cluster: string, input: ClusterInput, path: Path, files: Files, problems: Problems): PlacedServer[] {
  const placed: PlacedServer[] = [];
  const names = new Set<string>();
  const report = (at: Path, message: string): null => (problems.report(at, message), null);
  if (input.path !== undefined && serverPathProblem(input.path) !== null) {
    problems.report([...path, 'path'], `${quoted(input.path)} ${serverPathProblem(input.path)}`);
    return [];
  }
  for (const [i, entry] of input.servers.entries()) {
    const at = [...path, 'servers', i];
    for (const wanted of wantedServers(entry, at, problems)) {
      const server = resolveServer(wanted, input, files, (message) => report(at, message));
      if (server === null || !hasKnownVariables(server, cluster, (message) => report(at, message))) break;
      if (names.has(server.name)) {
        problems.report(at, `a second server of this cluster is called ${quoted(server.name)}; give it a "name" of its own`);
        break;
      }
      names.add(server.name);
      placed.push({ server, path: at });
      if (placed.length > MOST_SERVERS) {
        problems.report(at, `is one of more than ${MOST_SERVERS} servers of this cluster, which is the most`);
        return placed;
      }
    }
  }
  return placed;
}

function wantedServers(entry: ServerInput, at: Path, problems: Problems): readonly Wanted[] {
  if (typeof entry !== 'string') {
    const { name = null, host = null, port = null, user = null, path = null, zone, zoneAddress } = entry;
    return [{ name, host, port, user, path, zone, zoneAddress, variables: textsOf(entry.variables) }];
  }
  const range = expandRange(entry);
  if ('problem' in range) {
    problems.report(at, `${quoted(entry)} ${range.problem}`);
    return [];
  }
  const servers: Wanted[] = [];
  for (const text of range.names) {
    // user@host, user@host:port, user@[IPv6]:port
    const match = /^(?:([^@]*)@)?(?:\[([^\]]*:[^\]]*)\]|([^:@[\]]*))(?::(\d{1,5}))?$/.exec(text);
    if (match === null) {
      problems.report(at, `${quoted(text)} is not a server; write "user@host", "user@host:port", or an object with host, port, user, path`);
      return [];
    }
    const [, user = null, address, host = '', port] = match;
    servers.push({ name: null, host: address ?? host, port: port === undefined ? null : Number(port), user, path: null });
  }
  return servers;
}

function resolveServer(wanted: Wanted, cluster: ClusterInput, files: Files, report: (message: string) => null): Server | null {
  const transport: TransportKind = cluster.transport ?? (wanted.host === null ? 'local' : 'ssh');
  const host = wanted.host;
  if (host !== null && !isHost(host)) {
    return report(`host ${quoted(host)} is not a host name or address; letters, digits, "." and "-" are allowed, a letter or digit first`);
  }
  if (wanted.user !== null && !isUser(wanted.user)) {
    return report(
      `user ${quoted(wanted.user)} is not an account; letters, digits, ".", "-" and "_" are allowed, a letter, digit or "_" first`,
    );
  }
  if (wanted.port !== null && (wanted.port < 1 || wanted.port > 65535)) return report(`port ${wanted.port} is not between 1 and 65535`);
  if (transport === 'local' && (wanted.user !== null || wanted.port !== null)) {
    return report('has a user or a port but no host; add "host", or leave them out for a directory on this machine');
  }
  const raw = wanted.path ?? cluster.path ?? (transport === 'simulated' ? '/srv/simulated' : null);
  if (raw === null) return report('has no path; add "path" to it or to its cluster');
  const problem = serverPathProblem(raw);
  if (problem !== null) return report(`path ${quoted(raw)} ${problem}`);
  if (!raw.startsWith('/') && transport !== 'local')
    return report(`path ${quoted(raw)} must be absolute, because the server is not this machine`);
  const path = tidyPath(raw.startsWith('/') ? raw : files.resolve(raw));
  const name = wanted.name ?? host ?? path.slice(path.lastIndexOf('/') + 1);
  if (!isName(name)) return report(`name ${quoted(name)} must be one word that does not begin with "-", at most 100 characters`);
  const zoneAddress = wanted.zoneAddress === undefined ? undefined : zoneAddressOf(wanted.zoneAddress, wanted.port ?? 22);
  if (zoneAddress === null) return report(`zoneAddress ${quoted(wanted.zoneAddress)} is not an address; write "host" or "host:port"`);
  return {
    name,
    transport,
    host: transport === 'ssh' && host !== null ? host : 'localhost',
    port: wanted.port ?? 22,
    user: wanted.user,
    path,
    ...(wanted.zone !== undefined && { zone: wanted.zone }),
    ...(zoneAddress !== undefined && { zoneAddress }),
    ...(wanted.variables && { variables: wanted.variables }),
  };
}

/** Every `{name}` of the server must be one of the cluster's, and the server's place must differ from branch to branch. */
function hasKnownVariables(server: Server, cluster: string, report: (message: string) => null): boolean {
  const known = variablesOf(cluster);
  const texts = [server.path, server.host, server.user ?? '', server.name];
  for (const text of texts) {
    const stranger = placeholders(text).find((one) => !known.includes(one.name));
    if (stranger !== undefined) {
      report(
        `{${stranger.name}} in ${quoted(text)} is unknown; it must be part of the cluster's name${known.length > 0 ? `: ${braces(known)}` : ''}`,
      );
      return false;
    }
  }
  const place = variablesOf(`${server.host} ${server.path}`);
  const missing = server.transport === 'simulated' ? [] : known.filter((name) => !place.includes(name));
  if (missing.length > 0) report(`is the same directory for every branch; write ${braces(missing)} into its path or host`);
  return missing.length === 0;
}

const braces = (names: readonly string[]): string => names.map((name) => `{${name}}`).join(', ');

/** With `{name}`s filled in by something harmless. */
const sample = (text: string): string => fillIn(text, new Map(variablesOf(text).map((name) => [name, 'x'])));

const isHost = (host: string): boolean =>
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$|^[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*(%[A-Za-z0-9]+)?$/.test(sample(host));

const isUser = (user: string): boolean => /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/.test(sample(user));

const isName = (name: string): boolean => !/\s/.test(name) && !hasControlCharacter(name) && !name.startsWith('-') && name.length <= 100;
