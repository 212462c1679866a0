// SQL files as their statements, as psql, mysql and sqlite3 would take them; and what a file must not hold.
import { describe, expect, test } from '@jest/globals';
import type { DatabaseKind } from '../../src/core/database-url.ts';
import { naturally, readMigration } from '../../src/migrations/files.ts';
import { split } from '../../src/migrations/split.ts';

const texts = (text: string, kind: DatabaseKind): string[] => split(text, kind).statements.map((one) => one.text);
const problems = (text: string, kind: DatabaseKind): string[] =>
  readMigration('1.sql', Buffer.from(text), kind).problems.map(({ line, message }) => `${line}: ${message}`);

describe('a file of SQL', () => {
  test('is split at semicolons that are code, not text', () => {
    expect(texts(`SELECT ';'; -- a; b\n/* ; /* ; */ ; */ SELECT ";", 'it''s;';`, 'postgresql')).toEqual([
      `SELECT ';'`,
      `SELECT ";", 'it''s;'`,
    ]);
    expect(texts("SELECT E'a\\';b'; SELECT 'a\\'; SELECT 2", 'postgresql')).toEqual(["SELECT E'a\\';b'", "SELECT 'a\\'", 'SELECT 2']);
    expect(texts('SELECT $$;$$; SELECT $a$ $$; $b$ $a$; SELECT $1; SELECT a$b$; SELECT 1', 'postgresql')).toEqual([
      'SELECT $$;$$',
      'SELECT $a$ $$; $b$ $a$',
      'SELECT $1',
      'SELECT a$b$',
      'SELECT 1',
    ]);
    expect(texts("SELECT 'a\\';b'; # c; d\nSELECT `;` , \";\"; SELECT 1--1; -- e;\n", 'mysql')).toEqual([
      "SELECT 'a\\';b'",
      'SELECT `;` , ";"',
      'SELECT 1--1',
    ]);
    expect(texts('SELECT [;]; SELECT `;`', 'sqlite')).toEqual(['SELECT [;]', 'SELECT `;`']);
    expect(texts('SELECT a[1]; SELECT 2', 'postgresql')).toEqual(['SELECT a[1]', 'SELECT 2']);
  });

  test('keeps bodies whole', () => {
    const trigger = 'CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN UPDATE b SET c = CASE WHEN d THEN 1 ELSE 2 END; DELETE FROM e; END';
    expect(texts(`${trigger}; SELECT 1;`, 'sqlite')).toEqual([trigger, 'SELECT 1']);
    const procedure = `CREATE DEFINER=root PROCEDURE p() BEGIN
      IF a THEN SELECT 1; END IF; CASE x WHEN 1 THEN SELECT 2; END CASE; WHILE b DO SET b = CASE b WHEN 1 THEN 0 END; END WHILE; END`;
    expect(texts(`${procedure}; SELECT 1;`, 'mysql')).toEqual([procedure, 'SELECT 1']);
    const block = 'BEGIN NOT ATOMIC SELECT 1; SELECT 2; END';
    expect(texts(`${block}; BEGIN; SELECT 1; COMMIT`, 'mariadb')).toEqual([block, 'BEGIN', 'SELECT 1', 'COMMIT']);
    const atomic = 'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END';
    expect(texts(`${atomic}; BEGIN; SELECT 1; END; SELECT 3`, 'postgresql')).toEqual([atomic, 'BEGIN', 'SELECT 1', 'END', 'SELECT 3']);
  });

  test("understands the mysql client's DELIMITER", () => {
    const text =
      'SELECT 1;\nDELIMITER //\nCREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW IF b THEN SET c = 1; END IF//\n  delimiter ;\nSELECT 2; SELECT delimiter';
    expect(texts(text, 'mysql')).toEqual([
      'SELECT 1',
      'CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW IF b THEN SET c = 1; END IF',
      'SELECT 2',
      'SELECT delimiter',
    ]);
  });

  test('knows the line of each statement', () => {
    expect(split('\n-- x\nSELECT 1;\n\nSELECT\n2; SELECT 3', 'sqlite').statements.map(({ line }) => line)).toEqual([3, 5, 6]);
  });

  test('that holds what a transaction must not hold is refused with the line and the way out', () => {
    expect(problems('SELECT 1;\nCOMMIT;', 'postgresql')).toEqual([
      expect.stringMatching(/^2: COMMIT ends or begins a transaction.*no-transaction/),
    ]);
    expect(problems('BEGIN; SELECT 1; END;', 'sqlite')).toHaveLength(2);
    expect(problems('SAVEPOINT a; ROLLBACK TO a; ROLLBACK TO SAVEPOINT a', 'postgresql')).toEqual([]);
    expect(problems('CREATE INDEX CONCURRENTLY i ON a (b)', 'postgresql')).toEqual([expect.stringContaining('CONCURRENTLY')]);
    expect(problems('-- lockstep: no-transaction\nCREATE INDEX CONCURRENTLY i ON a (b); VACUUM;', 'postgresql')).toEqual([]);
    expect(problems('START TRANSACTION; INSERT INTO a VALUES (1); COMMIT', 'mysql')).toEqual([]);
    expect(problems('LOCK TABLES a WRITE', 'mariadb')).toEqual([expect.stringContaining('leave it out')]);
  });

  test('that never ends, or whose directive is not understood, is refused with the line', () => {
    expect(problems("SELECT 1;\nSELECT 'abc", 'postgresql')).toEqual([expect.stringMatching(/^2: what begins here never ends/)]);
    expect(problems('SELECT $a$ x', 'postgresql')).toHaveLength(1);
    expect(problems('CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1;', 'sqlite')).toHaveLength(1);
    expect(problems('-- lockstep: no-transactions\nSELECT 1', 'sqlite')).toEqual([expect.stringContaining('is not understood')]);
  });

  test('that is no UTF-8, or has a name that could be taken for something else, is refused', () => {
    expect(() => readMigration('1.sql', Buffer.from([0x27, 0xff]), 'sqlite')).toThrow('is not UTF-8 text');
    for (const name of ["1'.sql", '-1.sql', '1\n.sql', `${'1'.repeat(190)}.sql`])
      expect(() => readMigration(name, Buffer.from(''), 'sqlite')).toThrow('is not a name');
    expect(readMigration('1_größe.sql', Buffer.from('\ufeffSELECT 1'), 'sqlite').text).toBe('SELECT 1');
  });
});

test('files sort by the value of their numbers', () => {
  const sorted = ['1_a.sql', '001_b.sql', '2_a.sql', '10_a.sql', '2026-01-09_a.sql', '2026-01-10_a.sql', '20260110_a.sql', 'a.sql'];
  expect([...sorted].reverse().sort(naturally)).toEqual(sorted);
  expect([...sorted].sort(naturally)).toEqual(sorted);
});
