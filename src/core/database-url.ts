// The URL of a database: which system, where, and never with a password in it.

export type DatabaseKind = 'postgresql' | 'mysql' | 'mariadb' | 'sqlite';

/** A database on a server. */
export type ServerDatabase = {
  readonly kind: 'postgresql' | 'mysql' | 'mariadb';
  readonly host: string;
  /** `null`: the system's usual one. */
  readonly port: number | null;
  readonly user: string | null;
  readonly name: string;
  /** PostgreSQL: directory of the Unix socket. MySQL and MariaDB: the socket itself. `null`: TCP. */
  readonly socket: string | null;
  /** `verify`: the server's certificate is checked; `encrypt`: it is not. */
  readonly tls: 'off' | 'encrypt' | 'verify';
};

export type DatabaseAddress = ServerDatabase | { readonly kind: 'sqlite'; readonly path: string };

const KINDS: ReadonlyMap<string, DatabaseKind> = new Map([
  ['postgres:', 'postgresql'],
  ['postgresql:', 'postgresql'],
  ['mysql:', 'mysql'],
  ['mariadb:', 'mariadb'],
  ['sqlite:', 'sqlite'],
]);

const TLS = ['off', 'encrypt', 'verify'] as const;

/** `postgres://shop@db.example.org/shop?tls=verify`, `sqlite:///srv/shop/shop.db`. A problem never repeats what may be a password. */
export function parseDatabaseUrl(text: string): DatabaseAddress | { readonly problem: string } {
  const url = URL.canParse(text) ? new URL(text) : null;
  const kind = url === null ? undefined : KINDS.get(url.protocol);
  if (url === null || kind === undefined) {
    return { problem: 'is not the URL of a database; write postgres://user@host/name, mysql://…, mariadb://… or sqlite:///absolute/path' };
  }
  if (url.password !== '') return { problem: 'holds a password; take it out and say where it stands: "password": {"file": "…"}' };
  try {
    return kind === 'sqlite' ? sqliteOf(url) : serverOf(kind, url);
  } catch {
    return { problem: 'has a "%" that is not followed by two hexadecimal digits; a percent sign itself is written %25' };
  }
}

function sqliteOf(url: URL): DatabaseAddress | { readonly problem: string } {
  const path = decodeURIComponent(url.pathname);
  if (url.host !== '' || !path.startsWith('/') || path.endsWith('/')) {
    return { problem: "must name a file on the daemon's machine, with three slashes: sqlite:///srv/shop/shop.db" };
  }
  if (url.search !== '' || url.hash !== '')
    return { problem: 'has "?" or "#", which SQLite URLs have not; in a path they are written %3F and %23' };
  return { kind: 'sqlite', path };
}

function serverOf(kind: ServerDatabase['kind'], url: URL): DatabaseAddress | { readonly problem: string } {
  const name = decodeURIComponent(url.pathname.slice(1));
  if (url.hostname === '' || name === '' || name.includes('/')) {
    return { problem: `must name a host and one database: ${url.protocol}//user@db.example.org/name` };
  }
  const stranger = [...url.searchParams.keys()].find((key) => key !== 'socket' && key !== 'tls');
  if (stranger !== undefined) return { problem: `has the unknown parameter "${stranger}"; allowed are: socket, tls` };
  const tls = url.searchParams.get('tls') ?? 'off';
  const known = TLS.find((one) => one === tls);
  if (known === undefined) return { problem: `has tls=${tls}; allowed are: ${TLS.join(', ')}` };
  return {
    kind,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? null : Number(url.port),
    user: url.username === '' ? null : decodeURIComponent(url.username),
    name,
    socket: url.searchParams.get('socket'),
    tls: known,
  };
}

/** For messages: `shop on db.example.org`. */
export function shownDatabase(address: DatabaseAddress): string {
  return address.kind === 'sqlite' ? address.path : `${address.name} on ${address.socket ?? address.host}`;
}
