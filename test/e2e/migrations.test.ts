// Built-in migrations in deployments: when they run, what stops them before any server is touched, and what an operator is asked.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeploymentView, PlanView } from '../../src/core/views.ts';
import type { Lab, LabDatabase } from '../lab/database.ts';
import { startMariadb } from '../lab/mariadb.ts';
import { startSqlite } from '../lab/sqlite.ts';
import { until } from '../lab/until.ts';
import { openWorkshop, run } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';

const SERVERS = [1, 2];

describe('a cluster with built-in migrations', () => {
  let mariadb: Lab;
  let sqlite: Lab;
  let demo: LabDatabase;
  let early: LabDatabase;
  let shop: Workshop;

  beforeAll(async () => {
    mariadb = await startMariadb();
    sqlite = await startSqlite();
    demo = await mariadb.create();
    early = await sqlite.create();
    shop = await openWorkshop(({ dir, git }) => ({
      project: 'shop',
      repositories: { shop: { type: 'git', url: git } },
      branches: ['demo', 'early'].map((name) => ({ repository: 'shop', branch: `servers/${name}`, clusters: [name] })),
      clusters: {
        demo: {
          environment: 'test',
          servers: SERVERS.map((i) => ({ name: `web${i}`, path: join(dir, `servers/demo${i}`) })),
          maintenance: { lockTimeout: '30s' },
          migrations: { directory: 'db', database: demo.url },
        },
        early: {
          environment: 'production',
          servers: SERVERS.map((i) => ({ name: `web${i}`, path: join(dir, `servers/early${i}`) })),
          migrations: { directory: 'db', database: early.url, when: 'before-lock' },
        },
      },
    }));
    await shop.start();
    await shop.lockstep(['hooks', 'install', shop.git]);
  }, 90_000);

  afterAll(async () => {
    await shop.close();
    await mariadb.stop();
    await sqlite.stop();
  });

  const page = (cluster: string, i: number): Promise<string> =>
    readFile(join(shop.dir, `servers/${cluster}${i}/current/index.html`), 'utf8');
  const said = async (database: LabDatabase): Promise<string[]> => (await database.sql('SELECT what FROM log')).flat();
  const files = async (database: LabDatabase): Promise<string> =>
    (await database.sql('SELECT name, state FROM lockstep_migrations ORDER BY name')).flat().join(' ');
  const logOf = async (number: number): Promise<string> => (await shop.lockstep(['logs', String(number)])).stdout;
  const stepOf = (view: DeploymentView, step: string) => view.steps.find((one) => one.step === step && one.direction === 'forward')?.state;

  /** Pushes and waits until the deployment has ended or asks for somebody. */
  async function deploy(cluster: string, changes: Record<string, string | null>): Promise<DeploymentView> {
    const before = (await shop.status(cluster)).deployment;
    await shop.commit(changes);
    await shop.push(`HEAD:servers/${cluster}`);
    return ended(cluster, before);
  }

  async function ended(cluster: string, before: number | null): Promise<DeploymentView> {
    const number = await until(
      async () => {
        const view = await shop.status(cluster);
        return view.deployment !== before && ['idle', 'needs-operator'].includes(view.state) ? view.deployment : null;
      },
      { what: 'the deployment ends', timeoutMs: 60_000 },
    );
    return shop.show(number);
  }

  test('executes the files of the release once, after the switch, and tells in the plan which are new', async () => {
    const sql = {
      'db/001_log.sql': 'CREATE TABLE log (what varchar(20)) ENGINE=InnoDB;',
      'db/002_one.sql': "INSERT INTO log VALUES ('one');",
    };
    const first = await deploy('demo', { ...sql, 'index.html': 'one\n' });
    expect([first.result, stepOf(first, 'migrate')]).toEqual(['done', 'done']);
    expect(await said(demo)).toEqual(['one']);
    const log = await logOf(first.number);
    expect(log).toMatch(/migrations to run in .*: 001_log.sql, 002_one.sql/);
    expect(log.indexOf('migration 002_one.sql executed')).toBeGreaterThan(log.indexOf('switch finished on web2'));
    expect((await deploy('demo', { 'index.html': 'two\n', 'db/010_two.sql': "INSERT INTO log VALUES ('two');" })).result).toBe('done');
    expect(await said(demo)).toEqual(['one', 'two']);
    const plan = await shop.json<PlanView>('plan', 'demo');
    expect(plan.steps.find(({ step }) => step === 'migrate')?.what).toMatch(/^execute the new files of db in shop_1 on .*; none is new$/);
  });

  test('runs no migration in a roll back', async () => {
    expect((await shop.lockstep(['rollback', 'demo', '--wait'])).code).toBe(0);
    expect(await page('demo', 1)).toBe('one\n');
    expect(await said(demo)).toEqual(['one', 'two']);
    expect(await files(demo)).toBe('001_log.sql done 002_one.sql done 010_two.sql done');
  });

  test('refuses a release that has changed an executed file before any server is touched', async () => {
    const view = await deploy('demo', { 'index.html': 'three\n', 'db/002_one.sql': "INSERT INTO log VALUES ('uno');" });
    expect([view.result, stepOf(view, 'build'), stepOf(view, 'schedule')]).toEqual(['failed', 'failed', 'skipped']);
    expect(view.problem).toMatchObject({ code: 'refused', message: expect.stringContaining('002_one.sql (executed by deployment 1)') });
    await shop.commit({ 'db/002_one.sql': "INSERT INTO log VALUES ('one');" });
  });

  /** Deploys a file whose second statement hangs, and kills the daemon in its middle. */
  async function killInTheMiddle(name: string): Promise<DeploymentView> {
    const before = (await shop.status('demo')).deployment;
    const text = `INSERT INTO log VALUES ('${name} a');\nINSERT INTO log SELECT SLEEP(2) + '0';\nINSERT INTO log VALUES ('${name} c');\n`;
    await shop.commit({ [`db/${name}.sql`]: text, [`db/${name}_after.sql`]: `INSERT INTO log VALUES ('${name} after');` });
    await shop.push('HEAD:servers/demo');
    await until(
      async () =>
        (await demo.sql("SELECT 1 FROM information_schema.processlist WHERE info LIKE '%SLEEP%' AND info LIKE 'INSERT%'")).length > 0,
      {
        what: 'the second statement runs',
      },
    );
    await shop.stop('SIGKILL');
    await shop.start();
    return ended('demo', before);
  }

  test('I5: killed in the middle of a statement waits for an operator; marked as done, the files after it run and all servers go forward', async () => {
    const asked = await killInTheMiddle('100');
    const { number } = asked;
    expect(asked.state).toBe('needs-operator');
    expect(asked.reason).toContain('nobody knows whether statement 2 of migration 100.sql was executed');
    expect(asked.reason).toContain("The statement (line 2): `INSERT INTO log SELECT SLEEP(2) + '0'`");
    expect(asked.reason).toContain(`lockstep migration mark-done ${number}`);
    // The operator looks, sees that it was executed, and does the rest by hand.
    expect(await said(demo)).toEqual(['one', 'two', '100 a', '0']);
    await demo.sql("INSERT INTO log VALUES ('100 c')");
    expect((await shop.lockstep(['migration', 'mark-done', String(number)])).code).toBe(0);
    expect((await shop.lockstep(['wait', String(number)])).code).toBe(0);
    expect(await said(demo)).toEqual(['one', 'two', '100 a', '0', '100 c', '100 after']);
    expect(await files(demo)).toBe('001_log.sql done 002_one.sql done 010_two.sql done 100.sql done 100_after.sql done');
    expect(await page('demo', 2)).toBe('three\n');
  }, 90_000);

  test('I5: marked as not done, all servers go back and the record is gone; a mended file runs with the next deployment', async () => {
    const { number } = await killInTheMiddle('200');
    await demo.sql("DELETE FROM log WHERE what LIKE '200%' OR what = '0'");
    expect((await shop.lockstep(['migration', 'mark-not-done', String(number)])).code).toBe(0);
    expect((await shop.lockstep(['wait', String(number)])).code).toBe(1);
    expect(await files(demo)).not.toContain('200');
    for (const i of SERVERS) expect((await run('test', ['-e', join(shop.dir, `servers/demo${i}/maintenance`)])).code).toBe(1);
    expect((await shop.lockstep(['migration', 'mark-done', String(number)])).code).toBe(1);
    const view = await deploy('demo', { 'index.html': 'four\n', 'db/200.sql': "INSERT INTO log VALUES ('200');" });
    expect(view.result).toBe('done');
    expect((await said(demo)).slice(-2)).toEqual(['200', '200 after']);
  }, 90_000);

  test('migrates before the first lock if it is told so, and a failure then has locked nothing', async () => {
    await deploy('early', { 'db/001_log.sql': 'CREATE TABLE log (what text);', 'db/002_one.sql': "INSERT INTO log VALUES ('one');", 'db/010_two.sql': null,
      'db/100.sql': null, 'db/100_after.sql': null, 'db/200.sql': null, 'db/200_after.sql': null, 'index.html': 'early\n' }); // prettier-ignore
    const { deployment, release } = await shop.status('early');
    expect(release).not.toBeNull();
    const good = await logOf(deployment ?? 0);
    expect(good.indexOf('migrate finished')).toBeGreaterThan(good.indexOf('upload finished on web2'));
    expect(good.indexOf('lock started on web1')).toBeGreaterThan(good.indexOf('migrate finished'));
    const view = await deploy('early', {
      'index.html': 'worse\n',
      'db/003_bad.sql': "INSERT INTO log VALUES ('x');\nINSERT INTO nowhere VALUES (1);",
    });
    expect([view.result, stepOf(view, 'upload'), stepOf(view, 'migrate'), stepOf(view, 'lock')]).toEqual([
      'failed',
      'done',
      'failed',
      'skipped',
    ]);
    expect(view.reason).toContain('migration 003_bad.sql failed, nothing of it is in the database');
    expect(await logOf(view.number)).not.toContain('lock started');
    expect(await page('early', 1)).toBe('early\n');
    expect(await said(early)).toEqual(['one']);
  }, 90_000);

  test('in production refuses a destructive statement that nobody has allowed; the lint command says so before the commit', async () => {
    const text = 'ALTER TABLE log\n  DROP COLUMN what;\n';
    const view = await deploy('early', { 'db/003_bad.sql': null, 'db/003_drop.sql': text });
    expect([view.result, view.problem?.code]).toEqual(['failed', 'refused']);
    expect(view.reason).toMatch(/003_drop\.sql:2: drop-column: log: .*-- lockstep: allow drop-column$/);
    const lint = (...args: string[]) => shop.lockstep(['migration', 'lint', ...args]);
    const bad = await lint('early', '--directory', join(shop.tree, 'db'));
    expect([bad.code, bad.stdout]).toEqual([1, expect.stringContaining('003_drop.sql:2: drop-column')]);
    expect((await lint('demo', '--directory', join(shop.tree, 'db'))).code).toBe(0);
    expect((await lint('nothing')).code).not.toBe(0);
    const allowed = { 'db/003_drop.sql': `-- lockstep: allow drop-column\nALTER TABLE log ADD COLUMN x;\n${text}` };
    expect((await deploy('early', allowed)).result).toBe('done');
    expect((await lint('early', '--directory', join(shop.tree, 'db'))).code).toBe(0);
  }, 90_000);
});
