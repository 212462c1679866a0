// People in the daemon's database: a port of its own, over a connection of its own, because nothing of it belongs to the journal's turns.
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { ROLES } from '../core/actor.ts';
import type { Role } from '../core/actor.ts';
import { DeployError } from '../core/errors.ts';
import type { PeopleStore, SessionRecord, TokenRecord, UserRecord } from '../core/people.ts';
import { judgeWriteFailure } from './write-failure.ts';

type Lists = 'clusters' | 'teams' | 'groups';
/** As the tables have them: lists as JSON. */
type Row<Record> = { [Key in keyof Record]: Key extends Lists ? string : Key extends 'role' ? string : Record[Key] };

/** Opens the database that `openStore` has opened before, and brought up to date. */
export function openPeopleStore(directory: string): PeopleStore {
  const path = join(directory, 'lockstep.db');
  const database = new Database(path, { timeout: 1000, fileMustExist: true });
  database.pragma('trusted_schema = OFF');
  database.pragma('synchronous = FULL');
  const statements = prepare(database);
  const endSessions = (name: string): unknown => statements.removeSessionsOf.run(name);

  const putUser = database.transaction((record: UserRecord) => {
    statements.putUser.run({ ...record, clusters: JSON.stringify(record.clusters), teams: JSON.stringify(record.teams) });
    endSessions(record.name);
  });
  const removeUser = database.transaction((name: string): boolean => {
    endSessions(name);
    return statements.removeUser.run(name).changes > 0;
  });
  const addSession = database.transaction((record: SessionRecord) => {
    statements.pruneSessions.run(record.createdAt);
    statements.addSession.run({ ...record, groups: JSON.stringify(record.groups) });
  });

  /** SQLite answers at once; the port is asynchronous so that another database can stand behind it. */
  const read = <T>(query: () => T): Promise<T> => Promise.resolve().then(query);
  const write = <T>(change: () => T): Promise<T> =>
    read(() => {
      try {
        return change();
      } catch (error) {
        throw judgeWriteFailure(error, path)?.error ?? error;
      }
    });

  return {
    tokens: () => read(() => statements.tokens.all().map(readToken)),
    token: (name) => read(() => orNull(statements.token.get(name), readToken)),
    tokenOf: (hash) => read(() => orNull(statements.tokenOf.get(hash), readToken)),
    putToken: (record) => write(() => void statements.putToken.run({ ...record, clusters: JSON.stringify(record.clusters) })),
    touchToken: (hash, usedAt) => write(() => void statements.touchToken.run(usedAt, hash)),
    users: () => read(() => statements.users.all().map(readUser)),
    user: (name) => read(() => orNull(statements.user.get(name), readUser)),
    putUser: (record) => write(() => putUser.immediate(record)),
    changeUser: (name, { role, clusters, teams }) =>
      write(() => {
        const row = { name, role, clusters: JSON.stringify(clusters), teams: JSON.stringify(teams) };
        return statements.changeUser.run(row).changes > 0;
      }),
    removeUser: (name) => write(() => removeUser.immediate(name)),
    session: (hash) => read(() => orNull(statements.session.get(hash), readSession)),
    addSession: (record) => write(() => addSession.immediate(record)),
    touchSession: (hash, seenAt) => write(() => void statements.touchSession.run(seenAt, hash)),
    removeSession: (hash) => write(() => void statements.removeSession.run(hash)),
    close: () => read(() => void database.close()),
  };
}

function prepare(database: Database.Database) {
  const row = <P extends unknown[], R>(sql: string): Database.Statement<P, R> => database.prepare<P, R>(sql);
  return {
    tokens: row<[], Row<TokenRecord>>('SELECT * FROM tokens ORDER BY name'),
    token: row<[string], Row<TokenRecord>>('SELECT * FROM tokens WHERE name = ?'),
    tokenOf: row<[string], Row<TokenRecord>>('SELECT * FROM tokens WHERE hash = ?'),
    putToken: row<[Row<TokenRecord>], never>(
      `REPLACE INTO tokens (name, hash, role, clusters, createdBy, createdAt, expiresAt, usedAt, revokedAt)
       VALUES (@name, @hash, @role, @clusters, @createdBy, @createdAt, @expiresAt, @usedAt, @revokedAt)`,
    ),
    touchToken: row<[number, string], never>('UPDATE tokens SET usedAt = ? WHERE hash = ?'),
    users: row<[], Row<UserRecord>>('SELECT * FROM users ORDER BY name'),
    user: row<[string], Row<UserRecord>>('SELECT * FROM users WHERE name = ?'),
    putUser: row<[Row<UserRecord>], never>(
      `REPLACE INTO users (name, password, role, clusters, teams, createdBy, createdAt)
       VALUES (@name, @password, @role, @clusters, @teams, @createdBy, @createdAt)`,
    ),
    changeUser: row<[Pick<Row<UserRecord>, 'name' | 'role' | 'clusters' | 'teams'>], never>(
      'UPDATE users SET role = @role, clusters = @clusters, teams = @teams WHERE name = @name',
    ),
    removeUser: row<[string], never>('DELETE FROM users WHERE name = ?'),
    session: row<[string], Row<SessionRecord>>('SELECT * FROM sessions WHERE hash = ?'),
    addSession: row<[Row<SessionRecord>], never>(
      `INSERT INTO sessions (hash, way, name, groups, createdAt, seenAt, expiresAt)
       VALUES (@hash, @way, @name, @groups, @createdAt, @seenAt, @expiresAt)`,
    ),
    touchSession: row<[number, string], never>('UPDATE sessions SET seenAt = ? WHERE hash = ?'),
    removeSession: row<[string], never>('DELETE FROM sessions WHERE hash = ?'),
    // Who came with the daemon's own token is no user, whatever they are called.
    removeSessionsOf: row<[string], never>("DELETE FROM sessions WHERE name = ? AND way <> 'owner'"),
    pruneSessions: row<[number], never>('DELETE FROM sessions WHERE expiresAt <= ?'),
  };
}

const orNull = <From, To>(row: From | undefined, read: (row: From) => To): To | null => (row === undefined ? null : read(row));

const readToken = (row: Row<TokenRecord>): TokenRecord => ({ ...row, role: roleIn(row), clusters: listIn(row.clusters) });

const readUser = (row: Row<UserRecord>): UserRecord => ({
  ...row,
  role: roleIn(row),
  clusters: listIn(row.clusters),
  teams: listIn(row.teams),
});

const readSession = (row: Row<SessionRecord>): SessionRecord => ({ ...row, groups: listIn(row.groups) });

/** What a row grants is checked before anybody trusts it. */
function roleIn({ name, role }: { name: string; role: string }): Role {
  const known = ROLES.find((one) => one === role);
  if (known === undefined) throw damaged(`${name} has the role ${role}`);
  return known;
}

function listIn(text: string): readonly string[] {
  const list: unknown = JSON.parse(text);
  if (Array.isArray(list) && list.every((one) => typeof one === 'string')) return list;
  throw damaged(`${text} is no list of names`);
}

const damaged = (what: string): DeployError =>
  new DeployError('store', `the tables of people are damaged (${what}): stop the daemon and restore the data directory.`);
