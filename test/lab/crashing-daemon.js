// The daemon, killed by SIGKILL right before or after the journal append with a given number (counted from its start), or the first one that holds
// an event of a given stage: KILL_AT is a number, or `started 3`, `finished 3`.
// Environment: LOCKSTEP_CONFIG, LOCKSTEP_DATA, LOCKSTEP_LISTEN, KILL_AT, KILL_WHEN (before | after).
import { createLog } from '../../dist/notify/log.js';
import { startDaemon } from '../../dist/daemon.js';

const { LOCKSTEP_CONFIG: config, LOCKSTEP_DATA: data, LOCKSTEP_LISTEN: listen = '', KILL_AT, KILL_WHEN } = process.env;
const [address, port] = listen.split(':');
let appends = 0;

const daemon = await startDaemon({
  version: 'crashing',
  config,
  data,
  address,
  port: Number(port),
  log: createLog({ file: null, stderr: process.stderr }),
  wrapStore: (store) => ({
    ...store,
    append: async (batch) => {
      appends += 1;
      const isIt = appends === Number(KILL_AT) || batch.events.some(({ event }) => `${event.type} ${event.stage}` === KILL_AT);
      if (isIt && KILL_WHEN === 'before') process.kill(process.pid, 'SIGKILL');
      await store.append(batch);
      if (isIt) process.kill(process.pid, 'SIGKILL');
    },
  }),
});
console.log(`Lockstep listening on ${daemon.url}`);
process.on('SIGTERM', () => void daemon.stop().then(() => process.exit(0)));
