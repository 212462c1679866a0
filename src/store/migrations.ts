// The schema of the database, as numbered steps that only go forward.
import type { Database } from 'better-sqlite3';
import { DeployError } from '../core/errors.ts';
import { AUDIT_SCHEMA } from './audit.ts';
import { PEOPLE_SCHEMA } from './people-schema.ts';
import { OUTBOX_SCHEMA } from './outbox.ts';

/** `application_id` of our databases ("Lock"), so that another program's file is not taken for ours. */
const APPLICATION_ID = 0x4c6f636b;

/** Step n brings the schema from n to n + 1. A step that was released is never edited. */
const STEPS: readonly string[] = [
  `
  CREATE TABLE journal (
    number INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    deployment INTEGER,
    type TEXT NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX journal_of_deployment ON journal (deployment, number) WHERE deployment IS NOT NULL;
  CREATE TRIGGER journal_has_no_gap BEFORE INSERT ON journal
    WHEN NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM journal)
    BEGIN SELECT raise(ABORT, 'the journal has no gaps'); END;
  CREATE TRIGGER journal_is_not_updated BEFORE UPDATE ON journal
    BEGIN SELECT raise(ABORT, 'the journal is append-only'); END;
  CREATE TRIGGER journal_is_not_deleted BEFORE DELETE ON journal
    BEGIN SELECT raise(ABORT, 'the journal is append-only'); END;

  CREATE TABLE deployments (
    number INTEGER PRIMARY KEY,
    cluster TEXT NOT NULL,
    ended INTEGER NOT NULL CHECK (ended IN (0, 1)),
    state TEXT NOT NULL,
    result TEXT,
    view TEXT NOT NULL
  ) STRICT;
  CREATE INDEX deployments_of_cluster ON deployments (cluster, number);
  CREATE INDEX deployments_unfinished ON deployments (number) WHERE ended = 0;

  CREATE TABLE clusters (name TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY,
    repository TEXT NOT NULL,
    delivery TEXT NOT NULL,
    closed INTEGER NOT NULL CHECK (closed IN (0, 1)),
    body TEXT NOT NULL,
    UNIQUE (repository, delivery)
  ) STRICT;
  CREATE INDEX deliveries_open ON deliveries (id) WHERE closed = 0;

  CREATE TABLE heads (
    repository TEXT NOT NULL,
    branch TEXT NOT NULL,
    revision TEXT,
    PRIMARY KEY (repository, branch)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE daemon (one INTEGER PRIMARY KEY CHECK (one = 1), epoch INTEGER NOT NULL) STRICT;
  INSERT INTO daemon (one, epoch) VALUES (1, 0);
  `,
  'CREATE INDEX deliveries_of_repository ON deliveries (repository, id);',
  AUDIT_SCHEMA,
  PEOPLE_SCHEMA,
  OUTBOX_SCHEMA,
  // `times` comes last: who reads only records does not read the pages that it overflows to.
  `
  CREATE TABLE ended (
    deployment INTEGER PRIMARY KEY,
    cluster TEXT NOT NULL,
    at INTEGER NOT NULL,
    record TEXT NOT NULL,
    times TEXT NOT NULL
  ) STRICT;
  CREATE INDEX ended_at ON ended (at);
  CREATE INDEX ended_of_cluster ON ended (cluster, at);
  `,
];

/**
 * Brings the database's schema up to date, each step in its own transaction. Throws DeployError `store` when the file belongs to a newer
 * Lockstep or to another program: it is left untouched then.
 */
export function migrate(database: Database): void {
  const version = database.pragma('user_version', { simple: true }) as number;
  const application = database.pragma('application_id', { simple: true }) as number;
  const isEmpty = database.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0;
  if (!isEmpty && application !== APPLICATION_ID) {
    throw new DeployError('store', `${database.name} is a database of another program. Name another data directory.`);
  }
  if (version > STEPS.length) {
    throw new DeployError(
      'store',
      `${database.name} was written by a newer Lockstep (schema ${version}, this one knows ${STEPS.length}). ` +
        'Start the newer version, or restore the data directory from before the upgrade.',
    );
  }
  STEPS.slice(version).forEach((step, index) => {
    database
      .transaction(() => {
        database.exec(step);
        database.pragma(`application_id = ${APPLICATION_ID}`);
        database.pragma(`user_version = ${version + index + 1}`);
      })
      .immediate();
  });
}
