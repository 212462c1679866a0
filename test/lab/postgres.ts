// A real PostgreSQL server in a temporary directory: on a Unix socket only, as an account that is not root, without fsync.
import { execFile, spawn } from 'node:child_process';
import { chown, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import type { Lab, LabDatabase } from './database.ts';
import { until } from './until.ts';

const HOME = '/usr/lib/postgresql';

export type Postgres = Lab & {
  /** This role needs its password from now on; all others need none. */
  requirePasswordOf(role: string): Promise<void>;
};

export async function startPostgres(): Promise<Postgres> {
  const versions = (await readdir(HOME)).sort((a, b) => Number(b) - Number(a));
  const bin = join(HOME, versions[0] ?? '', 'bin');
  const directory = await mkdtemp(join(tmpdir(), 'lockstep-postgres-'));
  const { uid, gid } = await account();
  await chown(directory, uid, gid);
  const data = join(directory, 'data');
  const as = { uid, gid, cwd: directory, env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8' } };
  await promisify(execFile)(join(bin, 'initdb'), ['-D', data, '-U', 'shop', '-A', 'trust', '-E', 'UTF8', '--no-sync'], as);
  const settings = ['listen_addresses=', `unix_socket_directories=${directory}`, 'fsync=off', 'max_connections=50', 'jit=off'];
  const args = ['-D', data, ...settings.flatMap((one) => ['-c', one])];
  const server = spawn(join(bin, 'postgres'), args, { ...as, stdio: 'ignore' });
  const gone = new Promise((resolve) => server.once('exit', resolve));

  const connect = async (database: string): Promise<pg.Client> => {
    const client = new pg.Client({ host: directory, user: 'shop', database });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  const admin = await until(() => connect('postgres').catch(() => null), { what: 'PostgreSQL answers' });
  const clients: pg.Client[] = [];
  let count = 0;

  return {
    async requirePasswordOf(role) {
      const file = join(data, 'pg_hba.conf');
      await writeFile(file, `local all ${role} scram-sha-256\n${await readFile(file, 'utf8')}`);
      await admin.query('SELECT pg_reload_conf()');
      const rules = 'SELECT 1 FROM pg_hba_file_rules WHERE $1 = ANY (user_name)';
      await until(async () => (await admin.query(rules, [role])).rowCount === 1, { what: 'the rule is in force' });
    },
    async create(): Promise<LabDatabase> {
      count += 1;
      const name = `shop_${count}`;
      await admin.query(`CREATE DATABASE ${name}`);
      const client = await connect(name);
      clients.push(client);
      const [{ pid }] = (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows as [{ pid: number }];
      return {
        url: `postgres://shop@localhost/${name}?socket=${encodeURIComponent(directory)}`,
        async sql(statement) {
          const { rows } = await client.query<unknown[]>({ text: statement, rowMode: 'array' });
          return rows.map((row) => row.map(String));
        },
        async endConnections() {
          const others = 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> $2';
          await until(async () => (await admin.query(others, [name, pid])).rowCount === 0, { what: 'no connection is left', everyMs: 5 });
        },
      };
    },
    async stop() {
      for (const client of [admin, ...clients]) await client.end();
      server.kill('SIGINT');
      await gone;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** PostgreSQL refuses to run as root: then it runs as the account of the Debian package. */
async function account(): Promise<{ uid: number; gid: number }> {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  if (uid !== 0) return { uid, gid };
  const of = async (flag: string): Promise<number> => Number((await promisify(execFile)('id', [flag, 'postgres'])).stdout);
  return { uid: await of('-u'), gid: await of('-g') };
}
