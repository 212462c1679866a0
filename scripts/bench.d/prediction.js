// The model beside the machine: predicts 10 and 50 servers from constants that were measured with other numbers, runs them, and tells what 1,000 and
// 10,000 servers would take. Resolves with the predictions that were too far off.
import { cpus } from 'node:os';
import { measureConstants, METHOD, placeOf, withServers } from './constants.js';
import { openLab } from './lab.js';
import { openLine } from './line.js';
import { predictDeployment } from './model.js';
import { SCENARIOS } from './scenarios.js';

/** What is measured is at most so many times what was predicted, and at least so small a part of it. */
const TOLERANCE = 1.5;
/** Not the numbers of servers from which the constants are. */
const CHECKS = [
  { count: 10, roundTrip: 0 },
  { count: 10, roundTrip: 50 },
  { count: 10, roundTrip: 200 },
  { count: 50, roundTrip: 0 },
];
/** src/transport/warm-sessions.ts keeps no more. */
const KEPT = 256;
/** 1 Gbit/s. */
const LINE = 125_000;

export async function predict({ print, say, figure, runs }) {
  const lab = await openLab({ count: 50, files: SCENARIOS.small.files, maxStartups: '200' });
  try {
    const constants = await measureConstants(lab, runs, say);
    printConstants(constants, print, figure);
    const problems = await checkAll(lab, constants, { print, say, runs });
    printPredictions(constants, print);
    return problems;
  } finally {
    await lab.close();
  }
}

async function checkAll(lab, constants, { print, say, runs }) {
  const problems = [];
  print();
  print('## Predicted and measured');
  print();
  print('Sender and servers on the same cores, of which others took some meanwhile.');
  print();
  print('| servers | round trip ms | connections | others took cores | predicted s | waits for | measured s | measured / predicted |');
  print('|---:|---:|---|---:|---:|---|---:|---:|');
  for (const count of [...new Set(CHECKS.map((check) => check.count))]) {
    say(`checks: ${count} servers`);
    await withServers(lab, count, async (deploy) => {
      for (const { roundTrip } of CHECKS.filter((check) => check.count === count))
        for (const isCold of [true, false]) {
          const line = roundTrip === 0 ? null : await openLine({ port: lab.sshd.port, roundTripMs: roundTrip });
          const place = line === null ? {} : await placeOf(lab, line);
          const { wall, others } = await deploy({ keep: isCold ? '0s' : '1h', runs, ...place }).finally(() => line?.close());
          const cores = Math.max(cpus().length / 2, cpus().length - others);
          const here = { roundTrip, senderCores: cores, sharedCores: cores, lineBytesPerMs: Infinity };
          const { ms, bound } = predictDeployment(constants, { count, isCold }, here, { connections: 32, concurrency: count, kept: KEPT });
          const ratio = wall / ms;
          const name = isCold ? 'cold' : 'warm';
          print(`| ${[count, roundTrip, name, others.toFixed(1), seconds(ms), bound, seconds(wall), ratio.toFixed(2)].join(' | ')} |`);
          if (ratio > TOLERANCE || ratio < 1 / TOLERANCE)
            problems.push(`${count} servers, ${roundTrip} ms, ${name}: ${seconds(wall)} s instead of the predicted ${seconds(ms)} s`);
        }
    });
  }
  return problems;
}

function printConstants({ connect, connectTrips, cold, warm, daemonMegabytes, channelMegabytes }, print, figure) {
  print();
  print('## Constants');
  print();
  print(`${METHOD} One connection of ssh: ${figure(connect)} ms and ${connectTrips.toFixed(1)} round trips.`);
  print(
    `The daemon: ${figure(daemonMegabytes)} MB, and ${channelMegabytes.toFixed(1)} MB for each open channel. On the line: ${figure(warm.bytes / 1000)} kB per server.`,
  );
  print();
  print('| | one server alone ms | round trips | CPU of each further server, ms: daemon | its ssh | the server |');
  print('|---|---:|---:|---:|---:|---:|');
  for (const [name, { alone, trips, cpu }] of Object.entries({ cold, warm }))
    print(
      `| ${name} | ${figure(alone)} | ${trips.toFixed(1)} | ${cpu.daemon.toFixed(1)} | ${cpu.children.toFixed(1)} | ${cpu.server.toFixed(1)} |`,
    );
}

function printPredictions(constants, print) {
  // Our line answers a new connection at once; a real one takes a round trip for it.
  const real = {
    ...constants,
    connectTrips: constants.connectTrips + 1,
    cold: { ...constants.cold, trips: constants.cold.trips + 1 },
  };
  const numbers = [10, 50, 1_000, 10_000];
  for (const settings of [
    { connections: 32, concurrency: 50, kept: KEPT },
    { connections: 1_000, concurrency: 1_000, kept: KEPT },
  ]) {
    print();
    print(
      `## Predicted: servers with cores of their own, a sender with ${cpus().length} and 1 Gbit/s, \`connections\` ${settings.connections}, \`concurrency\` ${settings.concurrency}`,
    );
    print();
    print(`| seconds | ${numbers.map((count) => `${count.toLocaleString('en')} servers`).join(' | ')} |`);
    print(`|---|${numbers.map(() => '---:|').join('')}`);
    for (const isCold of [true, false])
      for (const roundTrip of [0, 50, 200]) {
        const place = { roundTrip, senderCores: cpus().length, sharedCores: null, lineBytesPerMs: LINE };
        const cells = numbers.map((count) => {
          const { ms, bound } = predictDeployment(real, { count, isCold }, place, settings);
          return `${seconds(ms)} (${bound})`;
        });
        print(`| ${isCold ? 'cold' : 'warm'}, ${roundTrip} ms | ${cells.join(' | ')} |`);
      }
  }
  const { daemonMegabytes, channelMegabytes } = constants;
  print();
  print(`At most ${KEPT} connections are kept between two deployments: of more servers, the others are connected with again.`);
  print(
    `Memory by the same figures: ${numbers.map((count) => `${Math.round(daemonMegabytes + count * channelMegabytes).toLocaleString('en')} MB for ${count.toLocaleString('en')}`).join(', ')}.`,
  );
}

const seconds = (ms) => (ms / 1000).toFixed(2);
