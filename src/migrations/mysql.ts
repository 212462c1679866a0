// MySQL and MariaDB: DDL commits by itself, so files run statement by statement; the lock is a named one of the session.
import { createHash } from 'node:crypto';
import mysql from 'mysql2/promise';
import type { ServerDatabase } from '../core/database-url.ts';
import { CONNECT_LIMIT_MS } from './database.ts';
import type { Database, Opening, Row, Value } from './database.ts';

/** Connection killed, server shutting down: the server speaks, but says nothing about the statement. */
const NO_ANSWERS = [1053, 1927, 3169];

export async function openMysql(address: ServerDatabase, { password, application, signal }: Opening): Promise<Database> {
  const connection = await mysql.createConnection({
    ...(address.socket === null ? { host: address.host, port: address.port ?? 3306 } : { socketPath: address.socket }),
    database: address.name,
    ...(address.user === null ? {} : { user: address.user }),
    ...(password === null ? {} : { password }),
    charset: 'utf8mb4',
    connectTimeout: CONNECT_LIMIT_MS,
    multipleStatements: false,
    enableKeepAlive: true,
    connectAttributes: { program_name: application },
    ...(address.tls === 'off' ? {} : { ssl: { rejectUnauthorized: address.tls === 'verify' } }),
  });
  connection.on('error', () => undefined);
  const end = (): void => connection.destroy();
  if (signal.aborted) end();
  signal.addEventListener('abort', end, { once: true });
  const rows = async (sql: string, values: readonly Value[] = []): Promise<Row[]> => {
    const [found] = await connection.query(sql, [...values]);
    return Array.isArray(found) ? (found as Row[]) : [];
  };
  // Names of locks belong to the whole server and have at most 64 characters.
  const lock = `lockstep_migrations ${createHash('sha256').update(address.name).digest('hex').slice(0, 32)}`;
  return {
    kind: address.kind,
    table: `\`${address.name.replaceAll('`', '``')}\`.lockstep_migrations`,
    tableOptions: ' ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin',
    begin: 'START TRANSACTION',
    run: async (sql) => {
      await connection.query(sql);
    },
    rows,
    hasTable: async () => {
      const table = 'SELECT 1 FROM information_schema.tables WHERE table_schema = ? AND table_name = ?';
      return (await rows(table, [address.name, 'lockstep_migrations'])).length > 0;
    },
    tryLock: async () => {
      const [{ got } = {}] = await rows('SELECT GET_LOCK(?, 0) AS got', [lock]);
      if (got === 1) return null;
      const [{ holder } = {}] = await rows('SELECT IS_USED_LOCK(?) AS holder', [lock]);
      return `connection ${String(holder)} (see SHOW PROCESSLIST)`;
    },
    isAnswer: (error) => {
      const { sqlState, errno, fatal } = error as { sqlState?: string; errno?: number; fatal?: boolean };
      return typeof sqlState === 'string' && fatal !== true && !NO_ANSWERS.includes(errno ?? 0);
    },
    offsetOf: () => null,
    close: async () => {
      signal.removeEventListener('abort', end);
      await connection.end().catch(() => connection.destroy());
    },
  };
}
