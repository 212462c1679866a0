// The thread in which a SQLite database is worked on, so that a long statement does not hold up the daemon. Answers one message at a time.
// Plain JavaScript, because a thread is started from a file: the same one in src and in dist.
import { parentPort } from 'node:worker_threads';
import Database from 'better-sqlite3';

/** How long a statement waits for the application's own transactions. */
const BUSY_MS = 30_000;

let database = null;
let lock = null;

function answer(request) {
  switch (request.verb) {
    case 'open':
      database = new Database(request.path, { timeout: BUSY_MS, readonly: request.isReadOnly, fileMustExist: request.isReadOnly });
      // As in the sqlite3 program, and as rebuilding a table needs it: https://www.sqlite.org/lang_altertable.html#otheralter
      database.pragma('foreign_keys = OFF');
      return [];
    case 'run':
      database.exec(request.sql);
      return [];
    case 'rows': {
      const statement = database.prepare(request.sql);
      if (statement.reader) return statement.all(...request.values);
      statement.run(...request.values);
      return [];
    }
    case 'lock':
      // The system lets go of it when the process ends, however it ends.
      lock ??= new Database(request.path, { timeout: 0 });
      if (!lock.inTransaction) lock.exec('BEGIN EXCLUSIVE');
      return [];
    case 'close':
      database?.close();
      lock?.close();
      return [];
  }
}

parentPort.on('message', (request) => {
  try {
    parentPort.postMessage({ rows: answer(request) });
  } catch (error) {
    parentPort.postMessage({ error: { message: error.message, code: error.code ?? 'ERROR' } });
  }
});
