// Files of a release against records of the database: what was executed, what is new, and what must not be.
import { DeployError } from '../core/errors.ts';
import type { MigrationFile } from './files.ts';
import { naturally } from './files.ts';
import type { Execution } from './history.ts';

/**
 * The files that have not been executed, in order. Throws `refused`, naming the files, when one was changed after it was executed.
 * Records without a file are fine: the release is older, or of another branch.
 */
export function pendingOf(files: readonly MigrationFile[], records: readonly Execution[]): MigrationFile[] {
  const executed = new Map(records.filter(({ state }) => state === 'done').map((record) => [record.name, record]));
  const changed = files.flatMap(({ name, checksum }) => {
    const record = executed.get(name);
    return record === undefined || record.checksum === checksum ? [] : [`${name} (executed by deployment ${record.deployment})`];
  });
  if (changed.length > 0) {
    throw new DeployError(
      'refused',
      `migrations that were executed have been changed since: ${changed.join(', ')}. Take the changes back, and put what is missing into a new file`,
    );
  }
  return files.filter(({ name }) => !executed.has(name));
}

/** New files that sort before executed ones: other branches bring such; they run, but somebody should know. */
export function latecomersOf(pending: readonly MigrationFile[], records: readonly Execution[]): string[] {
  const last = records
    .filter(({ state }) => state === 'done')
    .sort((a, b) => naturally(a.name, b.name))
    .at(-1);
  if (last === undefined) return [];
  return pending
    .filter(({ name }) => naturally(name, last.name) < 0)
    .map(({ name }) => `${name} is new, but sorts before ${last.name}, which was executed already`);
}

/** A file that somebody else's deployment left in the middle: nothing can be run before that is settled. */
export function unsettled(record: Execution, table: string, where: string): DeployError {
  const { name, deployment, started, statement } = record;
  return new DeployError(
    'conflict',
    `${name} is marked as running in ${where} since ${started}, by deployment ${deployment}${statement > 0 ? `, at statement ${statement}` : ''}. ` +
      `If it still runs, wait for its end. If that deployment waits for an operator, say: lockstep migration mark-done ${deployment} or: lockstep migration mark-not-done ${deployment}. ` +
      `If its daemon is gone, look at the database, then say there whether the file is done: UPDATE ${table} SET state = 'done' WHERE name = '${name}', or: ` +
      `DELETE FROM ${table} WHERE name = '${name}'`,
  );
}
