// PostgreSQL: a file and its record are one transaction; the lock is an advisory one of the session.
import pg from 'pg';
import type { ServerDatabase } from '../core/database-url.ts';
import { CONNECT_LIMIT_MS } from './database.ts';
import type { Database, Opening, Row, Value } from './database.ts';

/** The key of the advisory lock, in two halves as pg_locks shows it: "lock" and "step" in ASCII. Keys belong to one database. */
const LOCK = { classid: 0x6c6f636b, objid: 0x73746570 };

export async function openPostgresql(address: ServerDatabase, { password, application, signal }: Opening): Promise<Database> {
  const client = new pg.Client({
    host: address.socket ?? address.host,
    port: address.port ?? 5432,
    database: address.name,
    ...(address.user === null ? {} : { user: address.user }),
    ...(password === null ? {} : { password }),
    application_name: application,
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
    keepAlive: true,
    ...(address.tls === 'off' ? {} : { ssl: { rejectUnauthorized: address.tls === 'verify' } }),
  });
  // The query that is under way rejects; without a listener the same error would end the process.
  client.on('error', () => undefined);
  const end = (): void => void client.end().catch(() => undefined);
  signal.addEventListener('abort', end, { once: true });
  const rows = async (sql: string, values: readonly Value[] = []): Promise<Row[]> => {
    let n = 0;
    return (
      await client.query<Row>(
        sql.replace(/\?/g, () => `$${(n += 1)}`),
        [...values],
      )
    ).rows;
  };
  const close = async (): Promise<void> => {
    signal.removeEventListener('abort', end);
    await client.end().catch(() => undefined);
  };
  try {
    await client.connect();
    signal.throwIfAborted();
    // So that a long statement ends soon after a daemon that died (PostgreSQL 14 and newer); the lock is held until then.
    await client.query("SET client_connection_check_interval = '2s'").catch(() => undefined);
    const [here] = await rows("SELECT quote_ident(current_schema()) || '.lockstep_migrations' AS name");
    const table = typeof here?.['name'] === 'string' ? here['name'] : 'public.lockstep_migrations';
    return {
      kind: 'postgresql',
      table,
      tableOptions: '',
      begin: 'BEGIN',
      run: async (sql) => {
        await client.query(sql);
      },
      rows,
      hasTable: async () => (await rows('SELECT to_regclass(?) IS NOT NULL AS there', [table]))[0]?.['there'] === true,
      // A session that waits for the lock would hold a snapshot, which CREATE INDEX CONCURRENTLY of its holder waits for: asked, not waited for.
      tryLock: async () => {
        const [{ got } = {}] = await rows(`SELECT pg_try_advisory_lock(${LOCK.classid}, ${LOCK.objid}) AS got`);
        return got === true ? null : holderOf(await rows(HOLDER));
      },
      isAnswer: (error) => error instanceof pg.DatabaseError && error.severity === 'ERROR' && !/^(57P0|08)/.test(error.code ?? ''),
      // Counts characters, not UTF-16 units, from 1: near enough for a line.
      offsetOf: (error) => (error instanceof pg.DatabaseError && error.position !== undefined ? Number(error.position) - 1 : null),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const HOLDER = `SELECT a.pid, a.application_name AS name, host(a.client_addr) AS host FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
  WHERE l.locktype = 'advisory' AND l.granted AND l.classid = ${LOCK.classid} AND l.objid = ${LOCK.objid}
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

function holderOf([holder]: readonly Row[]): string {
  if (holder === undefined) return 'somebody who has just let go';
  const { pid, name, host } = holder;
  return `process ${String(pid)} (${String(name)}${typeof host === 'string' ? ` from ${host}` : ''})`;
}
