// What a deployment of a small commit takes, computed from a few figures that were measured. Pure functions; docs/benchmarks.md explains them.
//
// Constants of a way to deploy (`cold`: connections are made; `warm`: they are open), all in ms unless another unit is named:
//   alone      from the hook to the last server serving, one server, no distance
//   trips      round trips on that way (a number): how many times longer it gets than the line does
//   upload     the upload to one server, no distance; `uploadTrips`: its round trips
//   cpu        CPU time of each further server: `daemon` (its one thread), `children` (its processes of ssh), `server` (the server's side)
//   bytes      over the line, for each server
// and of the machine: `connect` and `connectTrips`, one connection of ssh.
// A place: `roundTrip`, `senderCores`, `lineBytesPerMs`; `sharedCores`: where all servers and the sender have these in common (else null: each
// server has its own). Settings: `connections` and `concurrency` of the cluster, and how many connections are `kept` at most.

/** How many turns it takes to open `count` connections, of which the first ten may be opened together and then one more for each success. */
function openingTurns(count, most) {
  let turns = 0;
  for (let window = Math.min(10, most), left = count; left > 0; window = Math.min(most, 2 * window)) {
    left -= window;
    turns += 1;
  }
  return turns;
}

/**
 * Predicts the time from the hook to the last of `count` servers serving. `ms`: in all; `bound`: what it waits for most, beside what one server alone
 * takes: 'one server', 'distance', 'daemon', 'sender', 'cores' (shared ones), 'line', 'connections' or 'concurrency'.
 */
export function predictDeployment(constants, { count, isCold }, place, { connections, concurrency, kept }) {
  const { cold, warm, connect, connectTrips } = constants;
  const opened = isCold ? count : Math.max(0, count - kept);
  const way = opened > 0 ? cold : warm;
  const further = count - 1;
  const distance = way.trips * place.roundTrip;

  // Opening connections ends before the first upload begins.
  const opening =
    opened > 0
      ? longest([
          ...workOf(less(cold.cpu, warm.cpu), opened - 1, place),
          ['connections', (openingTurns(opened, connections) - 1) * (connect + connectTrips * place.roundTrip)],
        ])
      : ['one server', 0];
  const rest = longest([
    ...workOf(warm.cpu, further, place),
    ['line', (further * way.bytes) / place.lineBytesPerMs],
    ['concurrency', (Math.ceil(count / concurrency) - 1) * (warm.upload + warm.uploadTrips * place.roundTrip)],
  ]);
  const [bound] = longest([['one server', way.alone], ['distance', distance], opening, rest]);
  return { ms: way.alone + distance + opening[1] + rest[1], bound };
}

/** What CPU time there is for so many further servers, and on what it waits: each of these at least. */
function workOf({ daemon, children, server }, further, { senderCores, sharedCores }) {
  return [
    ['daemon', further * daemon],
    ['sender', (further * (daemon + children)) / senderCores],
    // A server has its own cores, and does its part while the others do theirs: that is in `alone`.
    ...(sharedCores === null ? [] : [['cores', (further * (daemon + children + server)) / sharedCores]]),
  ];
}

const less = (more, other) => Object.fromEntries(Object.keys(more).map((key) => [key, Math.max(0, more[key] - other[key])]));

const longest = (list) => list.reduce((most, one) => (one[1] > most[1] ? one : most));
