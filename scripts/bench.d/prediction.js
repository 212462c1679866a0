// The model beside the machine: measures its constants with 1 and 20 servers, predicts 10 and 50, runs them, and tells what 1,000 and 10,000
// servers would take. Resolves with the predictions that were too far off.
import { cpus } from 'node:os';
import { weigh } from './costs.js';
import { must } from './ground.js';
import { openLab } from './lab.js';
import { openLine } from './line.js';
import { lockstep } from './lockstep.js';
import { once } from './measure.js';
import { predictDeployment } from './model.js';
import { destination, sshOptions } from './reach.js';
import { SCENARIOS } from './scenarios.js';

const SCENARIO = SCENARIOS.small;
/** What is measured is at most so many times what was predicted, and at least so small a part of it. */
const TOLERANCE = 1.5;
/** Where constants are measured, and where predictions are checked: not the same numbers of servers. */
const FEW = 1;
const MORE = 20;
const FAR_MS = 100;
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
  const lab = await openLab({ count: 50, files: SCENARIO.files, maxStartups: '200' });
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

async function measureConstants(lab, runs, say) {
  say(`constants: ${FEW} and ${MORE} servers`);
  const near = await connecting(lab, lab.sshd, runs);
  const line = await openLine({ port: lab.sshd.port, roundTripMs: FAR_MS });
  try {
    const far = await connecting(lab, { ...lab.sshd, ...(await placeOf(lab, line)) }, runs);
    const one = await withServers(lab, FEW, async (deploy) => ({
      near: { cold: await deploy({ keep: '0s', runs }), warm: await deploy({ keep: '1h', runs }) },
      far: {
        cold: await deploy({ keep: '0s', runs, ...(await placeOf(lab, line)) }),
        warm: await deploy({ keep: '1h', runs, ...(await placeOf(lab, line)) }),
      },
    }));
    const many = await withServers(lab, MORE, async (deploy) => ({
      cold: await deploy({ keep: '0s', runs }),
      warm: await deploy({ keep: '1h', runs, isWeighed: true }),
    }));
    const wayOf = (way) => ({
      alone: one.near[way].wall,
      trips: Math.max(0, (one.far[way].wall - one.near[way].wall) / FAR_MS),
      upload: one.near[way].upload,
      uploadTrips: Math.max(0, (one.far[way].upload - one.near[way].upload) / FAR_MS),
      cpu: furtherOf(one.near[way], many[way]),
      bytes: many.warm.bytes,
    });
    return {
      connect: near,
      connectTrips: (far - near) / FAR_MS,
      cold: wayOf('cold'),
      warm: wayOf('warm'),
      daemonMegabytes: many.warm.daemon,
      channelMegabytes: (many.warm.memory - many.warm.daemon) / MORE,
    };
  } finally {
    await line.close();
  }
}

const placeOf = async (lab, { port }) => ({ port, knownHosts: await lab.sshd.knownAt(port) });

/** One connection of ssh that does nothing, in ms. */
async function connecting(lab, sshd, runs) {
  const options = ['-F', 'none', ...sshOptions(sshd), '-o', 'KexAlgorithms=curve25519-sha256'];
  const times = [];
  for (let run = 0; run < runs; run++) {
    const began = performance.now();
    await must('ssh', [...options, destination(lab, lab.servers[0]), 'true']);
    times.push(performance.now() - began);
  }
  return Math.min(...times);
}

/** Lends `work` a function that deploys small commits to so many servers of the lab; resolves as `work`. */
async function withServers(whole, count, work) {
  const lab = { ...whole, servers: whole.servers.slice(0, count) };
  const contender = lockstep(lab, `model-${count}`, '0s');
  try {
    await contender.setUp(lab);
    await contender.firstCopy(lab);
    return await work(async ({ keep, runs, isWeighed = false, port = whole.sshd.port, knownHosts = whole.sshd.knownHosts }) => {
      await contender.restart({ keep, port, knownHosts });
      // After a start the daemon knows and holds less than between two deployments.
      await once(lab, contender, SCENARIO);
      const results = [];
      for (let run = 0; run < runs; run++) {
        const result = await once(lab, contender, SCENARIO);
        const { startedAt, finishedAt } = contender.last.steps.find(({ step }) => step === 'upload');
        results.push({ ...result, upload: Date.parse(finishedAt) - Date.parse(startedAt) });
      }
      // What else the machine does only ever adds to it: the quickest run tells most.
      const quickest = results.reduce((best, one) => (one.wall < best.wall ? one : best));
      if (!isWeighed) return quickest;
      const scales = weigh(lab, contender);
      await once(lab, contender, SCENARIO);
      return { ...quickest, ...scales.end() };
    });
  } finally {
    await contender.end();
  }
}

/** CPU time of each further server: of the difference between few and more. */
function furtherOf(few, more) {
  const further = (of) => Math.max(0, (of(more) * MORE - of(few) * FEW) / (MORE - FEW));
  return {
    daemon: further(({ thread }) => thread),
    children: further(({ sender, thread }) => sender - thread),
    server: further(({ servers }) => servers),
  };
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
  print(
    `Measured with ${FEW} and ${MORE} servers, and a line of ${FAR_MS} ms. One connection of ssh: ${figure(connect)} ms and ${connectTrips.toFixed(1)} round trips.`,
  );
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
