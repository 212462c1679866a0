// Where the database is, and its password: by reference, never in the URL, never in a message.
import { describe, expect, test } from '@jest/globals';
import { parseDatabaseUrl } from '../../src/core/database-url.ts';
import { readSecret } from '../../src/files/secrets.ts';
import { openMigrations } from '../../src/migrations/open.ts';
import type { LabDatabase } from '../lab/database.ts';
import { startPostgres } from '../lab/postgres.ts';
import { freePort } from '../lab/workshop.ts';
import { forever, openReleases, requestFor } from './release.ts';

describe('the URL of a database', () => {
  test('says which system it is, and where', () => {
    const server = { kind: 'postgresql', host: 'db', port: null, user: 'shop', name: 'shop', socket: null, tls: 'off' };
    expect(parseDatabaseUrl('postgres://shop@db/shop')).toEqual(server);
    expect(parseDatabaseUrl('postgresql://shop@db:5433/shop?tls=verify')).toEqual({ ...server, port: 5433, tls: 'verify' });
    expect(parseDatabaseUrl('mariadb://a%40b@[::1]/x%2Dy?socket=/run/my.sock')).toEqual({
      ...server,
      kind: 'mariadb',
      host: '::1',
      user: 'a@b',
      name: 'x-y',
      socket: '/run/my.sock',
    });
    expect(parseDatabaseUrl('sqlite:///srv/a%20b.db')).toEqual({ kind: 'sqlite', path: '/srv/a b.db' });
  });

  test('with a password, without a database, or of another kind is refused, and the password is not repeated', () => {
    const problem = (url: string): string => (parseDatabaseUrl(url) as { problem: string }).problem;
    expect(problem('postgres://shop:hunter2@db/shop')).toContain('"password": {"file"');
    for (const url of ['postgres://shop:hunter2@db/shop', 'mysql://a:hunter2@/x', 'http://x:hunter2@y/z'])
      expect(problem(url)).not.toContain('hunter2');
    for (const url of [
      '',
      'db',
      'oracle://a/b',
      'postgres://db',
      'postgres://db/',
      'postgres:///shop',
      'mysql://db/a/b',
      'sqlite://srv/a.db',
      'sqlite:///',
    ]) {
      expect(problem(url)).toEqual(expect.any(String));
    }
    expect(problem('postgres://db/shop?sslmode=require')).toContain('allowed are: socket, tls');
    expect(problem('mysql://db/%zz')).toContain('%25');
  });
});

describe('a database', () => {
  test('that asks for a password gets it, and a wrong one is told without showing it', async () => {
    const lab = await startPostgres();
    const releases = await openReleases();
    try {
      const database: LabDatabase = await lab.create();
      await database.sql("CREATE ROLE web LOGIN PASSWORD 'right one'");
      await database.sql('GRANT ALL ON SCHEMA public TO web');
      await lab.requirePasswordOf('web');
      const url = database.url.replace('shop@', 'web@');
      const artifact = await releases.make({ '1.sql': 'CREATE TABLE a (b int)' });
      const check = (password: string) =>
        openMigrations({ readSecret }).check(requestFor(url, { password: { command: `printf %s '${password}'` } }), artifact, forever);
      const refused = await check('wrong one').catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: 'unreachable', message: expect.stringContaining('password authentication failed') });
      expect(JSON.stringify(refused)).not.toContain('wrong one');
      await check('right one');
    } finally {
      await releases.remove();
      await lab.stop();
    }
  });

  test('that cannot be reached is said before anything happens', async () => {
    const releases = await openReleases();
    const artifact = await releases.make({});
    const port = await freePort();
    for (const url of [`postgres://a@127.0.0.1:${port}/shop`, `mysql://a@127.0.0.1:${port}/shop`, 'sqlite:///nonexistent/shop.db']) {
      const failure = openMigrations({ readSecret }).check(requestFor(url), artifact, forever);
      await expect(failure).rejects.toMatchObject({
        code: 'unreachable',
        message: expect.stringMatching(/cannot be opened: (connect ECONNREFUSED|Cannot open database)/),
      });
    }
    await releases.remove();
  });
});
