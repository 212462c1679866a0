// The outbox in the database: notices on their way, and those that were given up.
import type { Database, Statement } from 'better-sqlite3';
import { DeployError } from '../core/errors.ts';
import type { Notice } from '../core/notice.ts';
import type { Outbox, Parcel } from '../core/outbox.ts';

export const OUTBOX_SCHEMA = `
  CREATE TABLE parcels (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    target TEXT NOT NULL,
    notice TEXT NOT NULL,
    line TEXT,
    created INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next INTEGER NOT NULL,
    dead INTEGER NOT NULL DEFAULT 0 CHECK (dead IN (0, 1)),
    error TEXT,
    body TEXT NOT NULL,
    UNIQUE (target, notice)
  ) STRICT;
  CREATE INDEX parcels_waiting ON parcels (target, id) WHERE dead = 0;
  CREATE INDEX parcels_dead ON parcels (id) WHERE dead = 1;
  CREATE TABLE posted (one INTEGER PRIMARY KEY CHECK (one = 1), event INTEGER NOT NULL) STRICT;
  CREATE TABLE reported (
    target TEXT NOT NULL,
    deployment INTEGER NOT NULL,
    remote TEXT NOT NULL,
    PRIMARY KEY (target, deployment)
  ) STRICT, WITHOUT ROWID;
`;

/** A target that cannot be reached must not fill the disk. */
const MOST_WAITING = 1_000;
const MOST_DEAD = 1_000;
/** Forges are told of the end of a deployment within days; what they call older ones is of no use. */
const MOST_REPORTED = 1_000;

type Row = {
  id: number;
  target: string;
  line: string | null;
  created: number;
  attempts: number;
  next: number;
  dead: number;
  error: string | null;
  body: string;
};

type Synchronous<T> = { [K in keyof T]: T[K] extends (...args: infer A) => Promise<infer R> ? (...args: A) => R : never };

/** `attempt` runs a write and makes a DeployError of what goes wrong. */
export function outboxOf(database: Database, attempt: <T>(action: () => T) => T): Synchronous<Outbox> {
  const row = <P extends unknown[], R>(sql: string): Statement<P, R> => database.prepare<P, R>(sql);
  const columns = 'id, target, line, created, attempts, next, dead, error, body';
  const insert = row<[string, string, string | null, number, number, string], never>(
    'INSERT OR IGNORE INTO parcels (target, notice, line, created, next, body) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const overflow = row<[string, string, number], never>(
    `UPDATE parcels SET dead = 1, error = 'too many notices waited for this target'
       WHERE dead = 0 AND target = ? AND id <= (SELECT id FROM parcels WHERE dead = 0 AND target = ? ORDER BY id DESC LIMIT 1 OFFSET ?)`,
  );
  const advance = row<[number], never>(
    'INSERT INTO posted (one, event) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET event = max(event, excluded.event)',
  );
  const postedUpTo = row<[], number>('SELECT event FROM posted').pluck();
  const waiting = row<[string, number], Row>(`SELECT ${columns} FROM parcels WHERE dead = 0 AND target = ? ORDER BY id LIMIT ?`);
  const addressees = row<[], string>('SELECT DISTINCT target FROM parcels WHERE dead = 0 ORDER BY target').pluck();
  const remove = row<[number], never>('DELETE FROM parcels WHERE id = ?');
  const back = row<[string, number, number, number], never>(
    'UPDATE parcels SET attempts = attempts + 1, error = ?, next = ?, dead = ? WHERE id = ?',
  );
  const bury = row<[number], never>(
    'DELETE FROM parcels WHERE dead = 1 AND id <= (SELECT id FROM parcels WHERE dead = 1 ORDER BY id DESC LIMIT 1 OFFSET ?)',
  );
  const revive = row<[number, number], string>('UPDATE parcels SET dead = 0, attempts = 0, next = ? WHERE id = ? RETURNING target').pluck();
  const undelivered = row<[number], Row>(`SELECT ${columns} FROM parcels ORDER BY id DESC LIMIT ?`);
  const reported = row<[string, number], string>('SELECT remote FROM reported WHERE target = ? AND deployment = ?').pluck();
  const remember = row<[string, number, string], never>(
    'INSERT INTO reported (target, deployment, remote) VALUES (?, ?, ?) ON CONFLICT (target, deployment) DO UPDATE SET remote = excluded.remote',
  );
  const forget = row<[string, number], never>('DELETE FROM reported WHERE target = ? AND deployment <= ?');

  const write = <A extends unknown[], R>(action: (...args: A) => R): ((...args: A) => R) => {
    const inTransaction = database.transaction(action);
    return (...args) => attempt(() => inTransaction.immediate(...args));
  };

  return {
    post: write((parcels, upTo, at) => {
      for (const { target, group, notice } of parcels) insert.run(target, notice.id, group, at, at, JSON.stringify(notice));
      for (const target of new Set(parcels.map((one) => one.target))) overflow.run(target, target, MOST_WAITING);
      bury.run(MOST_DEAD);
      advance.run(upTo);
    }),
    postedUpTo: () => postedUpTo.get() ?? null,
    waitingFor: (target, limit) => waiting.all(target, limit).map(readParcel),
    addressees: () => addressees.all(),
    delivered: write((ids) => {
      for (const id of ids) remove.run(id);
    }),
    returned: write((ids, { error, nextAt, isDead }) => {
      for (const id of ids) back.run(error, nextAt, isDead ? 1 : 0, id);
      if (isDead) bury.run(MOST_DEAD);
    }),
    revive: write((id, at) => revive.get(at, id) ?? null),
    undelivered: (limit) => undelivered.all(limit).map(readParcel),
    reported: (target, deployment) => reported.get(target, deployment) ?? null,
    rememberReported: write((target, deployment, remote) => {
      remember.run(target, deployment, remote);
      forget.run(target, deployment - MOST_REPORTED);
    }),
  };
}

function readParcel({ id, target, line, created, attempts, next, dead, error, body }: Row): Parcel {
  return { id, target, group: line, createdAt: created, attempts, nextAt: next, isDead: dead === 1, error, notice: readNotice(body, id) };
}

function readNotice(body: string, id: number): Notice {
  const notice: unknown = parsed(body);
  if (typeof notice === 'object' && notice !== null && 'id' in notice && 'state' in notice && 'clusters' in notice) return notice as Notice;
  throw new DeployError('store', `the database is damaged: notice ${id} cannot be read. Stop the daemon and restore the data directory.`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
