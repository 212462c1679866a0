// The migration files of a release: found in its manifest (or in a directory), in natural order, read and checked.
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Artifact } from '../core/artifact.ts';
import type { DatabaseKind } from '../core/database-url.ts';
import { DeployError } from '../core/errors.ts';
import { split } from './split.ts';
import type { Statement } from './split.ts';

export type MigrationFile = {
  /** File name; the key of its record in the database. */
  readonly name: string;
  /** SHA-256 (hex) of its bytes. */
  readonly checksum: string;
  readonly text: string;
  readonly statements: readonly Statement[];
  /** `-- lockstep: no-transaction` */
  readonly isStepwise: boolean;
  /** Rules that `-- lockstep: allow …` names. */
  readonly allowed: readonly string[];
  /** Why it cannot be run as it is. */
  readonly problems: readonly { readonly line: number; readonly message: string }[];
};

/** As long as a key that every supported MySQL takes in four-byte characters. */
const LONGEST_NAME = 190;
const LARGEST_FILE = 32 * 1024 * 1024;

/** The `*.sql` files directly in `directory` of the artifact. Rejects with `configuration` when it has no such directory, `artifact`, `refused`. */
export async function filesOf(artifact: Artifact, directory: string, kind: DatabaseKind): Promise<MigrationFile[]> {
  const { entries } = artifact.manifest;
  if (!entries.some((entry) => entry.type === 'directory' && entry.path === directory)) {
    throw new DeployError(
      'configuration',
      `the release has no directory ${directory}, which "migrations.directory" names. It counts from the artifact (see "build.output"); ` +
        'a directory that is still empty needs a file such as .gitkeep to exist in Git',
    );
  }
  const own = entries.filter((entry) => entry.type !== 'directory' && isDirectlyIn(entry.path, directory) && entry.path.endsWith('.sql'));
  const files: MigrationFile[] = [];
  for (const entry of own.sort((a, b) => naturally(a.path, b.path))) {
    const bytes = await readFile(join(artifact.directory, entry.path));
    const file = readMigration(entry.path.slice(directory.length + 1), bytes, kind);
    if (entry.type === 'file' && entry.sha256 !== file.checksum) {
      throw new DeployError(
        'artifact',
        `${entry.path} was changed on this machine since the artifact was sealed; deploy the revision again`,
      );
    }
    files.push(file);
  }
  return files;
}

/** The same for a directory of this machine. Rejects with `not-found`. */
export async function filesIn(directory: string, kind: DatabaseKind): Promise<MigrationFile[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    throw new DeployError('not-found', `the directory ${directory} cannot be read: ${(error as Error).message}. Name it with --directory`);
  });
  const own = names.filter((name) => name.endsWith('.sql')).sort(naturally);
  return Promise.all(own.map(async (name) => readMigration(name, await readFile(join(directory, name)), kind)));
}

const isDirectlyIn = (path: string, directory: string): boolean =>
  path.startsWith(`${directory}/`) && !path.slice(directory.length + 1).includes('/');

/** Numbers by their value (`2_` before `10_`, however many zeros), the rest by its characters. A total order on different names. */
export function naturally(a: string, b: string): number {
  const [x, y] = [partsOf(a), partsOf(b)];
  for (const [i, part] of x.entries()) {
    const other = y[i];
    if (other === undefined) return 1;
    const difference = /^\d/.test(part) && /^\d/.test(other) ? byValue(part, other) : byText(part, other);
    if (difference !== 0) return difference;
  }
  return x.length === y.length ? byText(a, b) : -1;
}

const partsOf = (name: string): readonly string[] => name.match(/\d+|\D+/g) ?? [];

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function byValue(a: string, b: string): number {
  const [x, y] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')];
  return x.length - y.length || byText(x, y);
}

export function readMigration(name: string, bytes: Buffer, kind: DatabaseKind): MigrationFile {
  if (name.length > LONGEST_NAME || !/^[\p{L}\p{N}][\p{L}\p{N}\p{M} ._+-]*$/u.test(name)) {
    throw new DeployError(
      'refused',
      `${JSON.stringify(name)} is not a name for a migration: letters, digits, ".", "_", "-", "+" and spaces are allowed, ${LONGEST_NAME} at most`,
    );
  }
  if (bytes.length > LARGEST_FILE)
    throw new DeployError('refused', `${name} is larger than ${LARGEST_FILE / 1024 / 1024} MiB; split it up`);
  const text = decoded(name, bytes);
  const { statements, comments, unterminated } = split(text, kind);
  const problems: MigrationFile['problems'][number][] = [];
  const allowed: string[] = [];
  let isStepwise = kind === 'mysql' || kind === 'mariadb';
  for (const { text: comment, line } of comments) {
    const directive = /^lockstep:\s*(.*)$/.exec(comment)?.[1];
    const rules = directive === undefined ? undefined : /^allow\s+([a-z-]+(?:\s*,\s*[a-z-]+)*)$/.exec(directive)?.[1];
    if (directive === 'no-transaction') isStepwise = true;
    else if (rules !== undefined) allowed.push(...rules.split(/\s*,\s*/));
    else if (directive !== undefined) {
      problems.push({ line, message: `"lockstep: ${directive}" is not understood; write "no-transaction", or "allow" and names of rules` });
    }
  }
  if (unterminated !== null) {
    problems.push({ line: unterminated, message: 'what begins here never ends: a string, a comment, or a body that lacks its END' });
  }
  for (const statement of statements) {
    const message = problemOf(statement, kind, isStepwise);
    if (message !== null) problems.push({ line: statement.line, message });
  }
  return { name, checksum: createHash('sha256').update(bytes).digest('hex'), text, statements, isStepwise, allowed, problems };
}

function decoded(name: string, bytes: Buffer): string {
  try {
    // Takes a byte order mark away, too.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new DeployError('refused', `${name} is not UTF-8 text; convert it: iconv -t UTF-8`);
  }
}

const TRANSACTION = ['BEGIN', 'START', 'COMMIT', 'END', 'ROLLBACK', 'ABORT'];

/** What would break the promise that a file and its record are one, or cannot work; said before any server is touched. */
function problemOf({ words }: Statement, kind: DatabaseKind, isStepwise: boolean): string | null {
  const [first = '', second = ''] = words;
  if (kind === 'mysql' || kind === 'mariadb') {
    // Our own table could not be written any more: https://mariadb.com/kb/en/lock-tables/
    if (first === 'LOCK' && /^TABLES?$/.test(second)) return 'LOCK TABLES cannot be recorded statement by statement; leave it out';
    return null;
  }
  if (isStepwise) return null;
  const isSavepoint = first === 'ROLLBACK' && words.includes('TO');
  if ((TRANSACTION.includes(first) && !isSavepoint) || (first === 'PREPARE' && second === 'TRANSACTION')) {
    return `${first} ends or begins a transaction, but the file runs in one already; leave it out, or write "-- lockstep: no-transaction" at the top`;
  }
  if (words.includes('CONCURRENTLY') && !['COMMENT', 'INSERT', 'REFRESH'].includes(first)) {
    return 'CONCURRENTLY is not possible in a transaction; put it into a file of its own with "-- lockstep: no-transaction" at the top';
  }
  return first === 'VACUUM' ? 'VACUUM is not possible in a transaction; write "-- lockstep: no-transaction" at the top' : null;
}
