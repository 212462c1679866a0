// The table of records in the target database: which files were executed there, and which one is being executed.
import type { MigrationFile } from './files.ts';
import type { Database } from './database.ts';

export type Execution = {
  readonly name: string;
  readonly checksum: string;
  /** `running` and not being executed: the connection or the daemon was lost in the middle, or a statement failed after others. */
  readonly state: 'running' | 'done';
  /** Of a file that runs statement by statement: the last one that was begun, from 1. 0: the file runs as a whole. */
  readonly statement: number;
  readonly started: string;
  /** Number of the deployment, and its token. */
  readonly deployment: number;
  readonly token: string;
};

/** Who executes. */
export type Run = { readonly deployment: number; readonly token: string };

const COLUMNS = `name VARCHAR(190) NOT NULL PRIMARY KEY, checksum CHAR(64) NOT NULL, state VARCHAR(10) NOT NULL, statement INTEGER NOT NULL,
  started VARCHAR(32) NOT NULL, finished VARCHAR(32), deployment INTEGER NOT NULL, token VARCHAR(64) NOT NULL`;

/** Makes the table if it is missing. Two that make it at the same time do not fail. */
export async function ensureTable(database: Database): Promise<void> {
  if (await database.hasTable()) return;
  try {
    await database.run(`CREATE TABLE ${database.table} (${COLUMNS})${database.tableOptions}`);
  } catch (error) {
    if (!database.isAnswer(error) || !(await database.hasTable())) throw error;
  }
}

/** Empty, too, when there is no table. */
export async function readRecords(database: Database): Promise<Execution[]> {
  if (!(await database.hasTable())) return [];
  return (await database.rows(`SELECT name, checksum, state, statement, started, deployment, token FROM ${database.table}`)).map((row) => ({
    name: String(row['name']),
    checksum: String(row['checksum']),
    state: row['state'] === 'done' ? 'done' : 'running',
    statement: Number(row['statement']),
    started: String(row['started']),
    deployment: Number(row['deployment']),
    token: String(row['token']),
  }));
}

export const findRecord = async (database: Database, name: string): Promise<Execution | null> =>
  (await readRecords(database)).find((record) => record.name === name) ?? null;

export async function markRunning(database: Database, { name, checksum }: MigrationFile, statement: number, run: Run): Promise<void> {
  await database.rows(
    `INSERT INTO ${database.table} (name, checksum, state, statement, started, deployment, token) VALUES (?, ?, 'running', ?, ?, ?, ?)`,
    [name, checksum, statement, now(), run.deployment, run.token],
  );
}

export async function markStatement(database: Database, { name }: MigrationFile, statement: number): Promise<void> {
  await database.rows(`UPDATE ${database.table} SET statement = ? WHERE name = ?`, [statement, name]);
}

export async function markDone(database: Database, name: string): Promise<void> {
  await database.rows(`UPDATE ${database.table} SET state = 'done', finished = ? WHERE name = ?`, [now(), name]);
}

export async function forget(database: Database, name: string): Promise<void> {
  await database.rows(`DELETE FROM ${database.table} WHERE name = ? AND state = 'running'`, [name]);
}

const now = (): string => new Date().toISOString();
