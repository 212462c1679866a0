// SQLite: a file and its record are one transaction. The connection lives in a thread of its own, because it works synchronously.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Database, Opening, Row } from './database.ts';

/** The database as it is told to sqlite-thread.js. */
export type ThreadRequest =
  | { readonly verb: 'open'; readonly path: string; readonly isReadOnly: boolean }
  | { readonly verb: 'run'; readonly sql: string }
  | { readonly verb: 'rows'; readonly sql: string; readonly values: readonly unknown[] }
  | { readonly verb: 'lock'; readonly path: string }
  | { readonly verb: 'close' };

type Answer = { readonly rows: Row[] } | { readonly error: { readonly message: string; readonly code: string } };

class SqliteError extends Error {
  readonly code: string;

  constructor({ message, code }: { message: string; code: string }) {
    super(message);
    this.code = code;
  }
}

export async function openSqlite(path: string, { isReadOnly, signal }: Opening): Promise<Database> {
  const thread = new Worker(new URL('./sqlite-thread.js', import.meta.url));
  let broken: Error | null = null;
  thread.on('error', (error) => (broken = error));
  const end = (): void => void thread.terminate();
  signal.addEventListener('abort', end, { once: true });
  const gone = new Promise<null>((resolve) => thread.once('exit', () => resolve(null)));

  const ask = async (request: ThreadRequest): Promise<Row[]> => {
    if (signal.aborted || thread.threadId === -1) throw new Error('the connection to the database was ended');
    thread.postMessage(request);
    const answer = (await Promise.race([once(thread, 'message'), gone])) as [Answer] | null;
    if (answer === null) throw broken ?? new Error('the connection to the database was ended');
    if ('error' in answer[0]) throw new SqliteError(answer[0].error);
    return answer[0].rows;
  };
  const close = async (): Promise<void> => {
    signal.removeEventListener('abort', end);
    await ask({ verb: 'close' }).catch(() => undefined);
    await thread.terminate();
  };
  try {
    await ask({ verb: 'open', path, isReadOnly });
  } catch (error) {
    await close();
    throw error;
  }
  return {
    kind: 'sqlite',
    table: 'main.lockstep_migrations',
    tableOptions: '',
    begin: 'BEGIN EXCLUSIVE',
    run: async (sql) => {
      await ask({ verb: 'run', sql });
    },
    rows: (sql, values = []) => ask({ verb: 'rows', sql, values }),
    hasTable: async () =>
      (
        await ask({
          verb: 'rows',
          sql: "SELECT 1 FROM main.sqlite_master WHERE type = 'table' AND name = 'lockstep_migrations'",
          values: [],
        })
      ).length > 0,
    tryLock: async () => {
      try {
        await ask({ verb: 'lock', path: `${path}.lockstep-lock` });
        return null;
      } catch (error) {
        if (error instanceof SqliteError && error.code.startsWith('SQLITE_BUSY'))
          return `another process (see: fuser ${path}.lockstep-lock)`;
        throw error;
      }
    },
    isAnswer: (error) => error instanceof SqliteError && !/^SQLITE_(IOERR|CORRUPT|NOTADB)/.test(error.code),
    offsetOf: () => null,
    close,
  };
}
