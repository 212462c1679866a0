// The daemon, killed by SIGKILL right before or after the journal append with a given number, or the first one that holds an event of a given stage.
// Which one stands in a file as `before 3`, `after 3`, `before started 3` or `after finished 3`, and is counted from when the file is there.
// Environment: LOCKSTEP_CONFIG, LOCKSTEP_DATA, LOCKSTEP_LISTEN, KILL_FILE.
import { readFileSync } from 'node:fs';
import { createLog } from '../../dist/notify/log.js';
import { startDaemon } from '../../dist/daemon.js';

const { LOCKSTEP_CONFIG: config, LOCKSTEP_DATA: data, LOCKSTEP_LISTEN: listen = '', KILL_FILE } = process.env;
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
      const [, when, at] = /^(\w+) (.*)$/.exec(order()) ?? [];
      if (at !== undefined) appends += 1;
      const isIt = appends === Number(at) || batch.events.some(({ event }) => `${event.type} ${event.stage}` === at);
      if (isIt && when === 'before') process.kill(process.pid, 'SIGKILL');
      await store.append(batch);
      if (isIt) process.kill(process.pid, 'SIGKILL');
    },
  }),
});
console.log(`Lockstep listening on ${daemon.url}`);
process.on('SIGTERM', () => void daemon.stop().then(() => process.exit(0)));

function order() {
  try {
    return readFileSync(KILL_FILE, 'utf8');
  } catch {
    return '';
  }
}
