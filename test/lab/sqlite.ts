// SQLite files in a temporary directory, looked into with a connection of the test's own.
import Database from 'better-sqlite3';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Lab, LabDatabase } from './database.ts';

export async function startSqlite(): Promise<Lab> {
  const directory = await mkdtemp(join(tmpdir(), 'lockstep-sqlite-'));
  let count = 0;
  return {
    create(): Promise<LabDatabase> {
      count += 1;
      const path = join(directory, `shop-${count}.db`);
      return Promise.resolve({
        url: `sqlite://${path}`,
        sql(statement) {
          const database = new Database(path);
          try {
            const prepared = database.prepare(statement);
            if (prepared.reader) return Promise.resolve((prepared.raw().all() as unknown[][]).map((row) => row.map(String)));
            prepared.run();
            return Promise.resolve([]);
          } finally {
            database.close();
          }
        },
        // Nobody else can end the connections of a process.
        endConnections: () => Promise.resolve(),
      });
    },
    stop: () => rm(directory, { recursive: true, force: true }),
  };
}
