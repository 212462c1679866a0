// The key `migrations`: its defaults, and what is refused with what is allowed.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { createWorkspace, minimal, withCluster } from './workspace.ts';
import type { Workspace } from './workspace.ts';

const given = { directory: 'db/migrations/', database: 'postgres://shop@db.example.org/shop' };
const key = 'clusters.production.migrations';

describe('migrations', () => {
  let workspace: Workspace;
  beforeAll(async () => {
    workspace = await createWorkspace();
  });
  afterAll(() => workspace.remove());

  const read = async (settings: Record<string, unknown>) =>
    (await workspace.load(withCluster(settings))).configuration.clusters.get('production')?.migrations;

  test('run after the switch and refuse destructive statements in production, unless it is said otherwise', async () => {
    expect(await read({ migrations: given })).toEqual({
      directory: 'db/migrations',
      database: given.database,
      password: null,
      when: 'after-switch',
      lint: 'refuse',
    });
    expect(await read({ environment: 'test', migrations: given })).toMatchObject({ lint: 'warn' });
    expect(await read({ migrations: { ...given, when: 'before-lock', lint: 'off' } })).toMatchObject({ when: 'before-lock', lint: 'off' });
    expect(await read({})).toBeNull();
  });

  test('take their password by reference; files count from the configuration file', async () => {
    const password = async (source: unknown) => (await read({ migrations: { ...given, password: source } }))?.password;
    expect(await password({ file: 'secrets/db' })).toEqual({ file: join(workspace.directory, 'secrets/db') });
    expect(await password({ environment: 'DB_PASSWORD' })).toEqual({ environment: 'DB_PASSWORD' });
    expect(await password({ command: 'pass show db' })).toEqual({ command: 'pass show db' });
  });

  test('of a pattern cluster may hold its names', async () => {
    const migrations = { directory: 'db', database: 'sqlite:///srv/{developer}/shop.db' };
    const cluster = { servers: [{ path: '/srv/{developer}' }], migrations };
    const branches = [{ repository: 'shop', branch: 'servers/{developer}', clusters: ['sandbox-{developer}'] }];
    expect(await workspace.problems(minimal({ branches, clusters: { 'sandbox-{developer}': cluster } }))).toEqual([]);
  });

  test.each([
    [{ migrations: given, commands: { migrate: 'x' } }, `${key}: stands beside "commands.migrate"`],
    [{ migrations: { ...given, database: 'postgres://shop:hunter2@db/shop' } }, `${key}.database: holds a password; take it out`],
    [{ migrations: { ...given, database: 'oracle://db/shop' } }, `${key}.database: is not the URL of a database`],
    [{ migrations: { ...given, database: 'mysql://{developer}@db/shop' } }, `${key}.database: {developer} is unknown`],
    [{ migrations: { ...given, database: 'sqlite:///srv/a.db', password: { file: 'x' } } }, `${key}.password: is of no use`],
    [
      { migrations: { ...given, password: 'hunter2' } },
      `${key}.password: must be {"file": "…"}, {"environment": "NAME"} or {"command": "…"}`,
    ],
    [{ migrations: { ...given, password: { environment: 'a b' } } }, `${key}.password.environment: "a b" is not a name of a variable`],
    [{ migrations: { ...given, directory: '../db' } }, `${key}.directory: must not hold ".."`],
    [{ migrations: { ...given, when: 'later' } }, `${key}.when: is "later"; allowed: "after-switch", "before-lock"`],
    [{ migrations: { ...given, lint: 'loud' } }, `${key}.lint: is "loud"; allowed: "off", "warn", "refuse"`],
    [{ migrations: { database: given.database } }, `${key}.directory: is missing`],
  ])('%j are refused with what is allowed', async (settings, message) => {
    const problems = await workspace.problems(withCluster(settings));
    expect(problems.join('\n')).toContain(message);
    expect(problems).toHaveLength(1);
    expect(problems[0]).not.toContain('hunter2@');
  });
});
