// The journal and its projections in one SQLite database: a batch is durable when `append` resolves.
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { DeployError } from '../core/errors.ts';
import type { Batch, Store } from '../core/ports.ts';
import { syncDirectory } from './atomic-file.ts';
import { openAudit } from './audit.ts';
import { endedReads, endedRow, prepareEnded } from './ended.ts';
import type { EndedStatements } from './ended.ts';
import { migrate } from './migrations.ts';
import { outboxOf } from './outbox.ts';
import { openPrivateDirectory } from './private-directory.ts';
import { clusterRow, deliveryRow, deploymentRow, eventRow, readCluster, readDelivery, readDeployment, readEvent } from './rows.ts';
import { prepareStatements, type Statements } from './statements.ts';
import { judgeWriteFailure, poisoned } from './write-failure.ts';

/** Enough to know every delivery again that a sender repeats, and to find out what happened last week. */
const KEPT_DELIVERIES = 10_000;

/**
 * Pages of the database in memory. better-sqlite3 builds SQLite with 16 MB, which fill up with history that nobody asks for; what is read again and again
 * is at the ends of a few trees, and the kernel keeps the file (https://www.sqlite.org/pragma.html#pragma_cache_size).
 */
const CACHE_KIB = 4_000;

/**
 * Opens (or makes) `<directory>/lockstep.db`. The caller holds the lock of the data directory (data-lock.ts).
 * WAL with `synchronous=FULL`: each commit is one fsync of the log (https://www.sqlite.org/pragma.html#pragma_synchronous).
 * Rejects with DeployError `store` (cannot be opened, damaged, written by a newer Lockstep) or `configuration` (modes that are too wide).
 *
 * `append` rejects with `store` when the batch was rolled back, with `ambiguous` when its fsync failed (see write-failure.ts), and with a
 * plain Error for a bug of the caller such as a gap in the numbers.
 */
export async function openStore(directory: string): Promise<Store> {
  await openPrivateDirectory(directory);
  const path = join(directory, 'lockstep.db');
  try {
    await makePrivate(path);
    const database = openDatabase(path);
    await syncDirectory(directory);
    return store(path, database);
  } catch (error) {
    if (error instanceof DeployError) throw error;
    throw new DeployError(
      'store',
      `the database ${path} cannot be opened: ${(error as Error).message}. Check its file system, or restore the data directory from a backup.`,
      null,
      error,
    );
  }
}

/**
 * SQLite would make the file with the umask's mode; its log files take over the mode of the file. A file that is there is not opened here:
 * closing it would drop the locks of another connection of this process (https://www.sqlite.org/howtocorrupt.html, 2.2).
 */
async function makePrivate(path: string): Promise<void> {
  const mode = await stat(path).then(
    (found) => found.mode,
    () => null,
  );
  if (mode === null) await (await open(path, 'wx', 0o600)).close();
  else if ((mode & 0o077) !== 0) {
    const octal = (mode & 0o777).toString(8);
    throw new DeployError('configuration', `${path} can be read by other users (mode ${octal}). Run: chmod 600 '${path}'`);
  }
}

function openDatabase(path: string): Database.Database {
  const database = new Database(path, { timeout: 1000 });
  try {
    database.pragma('trusted_schema = OFF');
    database.pragma('synchronous = FULL');
    database.pragma(`cache_size = -${CACHE_KIB}`);
    // Before the write-ahead log is switched on: a file that is not ours stays as it is.
    migrate(database);
    const mode = database.pragma('journal_mode = WAL', { simple: true });
    if (mode !== 'wal')
      throw new DeployError('store', `${path} cannot use a write-ahead log (got ${String(mode)}): use a local file system.`);
    database.pragma('foreign_keys = ON');
    database.pragma('journal_size_limit = 67108864');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function store(path: string, database: Database.Database): Store {
  const statements = prepareStatements(database);
  const audit = openAudit(database);
  const ended = prepareEnded(database);
  const write = database.transaction((batch: Batch) => {
    writeBatch(statements, ended, batch);
    audit.append(batch.audit);
  });
  const raise = database.transaction((): number => statements.raiseEpoch.get() as number);
  let wrong: DeployError | null = null;

  const attempt = <T>(action: () => T): T => {
    if (wrong !== null) throw poisoned(path, wrong);
    try {
      return action();
    } catch (error) {
      const failure = judgeWriteFailure(error, path);
      if (failure === null) throw error;
      if (failure.kind !== 'retry') wrong = failure.error;
      throw failure.error;
    }
  };

  const methods = promised<Omit<Store, 'verifyAudit'>>({
    ...outboxOf(database, attempt),
    append: (batch) => {
      attempt(() => write.immediate(batch));
    },
    raiseEpoch: () => attempt(() => raise.immediate()),
    events: ({ after, limit, deployment }) =>
      (deployment === undefined ? statements.events.all(after, limit) : statements.eventsOf.all(deployment, after, limit)).map(readEvent),
    lastEvent: () => statements.lastEvent.get() as number,
    lastDeployment: () => statements.lastDeployment.get() as number,
    clusters: () => statements.clusters.all().map(readCluster),
    heads: () => statements.heads.all(),
    deployment: (number) => {
      const row = statements.deployment.get(number);
      return row === undefined ? null : readDeployment(row);
    },
    unfinished: () => statements.unfinished.all().map(readDeployment),
    history: ({ cluster, before = Number.MAX_SAFE_INTEGER, limit }) =>
      (cluster === undefined ? statements.history.all(before, limit) : statements.historyOf.all(cluster, before, limit)).map(
        readDeployment,
      ),
    ...endedReads(ended),
    delivery: (repository, id) => {
      const row = statements.delivery.get(repository, id);
      return row === undefined ? null : readDelivery(row);
    },
    deliveries: ({ repository, limit }) =>
      (repository === undefined ? statements.deliveries.all(limit) : statements.deliveriesOf.all(repository, limit)).map(readDelivery),
    audit: (query) => audit.entries(query),
    openDeliveries: () => statements.openDeliveries.all().map(readDelivery),
    close: () => {
      database.close();
    },
  });
  return { ...methods, verifyAudit: (expected) => audit.verify(expected) };
}

function writeBatch(statements: Statements, ended: EndedStatements, batch: Batch): void {
  let last = statements.lastEvent.get() as number;
  for (const event of batch.events) {
    if (event.number !== last + 1)
      throw new Error(`event ${event.number} (${event.event.type}) does not follow event ${last} of the journal`);
    statements.insertEvent.run(eventRow(event));
    last = event.number;
  }
  for (const record of batch.deployments) statements.putDeployment.run(deploymentRow(record));
  for (const record of batch.clusters) statements.putCluster.run(clusterRow(record));
  for (const record of batch.deliveries) statements.putDelivery.run(deliveryRow(record));
  for (const one of batch.ended ?? []) ended.put.run(endedRow(one));
  if (batch.deliveries.length > 0) statements.pruneDeliveries.run(KEPT_DELIVERIES);
  for (const head of batch.heads) statements.putHead.run({ repository: head.repository, branch: head.branch, revision: head.revision });
}

type Synchronous<T> = { [K in keyof T]: T[K] extends (...args: infer A) => Promise<infer R> ? (...args: A) => R : never };

/** SQLite answers at once; the port is asynchronous so that another database can stand behind it. What is thrown becomes a rejection. */
function promised<T>(methods: Synchronous<T>): T {
  const entries = Object.entries<(...args: never[]) => unknown>(methods as never);
  return Object.fromEntries(
    entries.map(([name, method]) => [name, (...args: never[]) => Promise.resolve().then(() => method(...args))]),
  ) as T;
}
