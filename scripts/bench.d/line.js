// A longer line to the same servers: takes connections to any address of the loopback at a port of its own, and passes them on to the same address
// at another port, each way after half a round trip. A process of its own, so that what it does is nobody's time but its own.
import { fork } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const FILE = fileURLToPath(import.meta.url);

/** Resolves when it listens. `port`: of the servers. */
export async function openLine({ port, roundTripMs }) {
  const child = fork(FILE, [String(port), String(roundTripMs)]);
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const near = await new Promise((resolve, reject) => {
    child.once('message', resolve);
    void gone.then(() => reject(new Error('the line did not open')));
  });
  return {
    port: near,
    close: async () => {
      child.disconnect();
      await gone;
    },
  };
}

function pass(from, to, delayMs) {
  // Timers of equal length fire in the order in which they were set.
  const later = (action) => void setTimeout(action, delayMs);
  from.on('data', (piece) => later(() => to.destroyed || to.write(piece)));
  from.on('end', () => later(() => to.end()));
  from.on('close', () => later(() => to.destroy()));
  from.on('error', () => undefined);
}

if (process.argv[1] === FILE && process.send) {
  const [port, roundTripMs] = process.argv.slice(2).map(Number);
  process.once('disconnect', () => process.exit());
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = connect({ host: near.localAddress, port, allowHalfOpen: true, noDelay: true });
    pass(near, far, roundTripMs / 2);
    pass(far, near, roundTripMs / 2);
  });
  server.listen(0, '0.0.0.0', () => process.send(server.address().port));
}
