// The lint, on statements as people write them: which rule, at which line, and what is left alone.
import { describe, expect, test } from '@jest/globals';
import type { DatabaseKind } from '../../src/core/database-url.ts';
import { readMigration } from '../../src/migrations/files.ts';
import { RULES } from '../../src/migrations/lint-rules.ts';
import { lint } from '../../src/migrations/lint.ts';

const found = (text: string, kind: DatabaseKind): string[] =>
  lint([readMigration('1.sql', Buffer.from(text), kind)], kind).map(({ rule, line }) => `${rule}:${line}`);

/** What each statement is found to be; the empty list: nothing. */
const CASES: Record<DatabaseKind, readonly [string, readonly string[]][]> = {
  postgresql: [
    ['DROP TABLE IF EXISTS a, b CASCADE', ['drop-table', 'drop-table']],
    ['ALTER TABLE a DROP COLUMN b', ['drop-column']],
    ['ALTER TABLE a DROP b, DROP CONSTRAINT c', ['drop-column']],
    ['ALTER TABLE a RENAME TO b', ['rename-table']],
    ['ALTER TABLE a RENAME b TO c', ['rename-column']],
    ['ALTER TABLE a ALTER COLUMN b TYPE bigint USING b::bigint', ['change-type']],
    ['ALTER TABLE a ALTER b SET DEFAULT 1', []],
    ['ALTER TABLE a ADD COLUMN b int', []],
    ['ALTER TABLE a ADD b int NOT NULL', ['add-not-null']],
    ['ALTER TABLE a ADD b int NOT NULL DEFAULT 0', []],
    ['ALTER TABLE a ADD b int GENERATED ALWAYS AS IDENTITY NOT NULL', []],
    ['DROP SCHEMA a CASCADE', ['drop-database']],
    ['DROP INDEX CONCURRENTLY a', ['drop-index']],
    ['DROP MATERIALIZED VIEW a', ['drop-view']],
    ['DROP TYPE a', ['drop-object']],
    ['DROP FUNCTION a(int)', ['drop-object']],
    ['TRUNCATE a, b', ['truncate', 'truncate']],
    ['DELETE FROM a', ['delete-all']],
    ['DELETE FROM a WHERE b = 1', []],
    ['UPDATE a SET b = 1', ['update-all']],
    ['UPDATE a SET b = 1 WHERE c', []],
    ['WITH gone AS (DELETE FROM a RETURNING *) INSERT INTO b SELECT * FROM gone', ['delete-all']],
    ['CREATE INDEX ON a (b)', ['create-index']],
    ['CREATE UNIQUE INDEX i ON public.a (b)', ['create-index']],
    ['-- lockstep: no-transaction\nCREATE INDEX CONCURRENTLY i ON a (b)', []],
    ["INSERT INTO a VALUES ('DROP TABLE a')", []],
    ['CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN DELETE FROM a; RETURN 1; END $$', []],
    ['DO $$ BEGIN DROP TABLE a; END $$', ['unreadable']],
    ['CREATE SOMETHING NEW', ['unreadable']],
  ],
  mysql: [
    ['DROP TABLE a', ['drop-table']],
    ['ALTER TABLE `a` DROP COLUMN `b`, ALGORITHM=INSTANT', ['drop-column']],
    ['ALTER TABLE a MODIFY b bigint NOT NULL', ['change-type']],
    ['ALTER TABLE a CHANGE COLUMN b c int', ['rename-column']],
    ['ALTER TABLE a CHANGE `b` `b` bigint', ['change-type']],
    ['ALTER TABLE a ADD INDEX i (b)', ['create-index']],
    ['ALTER TABLE a ADD COLUMN b varchar(10) CHARACTER SET ascii NOT NULL AFTER c', ['add-not-null']],
    ["ALTER TABLE a ADD COLUMN b enum('x,y', 'z') NOT NULL DEFAULT 'z' COMMENT 'NOT NULL', ADD KEY k (b)", ['create-index']],
    ['ALTER TABLE a DROP INDEX i', ['drop-index']],
    ['ALTER TABLE a DROP FOREIGN KEY f', []],
    ['ALTER TABLE a RENAME INDEX i TO j', []],
    ['ALTER TABLE a CONVERT TO CHARACTER SET utf8mb4', ['change-type']],
    ['RENAME TABLE a TO b, c TO d', ['rename-table', 'rename-table']],
    ['CREATE TABLE a (id int AUTO_INCREMENT PRIMARY KEY) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4', []],
    ['CREATE INDEX i ON a (b)', ['create-index']],
    ['DROP INDEX i ON a', ['drop-index']],
    ['DROP DATABASE a', ['drop-database']],
    ['DROP PROCEDURE a', ['drop-object']],
    ['DELETE FROM a LIMIT 5', ['delete-all']],
    ['TRUNCATE a', ['truncate']],
    ['/*!40000 DROP TABLE a */', ['drop-table']],
    ['HANDLER a OPEN', ['unreadable']],
    ['CALL tidy_up()', ['unreadable']],
  ],
  mariadb: [
    ['CREATE OR REPLACE TABLE a (b int)', ['drop-table']],
    ['ALTER TABLE a DROP IF EXISTS b', ['drop-column']],
    ['DELETE FROM a WHERE b = 1', []],
  ],
  sqlite: [
    ['DROP TABLE a', ['drop-table']],
    ['ALTER TABLE a DROP COLUMN b', ['drop-column']],
    ['ALTER TABLE a RENAME TO b', ['rename-table']],
    ['CREATE INDEX i ON a (b)', ['create-index']],
    ['CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; UPDATE c SET d = CASE WHEN e THEN 1 END; END', []],
    ['UPDATE a SET b = 1', ['update-all']],
  ],
};

describe('the lint', () => {
  for (const kind of Object.keys(CASES) as DatabaseKind[]) {
    test.each(CASES[kind])(`${kind}: %s`, (statement, rules) => {
      const line = statement.startsWith('--') ? 2 : 1;
      expect(found(`${statement};`, kind)).toEqual(rules.map((rule) => `${rule}:${line}`));
    });
  }

  test('has a case for every rule', () => {
    const seen = new Set(Object.values(CASES).flatMap((cases) => cases.flatMap(([, rules]) => rules)));
    expect(Object.keys(RULES).filter((rule) => !seen.has(rule))).toEqual([]);
  });

  test('names the line of what it found, also in the middle of a statement', () => {
    const text = '-- a comment\n\nCREATE TABLE x (y int);\n\nALTER TABLE a\n  ADD b int,\n  DROP COLUMN c;\nDROP\nTABLE d;';
    expect(found(text, 'postgresql')).toEqual(['drop-column:7', 'drop-table:8']);
  });

  test('leaves alone what is done to a table that the same files have created before', () => {
    const one = readMigration('1.sql', Buffer.from('CREATE TABLE a (b int); CREATE INDEX i ON a (b);'), 'postgresql');
    const two = readMigration('2.sql', Buffer.from('DROP TABLE "a"; DROP TABLE c; CREATE TABLE c (d int);'), 'postgresql');
    expect(lint([one, two], 'postgresql').map(({ file, rule }) => `${file} ${rule}`)).toEqual(['2.sql drop-table']);
    expect(found('CREATE TABLE IF NOT EXISTS a (b int); DROP TABLE a;', 'postgresql')).toEqual(['drop-table:1']);
  });

  test('takes what a file allows as meant, and says which allowed rules do not exist', () => {
    const text = '-- lockstep: allow drop-table, truncate\nDROP TABLE a; TRUNCATE b; DELETE FROM c;';
    expect(found(text, 'postgresql')).toEqual(['delete-all:2']);
    expect(found('-- lockstep: allow drop-tables\nDROP TABLE a;', 'sqlite')).toEqual(['unknown-rule:1', 'drop-table:2']);
  });
});
