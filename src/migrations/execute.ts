// Executes one file at most once: with its record in one transaction, or statement by statement, each written down before it is begun.
import { DeployError } from '../core/errors.ts';
import type { Database } from './database.ts';
import type { MigrationFile } from './files.ts';
import { findRecord, forget, markDone, markRunning, markStatement } from './history.ts';
import type { Run } from './history.ts';
import { reasonOf } from './open-database.ts';
import type { Statement } from './split.ts';

/** Where an execution stands when it fails. */
type Progress = {
  /** Statement that is begun, from 1; 0: none, or the file runs as a whole. */
  statement: number;
  stage: 'before' | 'executing' | 'between' | 'committing';
};

export type Tools = {
  readonly run: Run;
  /** A new connection that holds the lock: the one that was lost has ended when it is there. */
  readonly reopen: () => Promise<Database>;
};

/**
 * Resolves when the file is executed and recorded. Rejects with `migration`: it failed, and nothing of it is in the database; with
 * `ambiguous`: nobody knows, or a part of it is there; the record stays `running` until it is settled.
 */
export async function execute(database: Database, file: MigrationFile, tools: Tools): Promise<void> {
  const progress: Progress = { statement: 0, stage: 'before' };
  try {
    await (file.isStepwise ? stepwise : asWhole)(database, file, tools.run, progress);
  } catch (error) {
    await afterFailure(database, file, tools, progress, error);
  }
}

/** The record comes first: should a file end the transaction by some trick, `running` stays behind instead of nothing. */
async function asWhole(database: Database, file: MigrationFile, run: Run, progress: Progress): Promise<void> {
  await database.run(database.begin);
  await markRunning(database, file, 0, run);
  progress.stage = 'executing';
  await database.run(file.text);
  await markDone(database, file.name);
  progress.stage = 'committing';
  await database.run('COMMIT');
}

/**
 * The number of a statement is written by the same connection: if the file has opened a transaction, the number is part of it, and what
 * is found after a failure is the last statement of which anything can be in the database.
 */
async function stepwise(database: Database, file: MigrationFile, run: Run, progress: Progress): Promise<void> {
  await markRunning(database, file, file.statements.length === 0 ? 0 : 1, run);
  for (const [i, statement] of file.statements.entries()) {
    if (i > 0) await markStatement(database, file, i + 1);
    progress.statement = i + 1;
    progress.stage = 'executing';
    await database.run(statement.text);
    progress.stage = 'between';
  }
  progress.stage = 'committing';
  await markDone(database, file.name);
  // A transaction that the file has left open is committed with its record.
  await database.run('COMMIT').catch((error: unknown) => {
    if (database.kind !== 'sqlite' || !database.isAnswer(error)) throw error;
  });
}

/** Throws what the operator must know; returns if all went well after all. */
async function afterFailure(database: Database, file: MigrationFile, tools: Tools, progress: Progress, error: unknown): Promise<void> {
  const failure = { why: failureText(database, file, progress, error), isAnswer: database.isAnswer(error), error };
  let look: Database | null = null;
  let verdict: DeployError | null;
  try {
    const isAlive = failure.isAnswer && (await rollBack(database));
    if (!isAlive) await database.close();
    look = isAlive ? database : await tools.reopen();
    verdict = await judge(look, file, tools.run, progress, failure);
  } catch (unknown) {
    // Without a COMMIT the server rolls back by itself.
    const isCertain = !file.isStepwise && progress.stage !== 'committing';
    const why = `${failure.why}; and the database could not be looked at: ${reasonOf(unknown)}`;
    verdict = isCertain ? failed(file, failure.why) : ambiguous(file, tools.run, Math.max(1, progress.statement), why);
  } finally {
    if (look !== null && look !== database) await look.close();
  }
  if (verdict !== null) throw verdict;
}

/** Does the connection answer still? That there is nothing to roll back is an answer, too. */
const rollBack = (database: Database): Promise<boolean> =>
  database.run('ROLLBACK').then(
    () => true,
    (error: unknown) => database.isAnswer(error),
  );

type Failure = { readonly why: string; readonly isAnswer: boolean; readonly error: unknown };

/** Looks at the record, which alone knows what is committed. `null`: the file was executed. */
async function judge(look: Database, file: MigrationFile, run: Run, progress: Progress, failure: Failure): Promise<DeployError | null> {
  const record = await findRecord(look, file.name);
  if (record === null) return failed(file, failure.why);
  if (record.state === 'done') return null;
  if (!file.isStepwise) return ambiguous(file, run, 0, failure.why);
  const { stage, statement } = progress;
  const begun = record.statement;
  if (isUndone(look, file, progress, begun, failure)) {
    await forget(look, file.name);
    return failed(file, failure.why);
  }
  if (stage === 'committing' && begun === statement) {
    await markDone(look, file.name);
    return null;
  }
  const isLost = stage === 'executing' && begun === statement && !failure.isAnswer;
  return isLost ? ambiguous(file, run, begun, failure.why) : halfDone(file, run, progress, begun, failure.why);
}

/** Is it certain that nothing of the file is in the database, although its record is? */
function isUndone(
  database: Database,
  { statements }: MigrationFile,
  { stage, statement }: Progress,
  begun: number,
  failure: Failure,
): boolean {
  if (stage === 'before') return true;
  const [first] = statements;
  if (begun > 1 || first === undefined) return false;
  if (stage === 'executing' && statement === 1) return failure.isAnswer && !mayHaveHalfHappened(database, first, failure.error);
  // The later numbers were rolled back, and the statements with them.
  return opensTransaction(first);
}

const opensTransaction = ({ words: [first, second] }: Statement): boolean =>
  first === 'BEGIN' || (first === 'START' && second === 'TRANSACTION');

/** Statements that can leave something behind although the server says that they failed. */
function mayHaveHalfHappened({ kind }: Database, { words }: Statement, error: unknown): boolean {
  const code = String((error as { code?: unknown }).code);
  const [first] = words;
  // A procedure commits as it likes.
  if (first === 'CALL' || first === 'DO') return true;
  // A failed build leaves an invalid index; what is wrong in itself (class 42) is refused before.
  if (kind === 'postgresql') return words.includes('CONCURRENTLY') && !code.startsWith('42');
  // MariaDB: DROP TABLE a, b drops a when there is no b. https://mariadb.com/kb/en/drop-table/
  return kind !== 'sqlite' && first === 'DROP' && code !== 'ER_PARSE_ERROR';
}

/** `003_name.sql:14: column "x" does not exist` */
function failureText(database: Database, file: MigrationFile, progress: Progress, error: unknown): string {
  const offset = database.offsetOf(error);
  const statement = file.statements[progress.statement - 1];
  let line: number | null = statement?.line ?? null;
  if (offset !== null && progress.stage === 'executing') {
    const text = file.isStepwise ? (statement?.text ?? '') : file.text;
    line = text.slice(0, offset).split('\n').length + (file.isStepwise ? (line ?? 1) - 1 : 0);
  }
  return `${file.name}${line === null ? '' : `:${line}`}: ${reasonOf(error)}`;
}

const failed = (file: MigrationFile, why: string): DeployError =>
  new DeployError('migration', `migration ${file.name} failed, nothing of it is in the database: ${why}`);

/** Certain, but not undone: what is committed and what is not. */
function halfDone(file: MigrationFile, run: Run, { stage, statement }: Progress, begun: number, why: string): DeployError {
  const isExecuted = stage !== 'executing';
  const committed = begun < statement || isExecuted ? Math.min(begun, statement) : statement - 1;
  const facts = [
    committed === 0
      ? 'it may have left something behind'
      : `${numbers(1, committed)} of the file ${committed === 1 ? 'is' : 'are'} committed`,
    ...(begun < statement ? [`${numbers(begun + 1, statement)} ${begun + 1 === statement ? 'is' : 'are'} rolled back`] : []),
    ...(statement < file.statements.length ? ['nothing after it was begun'] : []),
  ];
  const what = `statement ${statement} of migration ${file.name} ${isExecuted ? 'was executed, but could not be followed by the next' : 'failed'}`;
  return question(file, run, statement, `${what}: ${why}; ${facts.join('; ')}`);
}

/** What a crash or a lost connection leaves, found by the same run or by the next. */
export function ambiguous(file: MigrationFile, run: Run, statement: number, why: string | null): DeployError {
  const because = why === null ? '' : ` (${why})`;
  if (!file.isStepwise) return question(file, run, 0, `nobody knows whether migration ${file.name} was committed${because}`);
  const before = statement > 1 ? `; ${numbers(1, statement - 1)} of the file ${statement === 2 ? 'is' : 'are'} committed` : '';
  return question(
    file,
    run,
    statement,
    `nobody knows whether statement ${statement} of migration ${file.name} was executed${because}${before}`,
  );
}

const numbers = (first: number, last: number): string => (first === last ? `statement ${first}` : `statements ${first} to ${last}`);

const LONGEST_STATEMENT = 500;

function question(file: MigrationFile, { deployment }: Run, number: number, what: string): DeployError {
  const statement = file.statements[number - 1];
  const text = statement?.text.replace(/\s+/g, ' ') ?? '';
  const short = text.length > LONGEST_STATEMENT ? `${text.slice(0, LONGEST_STATEMENT)}…` : text;
  const shown = statement === undefined ? '' : `. The statement (line ${statement.line}): \`${short}\``;
  return new DeployError(
    'ambiguous',
    `${what}${shown}. It is not run again. Look at the database, bring it to one or the other, then say: ` +
      `lockstep migration mark-done ${deployment} (the whole file counts as executed, the files after it run, all servers go forward) ` +
      `or: lockstep migration mark-not-done ${deployment} (nothing of the file is there, all servers go back)`,
    statement === undefined ? null : statement.text.slice(0, 4_000),
  );
}
