// The built-in migrations: what the port promises, put together from files, records, the lint and the databases.
import type { MigrationSettings } from '../core/cluster.ts';
import { shownDatabase } from '../core/database-url.ts';
import { DeployError } from '../core/errors.ts';
import type { MigrationRequest, Migrations, ReadSecret } from '../core/ports.ts';
import { latecomersOf, pendingOf, unsettled } from './compare.ts';
import type { Database } from './database.ts';
import { ambiguous, execute } from './execute.ts';
import type { MigrationFile } from './files.ts';
import { filesOf } from './files.ts';
import { ensureTable, forget, markDone, readRecords } from './history.ts';
import { findingText } from './lint-finding.ts';
import type { Finding } from './lint-finding.ts';
import { addressOf, openDatabase, reasonOf, takeLock } from './open-database.ts';

export type MigrationOptions = {
  /** Reads the password of a database. */
  readonly readSecret: ReadSecret;
  /** How long the lock of another is waited for. */
  readonly lockWaitMs?: number;
  /** After a lost connection: how long a new one is tried, to look at what is there. */
  readonly lookMs?: number;
  /** Stands between us and the database; tests of crashes put one there that kills at a chosen moment. */
  readonly wrapDatabase?: (database: Database) => Database;
};

const LOOK_AGAIN_MS = 500;
/** An operator waits for the answer. */
const SETTLE_WAIT_MS = 5_000;
/** A log line names no more of what the lint found. */
const MOST_FINDINGS = 50;

export function openMigrations({
  readSecret,
  lockWaitMs = 60_000,
  lookMs = 30_000,
  wrapDatabase = (one) => one,
}: MigrationOptions): Migrations {
  type Reach = Pick<MigrationRequest, 'settings'> & { readonly deployment: number | null; readonly isReadOnly: boolean };

  const open = async ({ settings, deployment, isReadOnly }: Reach, signal: AbortSignal): Promise<Database> => {
    const application = deployment === null ? 'lockstep' : `lockstep ${deployment}`;
    return wrapDatabase(await openDatabase(settings, readSecret, { application, isReadOnly, signal }));
  };

  /** Whatever a driver throws outside of a file is about the database, not a bug. */
  const withDatabase = async <T>(reach: Reach, signal: AbortSignal, action: (database: Database) => Promise<T>): Promise<T> => {
    const database = await open(reach, signal);
    try {
      return await action(database);
    } catch (error) {
      if (error instanceof DeployError) throw error;
      const code = database.isAnswer(error) ? 'migration' : 'unreachable';
      throw new DeployError(
        code,
        `the records of migrations in ${whereOf(reach.settings)} cannot be used: ${reasonOf(error)}`,
        null,
        error,
      );
    } finally {
      await database.close();
    }
  };

  /** The lock is ours only when the connection that was lost has ended for the server, too. */
  const reopen = async (request: MigrationRequest, signal: AbortSignal): Promise<Database> => {
    const until = Date.now() + lookMs;
    for (;;) {
      try {
        const database = await open({ ...request, isReadOnly: false }, signal);
        try {
          await takeLock(database, request.settings, Math.max(0, until - Date.now()));
          return database;
        } catch (error) {
          await database.close();
          throw error;
        }
      } catch (error) {
        if (Date.now() >= until || signal.aborted) throw error;
        await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
      }
    }
  };

  /** Executes the next file; returns how many are left after it. Each has a connection of its own. */
  const runNext = (request: MigrationRequest, files: readonly MigrationFile[], signal: AbortSignal): Promise<number> =>
    withDatabase({ ...request, isReadOnly: false }, signal, async (database) => {
      const { settings, log } = request;
      await takeLock(database, settings, lockWaitMs).catch(async (error: unknown) => {
        // A connection of our own that was lost may hold it still; whether its statement comes to an end, nobody knows.
        const isOurs = (await readRecords(database)).some(({ state, token }) => state === 'running' && token === request.token);
        if (isOurs) await refuseUnsettled(database, request, files);
        throw error;
      });
      await ensureTable(database);
      await refuseUnsettled(database, request, files);
      const [file, ...later] = pendingOf(files, await readRecords(database));
      if (file === undefined) return 0;
      const begun = Date.now();
      await execute(database, file, { run: request, reopen: () => reopen(request, signal) });
      log(`migration ${file.name} executed in ${whereOf(settings)} (${Date.now() - begun} ms)`);
      return later.length;
    });

  return {
    async check(request, artifact, signal) {
      const { settings, log } = request;
      const { kind } = addressOf(settings);
      const files = await filesOf(artifact, settings.directory, kind);
      await withDatabase({ ...request, isReadOnly: false }, signal, async (database) => {
        await ensureTable(database);
        const records = await readRecords(database);
        const left = records.find(({ state }) => state === 'running');
        if (left !== undefined) throw unsettled(left, database.table, whereOf(settings));
        const pending = pendingOf(files, records);
        for (const line of latecomersOf(pending, records)) log(`warning: ${line}`);
        refuseProblems(pending);
        if (settings.lint !== 'off') judgeLint(request, (await import('./lint.ts')).lint(pending, kind));
        const names = pending.map(({ name }) => name).join(', ');
        log(
          pending.length === 0 ? `migrations: nothing new for ${whereOf(settings)}` : `migrations to run in ${whereOf(settings)}: ${names}`,
        );
      });
    },

    async run(request, artifact, signal) {
      const files = await filesOf(artifact, request.settings.directory, addressOf(request.settings).kind);
      let left: number;
      do left = await runNext(request, files, signal);
      while (left > 0);
    },

    settle: (request, done, signal) =>
      withDatabase({ ...request, isReadOnly: false }, signal, async (database) => {
        await takeLock(database, request.settings, Math.min(lockWaitMs, SETTLE_WAIT_MS));
        const records = await readRecords(database);
        for (const { name } of records.filter(({ state, token }) => state === 'running' && token === request.token)) {
          await (done ? markDone(database, name) : forget(database, name));
          request.log(`migration ${name} ${done ? 'counts as executed' : 'counts as not executed'} in ${whereOf(request.settings)}`);
        }
      }),

    async pending(settings, artifact, signal) {
      const files = await filesOf(artifact, settings.directory, addressOf(settings).kind);
      return withDatabase({ settings, deployment: null, isReadOnly: true }, signal, async (database) =>
        pendingOf(files, await readRecords(database)).map(({ name }) => name),
      );
    },
  };
}

/** Throws `ambiguous` for a file that this deployment left running, `conflict` for one of another. */
async function refuseUnsettled(database: Database, request: MigrationRequest, files: readonly MigrationFile[]): Promise<void> {
  const left = (await readRecords(database)).find(({ state }) => state === 'running');
  if (left === undefined) return;
  const file = files.find(({ name }) => name === left.name);
  if (left.token !== request.token || file === undefined) throw unsettled(left, database.table, whereOf(request.settings));
  throw ambiguous(file, request, left.statement, 'the daemon or its connection was lost meanwhile');
}

function refuseProblems(pending: readonly MigrationFile[]): void {
  const problems = pending.flatMap(({ name, problems: own }) => own.map(({ line, message }) => `${name}:${line}: ${message}`));
  if (problems.length === 0) return;
  throw new DeployError(
    'refused',
    `migrations cannot be run as they are: ${problems[0] ?? ''}${more(problems)}`,
    problems.join('\n').slice(0, 4_000),
  );
}

function judgeLint({ settings, log }: MigrationRequest, findings: readonly Finding[]): void {
  const texts = findings.map(findingText);
  for (const text of texts.slice(0, MOST_FINDINGS)) log(`lint: ${text}`);
  const grave = findings.filter(({ isGrave }) => isGrave).map(findingText);
  if (settings.lint === 'warn' || grave.length === 0) return;
  throw new DeployError(
    'refused',
    `the lint refuses a migration: ${grave[0] ?? ''}${more(grave)}. If it is meant, write into the file: -- lockstep: allow ${rulesOf(findings)}`,
    grave.join('\n').slice(0, 4_000),
  );
}

const rulesOf = (findings: readonly Finding[]): string =>
  [...new Set(findings.filter(({ isGrave }) => isGrave).map(({ rule }) => rule))].join(', ');

const more = (all: readonly unknown[]): string => (all.length > 1 ? ` (and ${all.length - 1} more)` : '');

const whereOf = (settings: MigrationSettings): string => shownDatabase(addressOf(settings));
