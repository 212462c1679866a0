// The constants of the model, measured with few and with more servers, near and behind a longer line.
import { must } from '../shared/programs.js';
import { weigh } from './costs.js';
import { openLine } from './line.js';
import { lockstep } from './lockstep.js';
import { once } from './measure.js';
import { destination, sshOptions } from './reach.js';
import { SCENARIOS } from './scenarios.js';

const SCENARIO = SCENARIOS.small;
const FEW = 1;
const MORE = 20;
const FAR_MS = 100;
/** How they were measured. */
export const METHOD = `Measured with ${FEW} and ${MORE} servers, and a line of ${FAR_MS} ms.`;

/** What `predictDeployment` takes, with the memory of the daemon and of each open channel in MB. */
export async function measureConstants(lab, runs, say) {
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

/** Where the servers are behind a line. */
export const placeOf = async (lab, { port }) => ({ port, knownHosts: await lab.sshd.knownAt(port) });

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
export async function withServers(whole, count, work) {
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
