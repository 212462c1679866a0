// Measures one scenario with so many servers: everybody one after the other, several timed runs each and one that is weighed instead.
import { lstatSync, readFileSync } from 'node:fs';
import { must, until } from '../shared/programs.js';
import { machineCpu, threadOf, weigh } from './costs.js';
import { sameTree } from './ground.js';
import { openLab } from './lab.js';

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

/** A row for each contender whose name holds one of the words of `only` (null: all) and who is installed. */
export async function measure(scenario, count, { runs, only, say }) {
  if (!scenario.isFirst) return withEach(scenario, count, { only, say }, (lab, contender) => repeated(lab, contender, scenario, runs));
  // Nobody has anything of the others' or of the run before; and each run begins with another one, for it matters what the machine did before.
  const all = [];
  for (let run = 0; run < runs; run++) all.push(await withEach(scenario, count, { only, say, run }, first));
  return all[0].map((row, i) => ({ ...row, ...medians(all.map((rows) => rows[i])) }));
}

/** What `action` says of each contender, in their order. They have a lab together, one after the other, and the `run`th of them begins. */
async function withEach(scenario, count, { only, say, run = 0 }, action) {
  const lab = await openLab({ count, files: scenario.files, maxStartups: '200' });
  try {
    const contenders = [];
    for (const contender of scenario.contenders(lab)) {
      if (only !== null && !only.some((word) => contender.name.toLowerCase().includes(word))) continue;
      if (await contender.available()) contenders.push(contender);
      else say(`${contender.name} is not installed; left out`);
    }
    const rows = [];
    for (let turn = 0; turn < contenders.length; turn++) {
      const place = (run + turn) % contenders.length;
      const contender = contenders[place];
      say(`${count} servers: ${contender.name}`);
      const name = (scenario.isFirst && contender.firstName) || contender.name;
      rows[place] = { name, isOurs: contender.isOurs === true, ...(await action(lab, contender)) };
      // Two hundred servers with several copies each would not fit into memory.
      await lab.sshd.empty();
    }
    return rows;
  } finally {
    await lab.close();
  }
}

/** Of every number that all results have. */
function medians(results) {
  const keys = Object.keys(results[0]).filter((key) => typeof results[0][key] === 'number');
  return Object.fromEntries(keys.map((key) => [key, median(results.map((one) => one[key]))]));
}

async function first(lab, contender) {
  await contender.setUp(lab);
  await idle();
  const before = read(lab, contender);
  const scales = weigh(lab, contender, 1_000);
  const began = Date.now();
  // What is served in place is not whole before the tool has ended; our release is, from its switch on.
  const version = versionOf(lab.repository.work);
  const serving = contender.isOurs ? served(lab, contender, version).then(() => Date.now()) : null;
  await bringFirst(lab, contender);
  const end = (await serving) ?? Date.now();
  const used = since(lab, contender, before);
  const wall = end - (contender.isOurs ? await contender.toldAt() : began);
  const weight = scales.end();
  await checkAll(lab, contender);
  await contender.end?.();
  return { wall, ...used, ...weight };
}

const bringFirst = (lab, contender) => (contender.firstCopy ?? contender.deploy)(lab);

async function repeated(lab, contender, scenario, runs) {
  lab.isRebuilt = scenario.isRebuilt === true;
  await contender.setUp(lab);
  await bringFirst(lab, contender);
  const results = [];
  for (let run = 0; run < runs; run++) results.push(await once(lab, contender, scenario));
  const row = medians(results);
  const scales = weigh(lab, contender);
  const before = inodes(lab, contender);
  await once(lab, contender, scenario);
  const weight = scales.end();
  const written = await writtenSince(await before, lab, contender);
  // After a roll back they serve an older commit, which `once` has waited for.
  if (!scenario.isRollback) await checkAll(lab, contender);
  await contender.end?.();
  return { ...row, ...weight, written };
}

const IDLE_MS = 3_000;

/** Commits do not come one upon the other: whatever a tool still does after the one before is over, and the machine is idle. */
const idle = () => new Promise((resolve) => setTimeout(resolve, IDLE_MS));

/** One run of a contender that has brought something before. */
export async function once(lab, contender, scenario) {
  const { repository } = lab;
  const last = lab.servers.at(-1);
  const isSilent = scenario.isNoop === true || scenario.isRebuilt === true;
  const version = scenario.isNoop ? null : scenario.isRebuilt ? await repository.note() : await repository.commit(scenario.changes);
  if (version !== null && !contender.isOurs) await repository.push();
  const previous = contender.isOurs && !isSilent ? await photograph(contender.serves(lab, last)) : null;
  await idle();
  const earlier = scenario.isRollback ? versionOf(contender.serves(lab, last)) : null;
  const before = read(lab, contender);
  const began = Date.now();
  if (scenario.isNoop) {
    await (contender.again ?? contender.deploy)(lab);
    return { wall: Date.now() - began, ...since(lab, contender, before) };
  }
  const serving =
    contender.isNothing || isSilent
      ? null
      : served(lab, contender, version).then(() => ({ at: Date.now(), ...since(lab, contender, before) }));
  // Ours is told by the push; its clock runs from the hook's request.
  if (contender.isOurs) await repository.push();
  await contender.deploy(lab);
  const { at, ...used } = (await serving) ?? { at: Date.now(), ...since(lab, contender, before) };
  if (scenario.isRollback) return rolledBack(lab, contender, earlier);
  if (contender.serves) await check(lab, contender, last, previous);
  const end = contender.isOurs && isSilent ? Date.parse(contender.last.endedAt) : at;
  return { wall: end - (contender.isOurs ? await contender.toldAt() : began), ...used, ...(contender.isOurs && cutoverOf(lab, contender)) };
}

async function rolledBack(lab, contender, version) {
  const before = read(lab, contender);
  const began = Date.now();
  const back = served(lab, contender, version).then(() => Date.now() - began);
  await contender.rollBack();
  return { wall: await back, ...since(lab, contender, before) };
}

/** Resolves when all servers serve it. Looks at one server at a time, so that looking costs next to nothing. */
async function served(lab, contender, version) {
  for (const server of lab.servers) {
    const what = `${contender.name}: ${version} on ${server.name}`;
    await until(() => versionOf(contender.serves(lab, server)) === version, what, 300_000, 5);
  }
}

export const versionOf = (directory) => {
  try {
    return readFileSync(`${directory}/VERSION`, 'utf8').trim();
  } catch {
    return null;
  }
};

const read = ({ groups }, contender) => ({
  at: performance.now(),
  thread: contender.pid ? threadOf(contender.pid()) : null,
  machine: machineCpu(),
  ...Object.fromEntries(Object.entries(groups).map(([name, group]) => [name, group.milliseconds()])),
});

/** CPU time per server in ms of both sides, and of the daemon's one thread; `others`: how many cores everything else had meanwhile. */
function since(lab, contender, before) {
  const now = read(lab, contender);
  const used = (name) => (now[name] === null ? null : now[name] - before[name]);
  const perServer = (name) => (used(name) === null ? null : used(name) / lab.servers.length);
  const others = (used('machine') - (used('sender') ?? 0) - (used('servers') ?? 0)) / (now.at - before.at);
  return { sender: perServer('sender'), servers: perServer('servers'), thread: perServer('thread'), others: Math.max(0, others) };
}

/** From the first lock to the last unlock, as the deployment recorded it; and how far apart the links were renamed (their ctime). */
function cutoverOf(lab, contender) {
  const { steps } = contender.last;
  const at = (text) => Date.parse(text);
  const lock = steps.find((step) => step.step === 'lock');
  const unlock = steps.find((step) => step.step === 'unlock');
  const times = lab.servers.map((server) => lstatSync(contender.serves(lab, server)).ctimeMs);
  return { cutover: at(unlock.finishedAt) - at(lock.startedAt), skew: Math.max(...times) - Math.min(...times) };
}

/** Is it the commit, and is the release before what it was? A quick deployment of something else would be no result. */
async function check(lab, contender, server, previous) {
  const difference = await sameTree(lab.repository.work, contender.serves(lab, server));
  if (difference !== null) throw new Error(`${contender.name} deployed something else to ${server.name}:\n${difference}`);
  if (previous === null) return;
  const now = await photograph(previous.path);
  if (now.sum !== previous.sum) throw new Error(`${contender.name} changed the release before on ${server.name}`);
}

/** The same of all servers; between two runs only the last one is looked at. */
async function checkAll(lab, contender) {
  if (!contender.serves) return;
  for (const server of lab.servers) await check(lab, contender, server, null);
}

async function photograph(link) {
  const path = (await must('readlink', ['-f', link])).trim();
  return {
    path,
    sum: await must('sh', [
      '-c',
      'cd "$1" && find . -type f -printf "%m %P\\0" | sort -z | sha256sum && find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum',
      'sh',
      path,
    ]),
  };
}

/** The inodes of the files that the last server serves. */
async function inodes(lab, contender) {
  if (!contender.serves) return new Set();
  const list = await must('find', [`${contender.serves(lab, lab.servers.at(-1))}/`, '-type', 'f', '-printf', '%i %T@\n']);
  return new Set(list.split('\n'));
}

/** How many files that it serves were written or touched since then: another inode, or another time of the same. */
async function writtenSince(before, lab, contender) {
  const now = await inodes(lab, contender);
  return contender.serves ? [...now].filter((one) => !before.has(one)).length : null;
}
