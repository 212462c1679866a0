// Built-in migrations on real databases: in order, once, recorded; what fails and what nobody knows.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readSecret } from '../../src/files/secrets.ts';
import { openMigrations } from '../../src/migrations/open.ts';
import type { Lab, LabDatabase } from '../lab/database.ts';
import { startMariadb } from '../lab/mariadb.ts';
import { startPostgres } from '../lab/postgres.ts';
import { startSqlite } from '../lab/sqlite.ts';
import { forever, openReleases, requestFor } from './release.ts';
import type { Releases } from './release.ts';

const SYSTEMS = [
  { name: 'PostgreSQL', start: startPostgres, isTransactional: true },
  { name: 'MariaDB', start: startMariadb, isTransactional: false },
  { name: 'SQLite', start: startSqlite, isTransactional: true },
];

const migrations = openMigrations({ readSecret, lockWaitMs: 300, lookMs: 5_000 });

let releases: Releases;
beforeAll(async () => {
  releases = await openReleases();
});
afterAll(() => releases.remove());

const log = 'CREATE TABLE log (what varchar(20))';
const said = (what: string): string => `INSERT INTO log VALUES ('${what}')`;
const lines = async (database: LabDatabase): Promise<string[]> => (await database.sql('SELECT what FROM log')).flat();
const records = (database: LabDatabase): Promise<string[][]> =>
  database.sql('SELECT name, state, statement, deployment FROM lockstep_migrations ORDER BY started, name');

for (const { name, start, isTransactional } of SYSTEMS) {
  describe(`migrations in ${name}`, () => {
    let lab: Lab;
    beforeAll(async () => {
      lab = await start();
    }, 60_000);
    afterAll(() => lab.stop());

    test('run in natural order, once, and are recorded', async () => {
      const database = await lab.create();
      const artifact = await releases.make({
        '10_ten.sql': said('ten'),
        '2_two.sql': `-- two; with a semicolon\n${said('two')};\n/* and; more */ ${said("tw''o;")};\n`,
        '001_one.sql': `${log};`,
        'readme.txt': 'not a migration',
        'below/3_not.sql': 'SELECT nothing FROM nowhere',
      });
      const request = requestFor(database.url);
      expect(await migrations.pending(request.settings, artifact, forever).catch(() => 'no database yet')).toEqual(
        name === 'SQLite' ? 'no database yet' : ['001_one.sql', '2_two.sql', '10_ten.sql'],
      );
      await migrations.check(request, artifact, forever);
      expect(request.lines.at(-1)).toMatch(/^migrations to run in .*: 001_one.sql, 2_two.sql, 10_ten.sql$/);
      await migrations.run(request, artifact, forever);
      await migrations.run(requestFor(database.url, {}, 2), artifact, forever);
      expect(await lines(database)).toEqual(['two', "tw'o;", 'ten']);
      const numbers = isTransactional ? ['0', '0', '0'] : ['1', '2', '1'];
      expect((await records(database)).sort()).toEqual(
        ['001_one.sql', '10_ten.sql', '2_two.sql'].map((file, i) => [file, 'done', [numbers[0], numbers[2], numbers[1]][i], '1']),
      );
      expect(await migrations.pending(request.settings, artifact, forever)).toEqual([]);
    });

    test('that were executed and then changed are refused by name, and nothing is run', async () => {
      const database = await lab.create();
      const first = await releases.make({ '1.sql': log, '2.sql': said('a') });
      await migrations.run(requestFor(database.url), first, forever);
      const changed = await releases.make({ '1.sql': log, '2.sql': said('b'), '3.sql': said('c') });
      const message = /2\.sql \(executed by deployment 1\)/;
      await expect(migrations.check(requestFor(database.url, {}, 2), changed, forever)).rejects.toMatchObject({
        code: 'refused',
        message: expect.stringMatching(message),
      });
      await expect(migrations.run(requestFor(database.url, {}, 2), changed, forever)).rejects.toMatchObject({ code: 'refused' });
      expect(await lines(database)).toEqual(['a']);
    });

    test('that the release lacks are fine, and new ones that sort before executed ones run, with a warning', async () => {
      const database = await lab.create();
      await migrations.run(requestFor(database.url), await releases.make({ '1.sql': log, '3.sql': said('three') }), forever);
      const branch = await releases.make({ '1.sql': log, '2.sql': said('two') });
      const request = requestFor(database.url, {}, 2);
      await migrations.check(request, branch, forever);
      expect(request.lines).toContain('warning: 2.sql is new, but sorts before 3.sql, which was executed already');
      await migrations.run(request, branch, forever);
      expect(await lines(database)).toEqual(['three', 'two']);
    });

    test('that fail leave nothing of their file, keep the files before it, and run again when they are mended', async () => {
      const database = await lab.create();
      const broken = await releases.make({ '1.sql': log, '2.sql': 'INSERT INTO log SELECT nothing FROM nowhere', '3.sql': said('three') });
      const failure = migrations.run(requestFor(database.url), broken, forever);
      await expect(failure).rejects.toMatchObject({
        code: 'migration',
        message: expect.stringContaining('2.sql failed, nothing of it is in the database'),
      });
      expect(await records(database)).toEqual([['1.sql', 'done', isTransactional ? '0' : '1', '1']]);
      const mended = await releases.make({ '1.sql': log, '2.sql': said('two'), '3.sql': said('three') });
      await migrations.run(requestFor(database.url, {}, 2), mended, forever);
      expect(await lines(database)).toEqual(['two', 'three']);
    });

    test('are not run while somebody else runs some, and say who', async () => {
      const database = await lab.create();
      const slow = await releases.make({ '1.sql': log, '2.sql': said('two') });
      const inTheMiddle: unknown[] = [];
      const other = openMigrations({
        readSecret,
        wrapDatabase: (one) => ({
          ...one,
          run: async (sql) => {
            const isFirst = inTheMiddle.length === 0;
            if (isFirst)
              inTheMiddle.push(await migrations.run(requestFor(database.url, {}, 2), slow, forever).catch((error: unknown) => error));
            await one.run(sql);
          },
        }),
      });
      await other.run(requestFor(database.url), slow, forever);
      const message = name === 'PostgreSQL' ? /process \d+ \(lockstep 1\)/ : name === 'MariaDB' ? /connection \d+/ : /another process/;
      expect(inTheMiddle[0]).toMatchObject({ code: 'conflict', message: expect.stringMatching(message) });
      expect(await lines(database)).toEqual(['two']);
    });

    test('left running by a deployment that is gone are a conflict for the next one, with what to do', async () => {
      const database = await lab.create();
      const artifact = await releases.make({
        '1.sql': `-- lockstep: no-transaction\n${log};\n${said('a')};\nINSERT INTO nowhere VALUES (1);\n${said('b')};`,
      });
      await expect(migrations.run(requestFor(database.url), artifact, forever)).rejects.toMatchObject({ code: 'ambiguous' });
      for (const next of [migrations.check, migrations.run]) {
        const refused = next(requestFor(database.url, {}, 2), artifact, forever);
        await expect(refused).rejects.toMatchObject({
          code: 'conflict',
          message: expect.stringMatching(/by deployment 1, at statement 3.*mark-done 1.*DELETE FROM/),
        });
      }
    });

    test('run statement by statement: one that fails after others are committed waits for an operator, who settles it in both ways', async () => {
      for (const done of [true, false]) {
        const database = await lab.create();
        const files = {
          '1.sql': `-- lockstep: no-transaction\n${log};\n${said('a')};\nINSERT INTO nowhere\nVALUES (1);\n${said('b')};`,
          '2.sql': said('two'),
        };
        const artifact = await releases.make(files);
        const request = requestFor(database.url);
        const failure = await migrations.run(request, artifact, forever).catch((error: unknown) => error);
        const message =
          /statement 3 of migration 1\.sql failed: 1\.sql:4: .*nowhere.*; statements 1 to 2 of the file are committed; nothing after it was begun/;
        expect(failure).toMatchObject({ code: 'ambiguous', message: expect.stringMatching(message) });
        expect(failure).toMatchObject({ message: expect.stringContaining('`INSERT INTO nowhere VALUES (1)`') });
        expect(failure).toMatchObject({
          message: expect.stringMatching(/lockstep migration mark-done 1 .* lockstep migration mark-not-done 1 /),
        });
        // Run again, it does nothing but say so.
        await expect(migrations.run(request, artifact, forever)).rejects.toMatchObject({ code: 'ambiguous' });
        expect(await lines(database)).toEqual(['a']);
        for (let i = 0; i < 2; i++) await migrations.settle(request, done, forever);
        if (!done) await database.sql('DROP TABLE log');
        const mended = await releases.make({ ...files, '1.sql': done ? files['1.sql'] : `${log}; ${said('again')}` });
        await migrations.run(requestFor(database.url, {}, 2), mended, forever);
        expect(await lines(database)).toEqual(done ? ['a', 'two'] : ['again', 'two']);
      }
    });

    test('run statement by statement: a failure inside a transaction of the file that is its beginning leaves nothing', async () => {
      const database = await lab.create();
      await migrations.run(requestFor(database.url), await releases.make({ '1.sql': log }), forever);
      const begin = name === 'SQLite' ? 'BEGIN TRANSACTION' : 'START TRANSACTION';
      const file = (table: string): string =>
        `-- lockstep: no-transaction\n${begin};\n${said('a')};\nINSERT INTO ${table} VALUES ('b');\nCOMMIT;`;
      const broken = await releases.make({ '1.sql': log, '2.sql': file('nowhere') });
      await expect(migrations.run(requestFor(database.url, {}, 2), broken, forever)).rejects.toMatchObject({ code: 'migration' });
      expect(await lines(database)).toEqual([]);
      expect(await records(database)).toHaveLength(1);
      await migrations.run(requestFor(database.url, {}, 3), await releases.make({ '1.sql': log, '2.sql': file('log') }), forever);
      expect(await lines(database)).toEqual(['a', 'b']);
    });

    test('that nothing can be said about, an empty file and one of comments, are recorded like others', async () => {
      const database = await lab.create();
      await migrations.run(requestFor(database.url), await releases.make({ '1.sql': '', '2.sql': '-- nothing yet\n' }), forever);
      expect((await records(database)).map(([file, state]) => [file, state])).toEqual([
        ['1.sql', 'done'],
        ['2.sql', 'done'],
      ]);
    });

    test('with a session of their own do not disturb the files after them', async () => {
      const database = await lab.create();
      const disturbing = {
        PostgreSQL: "SELECT pg_catalog.set_config('search_path', '', false); SET default_transaction_read_only = on;",
        MariaDB: "SET autocommit = 0; SET sql_mode = 'ANSI_QUOTES'; USE information_schema;",
        SQLite: 'CREATE TEMP TABLE lockstep_migrations (x); CREATE TEMP TABLE other (x);',
      }[name] as string;
      const artifact = await releases.make({ '1.sql': log, '2.sql': disturbing, '3.sql': said('three') });
      await migrations.run(requestFor(database.url), artifact, forever);
      expect(await lines(database)).toEqual(['three']);
      expect(await records(database)).toHaveLength(3);
    });

    test('of a release without the directory are refused with where it should be', async () => {
      const database = await lab.create();
      const artifact = await releases.make({ '1.sql': log });
      const request = requestFor(database.url, { directory: 'sql' });
      await expect(migrations.check(request, artifact, forever)).rejects.toMatchObject({
        code: 'configuration',
        message: expect.stringContaining('no directory sql'),
      });
    });
  });
}
