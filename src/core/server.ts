// A server: one deployment target, and how it is reached.

/** How the daemon reaches a server: OpenSSH, this machine, or a model in memory that behaves like a server. */
export type TransportKind = 'ssh' | 'local' | 'simulated';

/** One deployment target. Belongs to exactly one cluster; two servers may share a computer. */
export type Server = {
  /** Unique within its cluster; what people call it. */
  readonly name: string;
  readonly transport: TransportKind;
  /** Host name or address; for `local` and `simulated` servers `localhost`. */
  readonly host: string;
  readonly port: number;
  /** Account on the server; `null`: the account ssh would choose. */
  readonly user: string | null;
  /** Absolute directory that holds `releases/`, `current`, `shared/` and `.lockstep/`. */
  readonly path: string;
  /** Name of the zone that it lies in; absent: it is in none. */
  readonly zone?: string;
  /** Where the relays of its zone reach it; absent: at `host` and `port`, like the daemon. */
  readonly zoneAddress?: { readonly host: string; readonly port: number };
  /** For the templates of files, over the cluster's. */
  readonly variables?: Readonly<Record<string, string>>;
};

/** What one server is doing, in the words that the page and the commands show. */
export type ServerState =
  | 'idle'
  | 'scheduled'
  | 'uploading'
  | 'uploaded'
  | 'locking'
  | 'locked'
  | 'switching'
  | 'switched'
  | 'unlocking'
  | 'live'
  | 'failed'
  | 'behind'
  | 'unreachable'
  | 'skipped';
