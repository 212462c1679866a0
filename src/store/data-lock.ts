// One daemon per data directory: a lock that dies with the process that holds it.
import { chmod, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { DeployError } from '../core/errors.ts';
import { openPrivateDirectory } from './private-directory.ts';

export type DataLock = { release(): Promise<void> };

/**
 * Takes the data directory for this process, or rejects with DeployError `conflict` (another daemon has it, and which) or `store`.
 *
 * The lock is SQLite's own on a tiny database, that is fcntl(2): the kernel frees it when the process ends, however it ends, so there is no
 * stale lock and no guessing about process ids. (fcntl's trap: if this process opened and closed `daemon.lock` by other means, the lock
 * would be gone. Nothing else may touch that file.) `daemon.pid` beside it is only for the message.
 */
export async function lockDataDirectory(directory: string): Promise<DataLock> {
  await openPrivateDirectory(directory);
  const note = join(directory, 'daemon.pid');
  let database: Database.Database | null = null;
  try {
    database = new Database(join(directory, 'daemon.lock'), { timeout: 0 });
    database.pragma('locking_mode = EXCLUSIVE');
    database.exec('BEGIN EXCLUSIVE');
    // Others who may read it could lock it. (chmod(2) opens nothing.)
    await chmod(database.name, 0o600);
    await writeFile(note, `pid ${process.pid}, since ${new Date().toISOString()}\n`, { mode: 0o600 });
  } catch (error) {
    database?.close();
    throw await refusal(directory, note, error);
  }
  const held = database;
  return {
    release: async () => {
      if (!held.open) return;
      await rm(note, { force: true });
      held.close();
    },
  };
}

async function refusal(directory: string, note: string, error: unknown): Promise<DeployError> {
  const code = String((error as { code?: unknown }).code);
  if (!code.startsWith('SQLITE_BUSY')) {
    return new DeployError(
      'store',
      `the lock of the data directory ${directory} cannot be taken: ${(error as Error).message}`,
      null,
      error,
    );
  }
  const size = await stat(note).then(
    (found) => found.size,
    () => 0,
  );
  const holder = size > 0 && size < 200 ? (await readFile(note, 'utf8').catch(() => '')).trim() : '';
  const who = holder === '' ? 'another daemon' : `another daemon (${holder})`;
  return new DeployError('conflict', `${who} uses ${directory}; stop it first, or name another data directory with --data.`);
}
