// A database as migrations see it: one connection, a lock that dies with it, and the few things in which systems differ.
import type { DatabaseKind } from '../core/database-url.ts';

export type Value = string | number | null;
export type Row = Readonly<Record<string, unknown>>;

/** One connection. What a file sets for its session ends with it, and so does the lock, however it ends. */
export type Database = {
  readonly kind: DatabaseKind;
  /** The table of records, with its schema, quoted: a file may change the default schema. */
  readonly table: string;
  /** Ends of CREATE TABLE: what the table needs beyond its columns. */
  readonly tableOptions: string;
  /** Begins a transaction that a file and its record share. */
  readonly begin: string;
  /** Executes SQL; PostgreSQL and SQLite also take several statements at once. */
  run(sql: string): Promise<void>;
  /** One statement with `?` for the values. */
  rows(sql: string, values?: readonly Value[]): Promise<Row[]>;
  hasTable(): Promise<boolean>;
  /** `null`: this connection holds the lock now; otherwise who holds it, for a message. */
  tryLock(): Promise<string | null>;
  /** Did the server answer with this error? Otherwise the connection is lost, and nobody knows what became of the statement. */
  isAnswer(error: unknown): boolean;
  /** Where in the text that was run the server found the mistake, if it tells; an offset. */
  offsetOf(error: unknown): number | null;
  /** Ends the connection and with it the lock. Never rejects. */
  close(): Promise<void>;
};

export type Opening = {
  readonly password: string | null;
  /** What the database shows of us: `lockstep 42`. */
  readonly application: string;
  /** Do not make what is not there. */
  readonly isReadOnly: boolean;
  /** Ends the connection at once. */
  readonly signal: AbortSignal;
};

export const CONNECT_LIMIT_MS = 10_000;
