// Runs migrations as the daemon does, and is killed by SIGKILL before, while or after the database does what it is asked for the n-th time.
// Environment: MIGRATION (JSON: settings, deployment, token, artifact), KILL_AT (a number), KILL_WHEN (before | while | after).
import { readSecret } from '../../dist/files/secrets.js';
import { openMigrations } from '../../dist/migrations/open.js';

const { MIGRATION = '', KILL_AT, KILL_WHEN } = process.env;
const { artifact, ...request } = JSON.parse(MIGRATION);
let count = 0;
const die = () => process.kill(process.pid, 'SIGKILL');

const dying =
  (action) =>
  async (...args) => {
    count += 1;
    const isDue = count === Number(KILL_AT);
    if (isDue && KILL_WHEN === 'before') die();
    if (isDue && KILL_WHEN === 'while') setTimeout(die, 1);
    try {
      return await action(...args);
    } finally {
      if (isDue) die();
    }
  };

const migrations = openMigrations({
  readSecret,
  wrapDatabase: ({ run, rows, tryLock, ...rest }) => ({ ...rest, run: dying(run), rows: dying(rows), tryLock: dying(tryLock) }),
});
await migrations.run({ ...request, log: () => undefined }, artifact, new AbortController().signal);
