// Opens the database of a cluster's migrations, whichever it is, and takes its lock.
import { parseDatabaseUrl, shownDatabase } from '../core/database-url.ts';
import type { DatabaseAddress } from '../core/database-url.ts';
import type { MigrationSettings } from '../core/cluster.ts';
import { DeployError } from '../core/errors.ts';
import type { ReadSecret } from '../core/ports.ts';
import type { Database, Opening } from './database.ts';

const LOCK_ASKED_EVERY_MS = 100;

/** Rejects with `configuration`. */
export function addressOf({ database }: MigrationSettings): DatabaseAddress {
  const address = parseDatabaseUrl(database);
  if ('problem' in address) throw new DeployError('configuration', `migrations.database ${address.problem}`);
  return address;
}

/** The caller closes it. Rejects with `configuration` or `unreachable`, without the password in any message. */
export async function openDatabase(
  settings: MigrationSettings,
  readSecret: ReadSecret,
  options: Omit<Opening, 'password'>,
): Promise<Database> {
  const address = addressOf(settings);
  const shown = shownDatabase(address);
  const reference = settings.password;
  const password = reference === null ? null : await readSecret(reference, `the password of ${shown}`, options.signal);
  const opening: Opening = { ...options, password };
  try {
    return await openKind(address, opening);
  } catch (error) {
    throw new DeployError('unreachable', `the database ${shown} cannot be opened: ${reasonOf(error, password)}`, null, error);
  }
}

/** A driver is loaded when it is needed: most daemons need one or none. */
async function openKind(address: DatabaseAddress, opening: Opening): Promise<Database> {
  if (address.kind === 'sqlite') return (await import('./sqlite.ts')).openSqlite(address.path, opening);
  if (address.kind === 'postgresql') return (await import('./postgresql.ts')).openPostgresql(address, opening);
  return (await import('./mysql.ts')).openMysql(address, opening);
}

/** What a driver says, on one line. Several addresses that were tried in vain have their reasons inside. */
export function reasonOf(error: unknown, password: string | null = null): string {
  const { message, code, errors } = error as { message?: string; code?: string; errors?: readonly unknown[] };
  if (errors?.[0] !== undefined) return reasonOf(errors[0], password);
  const said = (message ?? '').replace(/\s+/g, ' ').trim() || code || 'no reason given';
  return password === null ? said : said.replaceAll(password, '…');
}

/** Resolves when the connection holds the lock; rejects with `conflict` after `waitMs`. */
export async function takeLock(database: Database, settings: MigrationSettings, waitMs: number): Promise<void> {
  const until = Date.now() + waitMs;
  for (;;) {
    const holder = await database.tryLock();
    if (holder === null) return;
    if (Date.now() >= until) {
      const where = shownDatabase(addressOf(settings));
      throw new DeployError(
        'conflict',
        `other migrations are running in ${where}: ${holder} holds the lock, which was waited for for ${waitMs / 1000} s. Deploy again when they are done`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, LOCK_ASKED_EVERY_MS));
  }
}
