// The audit's table: a chain of hashes, written with what it is about in one transaction, and never changed.
import { createHash } from 'node:crypto';
import type { Database, Statement } from 'better-sqlite3';
import { FIRST_HASH } from '../core/audit.ts';
import type { AuditEntry, AuditMark, AuditQuery, AuditVerdict, TimedNote } from '../core/audit.ts';
import { canonical } from '../core/canonical.ts';

/** `at` and `cluster` stand in the body, too; here they are for the index, and the verification compares them. */
type Row = { readonly number: number; readonly at: number; readonly cluster: string | null; readonly body: string; readonly hash: string };

/** Makes the table; `audit_end` says how far the chain went, so that an end that was cut off is missed. */
export const AUDIT_SCHEMA = `
  CREATE TABLE audit (number INTEGER PRIMARY KEY, at INTEGER NOT NULL, cluster TEXT, body TEXT NOT NULL, hash TEXT NOT NULL) STRICT;
  CREATE INDEX audit_of_cluster ON audit (cluster, number) WHERE cluster IS NOT NULL;
  CREATE TRIGGER audit_has_no_gap BEFORE INSERT ON audit
    WHEN NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM audit)
    BEGIN SELECT raise(ABORT, 'the audit has no gaps'); END;
  CREATE TRIGGER audit_is_not_updated BEFORE UPDATE ON audit
    BEGIN SELECT raise(ABORT, 'the audit is append-only'); END;
  CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
    BEGIN SELECT raise(ABORT, 'the audit is append-only'); END;
  CREATE TABLE audit_end (one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER NOT NULL, hash TEXT NOT NULL) STRICT;
  INSERT INTO audit_end (one, number, hash) VALUES (1, 0, '${FIRST_HASH}');
  CREATE TRIGGER audit_end_goes_on BEFORE UPDATE ON audit_end WHEN NEW.number <= OLD.number
    BEGIN SELECT raise(ABORT, 'the audit is append-only'); END;
  CREATE TRIGGER audit_end_stays BEFORE DELETE ON audit_end
    BEGIN SELECT raise(ABORT, 'the audit is append-only'); END;
`;

/** Between pages, others get their turn: a chain of years is long. */
const PAGE = 2_000;

export type AuditTable = {
  /** Within the caller's transaction. */
  append(notes: readonly TimedNote[]): void;
  entries(query: AuditQuery): readonly AuditEntry[];
  /** `expected`: an entry that was seen earlier, and kept elsewhere; `null`: none. */
  verify(expected: AuditMark | null): Promise<AuditVerdict>;
};

export function openAudit(database: Database): AuditTable {
  const row = <P extends unknown[], R>(sql: string): Statement<P, R> => database.prepare<P, R>(sql);
  const insert = row<[Row], never>('INSERT INTO audit (number, at, cluster, body, hash) VALUES (@number, @at, @cluster, @body, @hash)');
  const readEnd = row<[], AuditMark>('SELECT number, hash FROM audit_end');
  const putEnd = row<[AuditMark], never>('UPDATE audit_end SET number = @number, hash = @hash');
  const range = '(@cluster IS NULL OR cluster = @cluster) AND number > @after AND number < @before AND at >= @since';
  const oldest = row<[object], Row>(`SELECT * FROM audit WHERE ${range} ORDER BY number LIMIT @limit`);
  const newest = row<[object], Row>(`SELECT * FROM audit WHERE ${range} ORDER BY number DESC LIMIT @limit`);
  const page = row<[number, number], Row>('SELECT * FROM audit WHERE number > ? ORDER BY number LIMIT ?');
  return {
    append(notes) {
      if (notes.length === 0) return;
      let end = readEnd.get() as AuditMark;
      for (const note of notes) {
        const number = end.number + 1;
        const body = canonical({ ...note, number });
        const hash = chained(end.hash, body);
        insert.run({ number, at: note.at, cluster: note.cluster, body, hash });
        end = { number, hash };
      }
      putEnd.run({ number: end.number, hash: end.hash });
    },
    entries: ({ after = 0, before = Number.MAX_SAFE_INTEGER, since = 0, cluster, order, limit }) =>
      (order === 'newest' ? newest : oldest).all({ after, before, since, cluster: cluster ?? null, limit }).map(entryOf),
    async verify(expected) {
      const check = createCheck(expected);
      for (let after = -1; ;) {
        const rows = page.all(after, PAGE);
        for (const row of rows) if (!check.fits(row)) return check.verdict();
        // The last page and the end are read in one go: nothing is appended between them.
        if (rows.length < PAGE) return check.ended(readEnd.get());
        after = rows.at(-1)?.number ?? after;
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

const chained = (before: string, body: string): string => createHash('sha256').update(`${before}\n${body}`).digest('hex');

const entryOf = ({ body, hash }: Row): AuditEntry => ({ ...(JSON.parse(body) as Omit<AuditEntry, 'hash'>), hash });

/** Sees the rows in order; the first that does not fit ends it, because all hashes after it hang on it. */
function createCheck(expected: AuditMark | null) {
  let newest: AuditMark = { number: 0, hash: FIRST_HASH };
  let problem: string | null = null;
  const verdict = (): AuditVerdict => ({ entries: newest.number, newest: newest.number === 0 ? null : newest, problem });
  return {
    verdict,
    fits(row: Row): boolean {
      problem = row.number === newest.number + 1 ? rowProblem(row, newest.hash) : `entry ${newest.number + 1} is missing`;
      if (problem !== null) return false;
      newest = { number: row.number, hash: row.hash };
      if (expected?.number === row.number && expected.hash !== row.hash) {
        problem = `entry ${row.number} is another one than was expected: its hash is ${row.hash}`;
      }
      return problem === null;
    },
    /** `end`: what was written last, as the table beside it says. */
    ended(end: AuditMark | undefined): AuditVerdict {
      if (end?.number !== newest.number || end.hash !== newest.hash) {
        problem = `the end was cut off or added to: there are ${newest.number} entries, and ${end?.number ?? 'nobody knows how many'} were written`;
      } else if (expected !== null && expected.number > newest.number) {
        problem = `the end was cut off: entry ${expected.number}, which was expected, is not there`;
      }
      return verdict();
    },
  };
}

function rowProblem(row: Row, before: string): string | null {
  if (chained(before, row.body) !== row.hash) return `entry ${row.number} was changed, or an entry before it was: its hash does not fit`;
  const { number, at, cluster } = entryOf(row);
  if (number !== row.number || at !== row.at || cluster !== row.cluster)
    return `entry ${row.number} was changed: its columns do not fit its text`;
  return null;
}
