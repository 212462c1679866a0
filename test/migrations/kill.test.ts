// At most once, under every kill: of the daemon at each thing it asks of the database, and of its connection. Needs the built product.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Artifact } from '../../src/core/artifact.ts';
import { DeployError } from '../../src/core/errors.ts';
import type { Database } from '../../src/migrations/database.ts';
import { readSecret } from '../../src/files/secrets.ts';
import { openMigrations } from '../../src/migrations/open.ts';
import type { Lab, LabDatabase } from '../lab/database.ts';
import { startMariadb } from '../lab/mariadb.ts';
import { startPostgres } from '../lab/postgres.ts';
import { startSqlite } from '../lab/sqlite.ts';
import { forever, openReleases, requestFor } from './release.ts';
import type { Releases } from './release.ts';

const MIGRATING = fileURLToPath(new URL('../lab/migrating.js', import.meta.url));
const MOMENTS = ['before', 'while', 'after'] as const;
type Moment = (typeof MOMENTS)[number];

const say = (what: string): string => `INSERT INTO log VALUES ('${what}');\n`;
/** No key: what runs twice is seen twice. */
const FILES = {
  '1.sql': say('1a') + say('1b'),
  '2.sql': `-- lockstep: no-transaction\n${say('2a')}${say('2b')}${say('2c')}`,
  '3.sql': say('3a'),
};
const ALL = ['1a', '1b', '2a', '2b', '2c', '3a'];

let releases: Releases;
let artifact: Artifact;
let kills = 0;
beforeAll(async () => {
  releases = await openReleases();
  artifact = await releases.make(FILES);
});
afterAll(() => releases.remove());

const saidIn = async (database: LabDatabase): Promise<string[]> => (await database.sql('SELECT what FROM log')).flat();

async function fresh(database: LabDatabase): Promise<void> {
  await database.sql('DROP TABLE IF EXISTS lockstep_migrations');
  await database.sql('CREATE TABLE IF NOT EXISTS log (what varchar(20))');
  await database.sql('DELETE FROM log');
}

/** Runs the migrations as a process of its own that is killed; returns whether it was. */
async function runAndKill(database: LabDatabase, at: number, when: Moment): Promise<boolean> {
  const { settings, deployment, token } = requestFor(database.url);
  const env = {
    ...process.env,
    MIGRATION: JSON.stringify({ settings, deployment, token, artifact }),
    KILL_AT: String(at),
    KILL_WHEN: when,
  };
  const child = spawn(process.execPath, [MIGRATING], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => child.once('exit', (...how) => resolve(how)));
  if (signal !== 'SIGKILL' && code !== 0) throw new Error(`the process that was to be killed exited ${String(code)}`);
  return signal === 'SIGKILL';
}

/** Runs in this process, on a connection that the server ends at the n-th thing that is asked of it. */
async function runAndDisconnect(database: LabDatabase, at: number, when: Moment): Promise<unknown> {
  let count = 0;
  const cut =
    <A extends unknown[], T>(action: (...args: A) => Promise<T>) =>
    async (...args: A): Promise<T> => {
      count += 1;
      if (count !== at) return action(...args);
      kills += 1;
      if (when === 'before') await database.endConnections();
      const result = action(...args);
      result.catch(() => undefined);
      if (when === 'while') await database.endConnections();
      const value = await result;
      if (when === 'after') await database.endConnections();
      return value;
    };
  const wrapDatabase = (one: Database): Database => ({ ...one, run: cut(one.run), rows: cut(one.rows), tryLock: cut(one.tryLock) });
  return outcomeOf(openMigrations({ readSecret, wrapDatabase }).run(requestFor(database.url), artifact, forever));
}

/** Goes on until all is executed. Where nobody knows, an operator looks at the database and says what is there. */
async function goOn(database: LabDatabase, first: unknown, undo: boolean): Promise<void> {
  const migrations = openMigrations({ readSecret });
  const request = requestFor(database.url);
  let failure = first;
  for (let round = 0; failure !== null; round++) {
    if (!(failure instanceof DeployError)) throw new Error('not an error for an operator', { cause: failure });
    if (failure.code === 'ambiguous') await settle(database, failure, undo);
    else expect(['migration', 'unreachable']).toContain(failure.code);
    expect(round).toBeLessThan(4);
    failure = await outcomeOf(migrations.run(request, artifact, forever));
  }
}

async function settle(database: LabDatabase, { message }: DeployError, undo: boolean): Promise<void> {
  const [running] = await database.sql("SELECT name FROM lockstep_migrations WHERE state = 'running'");
  const name = running?.[0] as keyof typeof FILES;
  const own = [...FILES[name].matchAll(/'(\w+)'/g)].map(([, what]) => what as string);
  const there = (await saidIn(database)).filter((what) => own.includes(what));
  const asked = Number(/statement (\d+) of migration/.exec(message)?.[1]);
  // What the message says is true: all statements before the one in question are there, and none after it.
  expect(there).toEqual(own.slice(0, there.length));
  expect([asked - 1, asked]).toContain(there.length);
  if (undo) for (const what of there) await database.sql(`DELETE FROM log WHERE what = '${what}'`);
  else for (const what of own.slice(there.length)) await database.sql(`INSERT INTO log VALUES ('${what}')`);
  await openMigrations({ readSecret }).settle(requestFor(database.url), !undo, forever);
}

async function expectAllOnce(database: LabDatabase): Promise<void> {
  expect((await saidIn(database)).sort()).toEqual(ALL);
  expect(await database.sql("SELECT name FROM lockstep_migrations WHERE state = 'done' ORDER BY name")).toEqual(
    Object.keys(FILES).map((name) => [name]),
  );
  expect(await database.sql("SELECT name FROM lockstep_migrations WHERE state <> 'done'")).toEqual([]);
}

/** How many things a run without faults asks of a database. */
const THINGS = 28;
/** In every round each thing sees another of the three moments. */
const momentOf = (at: number, round: number): Moment => MOMENTS[(at + round) % 3] as Moment;
const pointsOf = (rounds: number) =>
  Array.from({ length: rounds * THINGS }, (_, i) => ({ at: (i % THINGS) + 1, round: Math.floor(i / THINGS) }));

describe('migrations', () => {
  const labs: Lab[] = [];
  const databases: LabDatabase[] = [];
  beforeAll(async () => {
    for (const start of [startPostgres, startMariadb, startSqlite]) labs.push(await start());
    for (const lab of labs) databases.push(await lab.create());
  }, 60_000);
  afterAll(async () => {
    for (const lab of labs) await lab.stop();
  });

  test('I5: of a daemon that is killed at each thing it asks of the database execute every file exactly once in the end', async () => {
    const lane = async (database: LabDatabase, i: number): Promise<void> => {
      for (const { at, round } of pointsOf(i === 2 ? 2 : 1)) {
        await fresh(database);
        if (await runAndKill(database, at, momentOf(at + i, round))) kills += 1;
        const seen = await saidIn(database);
        expect(new Set(seen).size).toBe(seen.length);
        const left = await outcomeOf(openMigrations({ readSecret }).run(requestFor(database.url), artifact, forever));
        await goOn(database, left, at % 2 === 0);
        await expectAllOnce(database);
      }
    };
    await Promise.all(databases.map(lane));
  }, 400_000);

  test('I5: on a connection that is ended at each thing that is asked execute every file exactly once in the end', async () => {
    const lane = async (database: LabDatabase): Promise<void> => {
      for (const { at, round } of pointsOf(2)) {
        await fresh(database);
        const failure = await runAndDisconnect(database, at, momentOf(at, round));
        await goOn(database, failure, at % 2 === 0);
        await expectAllOnce(database);
      }
    };
    // Nobody else can end the connections to SQLite.
    await Promise.all(databases.slice(0, 2).map(lane));
    expect(kills).toBeGreaterThanOrEqual(200);
  }, 200_000);
});

const outcomeOf = (run: Promise<void>): Promise<unknown> =>
  run.then(
    () => null,
    (error: unknown) => error,
  );
