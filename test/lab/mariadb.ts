// A real MariaDB server in a temporary directory: on a Unix socket only, without the settings of this machine.
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import mysql from 'mysql2/promise';
import type { Lab, LabDatabase } from './database.ts';
import { until } from './until.ts';

export async function startMariadb(): Promise<Lab> {
  const directory = await mkdtemp(join(tmpdir(), 'lockstep-mariadb-'));
  const data = join(directory, 'data');
  const socket = join(directory, 'socket');
  const user = userInfo().username;
  const install = ['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db', `--user=${user}`];
  await promisify(execFile)('mariadb-install-db', install, { cwd: directory });
  const args = [
    '--no-defaults',
    `--datadir=${data}`,
    `--socket=${socket}`,
    '--skip-networking',
    `--user=${user}`,
    '--innodb-flush-log-at-trx-commit=0',
  ];
  const small = [
    '--innodb-buffer-pool-size=32M',
    '--innodb-log-file-size=16M',
    `--pid-file=${join(directory, 'pid')}`,
    '--performance-schema=OFF',
  ];
  const server = spawn('/usr/sbin/mariadbd', [...args, ...small], { cwd: directory, stdio: 'ignore' });
  const gone = new Promise((resolve) => server.once('exit', resolve));

  const connect = (database?: string) =>
    mysql.createConnection({ socketPath: socket, user: 'root', ...(database === undefined ? {} : { database }) });
  const admin = await until(() => connect().catch(() => null), { what: 'MariaDB answers', timeoutMs: 40_000 });
  const clients: mysql.Connection[] = [];
  let count = 0;

  return {
    async create(): Promise<LabDatabase> {
      count += 1;
      const name = `shop_${count}`;
      await admin.query(`CREATE DATABASE ${name}`);
      const client = await connect(name);
      clients.push(client);
      return {
        url: `mariadb://root@localhost/${name}?socket=${encodeURIComponent(socket)}`,
        async sql(statement) {
          const [rows] = await client.query({ sql: statement, rowsAsArray: true });
          return Array.isArray(rows) ? (rows as unknown[][]).map((row) => row.map(String)) : [];
        },
        async endConnections() {
          const others = async (): Promise<number[]> => {
            const [rows] = await admin.query('SELECT id FROM information_schema.processlist WHERE db = ? AND id <> ?', [
              name,
              client.threadId,
            ]);
            return (rows as { id: number }[]).map(({ id }) => id);
          };
          for (const id of await others()) await admin.query(`KILL CONNECTION ${id}`).catch(() => undefined);
          await until(async () => (await others()).length === 0, { what: 'no connection is left', everyMs: 5 });
        },
      };
    },
    async stop() {
      for (const client of [admin, ...clients]) await client.end();
      server.kill('SIGTERM');
      await gone;
      await rm(directory, { recursive: true, force: true });
    },
  };
}
