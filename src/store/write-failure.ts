// What a failed write means: is the batch surely lost, may the connection go on, and what should the operator do.
import { DeployError } from '../core/errors.ts';

/**
 * `retry`: rolled back; the same connection may try again.
 * `poisoned`: rolled back, but the disk answered with an I/O error: no further write before the store was reopened.
 * `ambiguous`: fsync(2) failed. Whether the batch is on the disk is not known, and asking fsync again would lie: Linux reports a failed
 * write-back once and then forgets it (https://wiki.postgresql.org/wiki/Fsync_Errors). Poisoned as well.
 */
export type WriteFailure = { readonly kind: 'retry' | 'poisoned' | 'ambiguous'; readonly error: DeployError };

/** Judges an error of a write; `null`: it is not one of SQLite's, so a bug. */
export function judgeWriteFailure(error: unknown, path: string): WriteFailure | null {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code !== 'string' || !code.startsWith('SQLITE_') || code.startsWith('SQLITE_CONSTRAINT') || code === 'SQLITE_MISUSE')
    return null;
  const came = `${(error as Error).message} (${code})`;
  if (/^SQLITE_IOERR_(DIR_)?FSYNC$/.test(code)) {
    const message =
      `the journal ${path} could not be made durable: ${came}. Whether the last entries are on the disk is not known. ` +
      'Nothing acknowledged before is lost. Check the disk, then start the daemon again: it reads what is really there.';
    return { kind: 'ambiguous', error: new DeployError('ambiguous', message, null, error) };
  }
  const tried = `the journal ${path} cannot be written: ${came}. Nothing of this was recorded, and nothing recorded before is lost. `;
  const kind = code.startsWith('SQLITE_IOERR') || code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB' ? 'poisoned' : 'retry';
  return { kind, error: new DeployError('store', tried + advice(code), null, error) };
}

function advice(code: string): string {
  if (code === 'SQLITE_FULL') return 'Free space on its file system; the daemon goes on by itself.';
  if (code.startsWith('SQLITE_READONLY') || code.startsWith('SQLITE_CANTOPEN') || code.startsWith('SQLITE_PERM')) {
    return 'Make the data directory writable for the account of the daemon.';
  }
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) return 'Close the other program that has the database open.';
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB')
    return 'The file is damaged: stop the daemon and restore the data directory.';
  return 'Check the disk, then start the daemon again.';
}

/** Every write after an I/O error, until the store is reopened. */
export function poisoned(path: string, first: DeployError): DeployError {
  const message = `the journal ${path} is closed for writing after an I/O error. Nothing of this was recorded. Check the disk, then start the daemon again.`;
  return new DeployError('store-closed', message, first.message);
}
