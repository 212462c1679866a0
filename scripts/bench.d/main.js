// The benchmark: the same commits to the same servers by everybody who is there, one after the other, in one run.
//   scripts/bench [--servers 1,10,50] [--runs 5] [--scenario small,percent,first] [--only NAME,…] [--write docs/benchmarks.md]
import { lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ansible, capistrano, linkDest, lockstep, rsyncChanged, ssh } from './contenders.js';
import { addressOf, cpuGroup, makeRepository, must, openGround, sameTree, startSshd, until } from './ground.js';

const { values } = parseArgs({
  options: {
    servers: { type: 'string', default: '1,10,50' },
    runs: { type: 'string', default: '5' },
    scenario: { type: 'string', default: 'small' },
    only: { type: 'string' },
    write: { type: 'string' },
  },
});
const root = fileURLToPath(new URL('../..', import.meta.url));
const numbers = values.servers.split(',').map(Number);
const runs = Number(values.runs);
const SCENARIOS = {
  small: { title: 'A commit of 12 files to an application of 4,100', files: 4_100, changes: 11 },
  percent: { title: '1 % of 20,000 files changed', files: 20_000, changes: 200 },
  first: { title: 'First copy of 4,100 files', files: 4_100, changes: 11, isFirst: true },
  rollback: { title: 'Emergency roll back (what it is ordered with is the command)', files: 4_100, changes: 11, isRollback: true },
};

const say = (text) => process.stderr.write(`${text}\n`);
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const lines = [];
const print = (text = '') => {
  lines.push(text);
  console.log(text);
};

function contendersFor(lab, { isFirst, isRollback }) {
  const ours = [lockstep(lab, 'Lockstep, cold', '0s'), lockstep(lab, 'Lockstep, warm', '1h')];
  const all = isRollback
    ? ours
    : isFirst
      ? [rsyncChanged, linkDest, capistrano, ansible, ours[0]]
      : [ssh, rsyncChanged, linkDest, capistrano, ansible, ...ours];
  const wanted = values.only?.toLowerCase().split(',');
  return all.filter((one) => wanted === undefined || wanted.some((word) => one.name.toLowerCase().includes(word)));
}

async function measure(scenario, count) {
  const ground = await openGround();
  try {
    const servers = Array.from({ length: count }, (_, i) => ({ name: `web${i + 1}`, address: addressOf(i) }));
    const groups = { servers: cpuGroup('servers'), sender: cpuGroup('sender') };
    ground.atEnd(() => Object.values(groups).forEach((group) => group.remove()));
    const addresses = servers.map((server) => server.address);
    const sshd = await startSshd(join(ground.directory, 'sshd'), {
      group: groups.servers,
      servers: join(ground.directory, 'servers'),
      addresses,
      maxStartups: '200',
    });
    ground.atEnd(() => sshd.end());
    const repository = await makeRepository(ground.directory, scenario.files);
    const lab = {
      root,
      directory: ground.directory,
      servers,
      sshd,
      repository,
      ourGroup: groups.sender,
      run: (program, args, options) => must(...groups.sender.wrap(program, args), options),
    };
    const rows = [];
    for (const contender of contendersFor(lab, scenario)) {
      if (!(await contender.available())) {
        say(`${contender.name} is not installed; left out`);
        continue;
      }
      say(`${count} servers: ${contender.name}`);
      rows.push({
        name: (scenario.isFirst && contender.firstName) || contender.name,
        isOurs: contender.isOurs === true,
        ...(scenario.isFirst ? await first(lab, contender, groups) : await repeated(lab, contender, groups, scenario)),
      });
    }
    return rows;
  } finally {
    await ground.close();
  }
}

async function first(lab, contender, groups) {
  await contender.setUp(lab);
  const before = read(groups);
  const began = performance.now();
  await bringFirst(lab, contender);
  const wall = performance.now() - began;
  const used = since(groups, before, lab.servers.length);
  await contender.end?.();
  return { wall, ...used };
}

const bringFirst = (lab, contender) => (contender.firstCopy ?? contender.deploy)(lab);

async function repeated(lab, contender, groups, scenario) {
  await contender.setUp(lab);
  await bringFirst(lab, contender);
  const count = lab.servers.length;
  const results = [];
  for (let run = 0; run < runs; run++) {
    const version = await lab.repository.commit(scenario.changes);
    if (!contender.isOurs) await lab.repository.push();
    const last = lab.servers.at(-1);
    const previous = contender.isOurs ? await photograph(contender.serves(lab, last)) : null;
    const before = read(groups);
    const earlier = scenario.isRollback ? versionOf(contender.serves(lab, last)) : null;
    const began = Date.now();
    const serving = contender.isNothing
      ? null
      : served(lab, contender, version).then(() => ({ at: Date.now(), ...since(groups, before, count) }));
    // Ours is told by the push; its clock runs from the hook's request.
    if (contender.isOurs) await lab.repository.push();
    await contender.deploy(lab);
    const { at, ...used } = (await serving) ?? { at: Date.now(), ...since(groups, before, count) };
    if (scenario.isRollback) {
      results.push(await rolledBack(lab, contender, groups, earlier));
      continue;
    }
    results.push({
      wall: at - (contender.isOurs ? await contender.toldAt() : began),
      ...used,
      ...(contender.isOurs && cutoverOf(lab, contender)),
    });
    if (contender.serves) await check(lab, contender, last, previous);
  }
  const memory = contender.isOurs ? groups.sender.megabytes() : null;
  await contender.end?.();
  const keys = Object.keys(results[0]).filter((key) => results[0][key] !== null);
  return { ...Object.fromEntries(keys.map((key) => [key, median(results.map((one) => one[key]))])), memory };
}

async function rolledBack(lab, contender, groups, version) {
  const before = read(groups);
  const began = Date.now();
  const back = served(lab, contender, version).then(() => Date.now() - began);
  await contender.rollBack();
  return { wall: await back, ...since(groups, before, lab.servers.length) };
}

/** Resolves when all servers serve it. Looks at one server at a time, so that looking costs next to nothing. */
async function served(lab, contender, version) {
  for (const server of lab.servers) {
    const what = `${contender.name}: ${version} on ${server.name}`;
    await until(() => versionOf(contender.serves(lab, server)) === version, what, 300_000, 5);
  }
}

const versionOf = (directory) => {
  try {
    return readFileSync(join(directory, 'VERSION'), 'utf8').trim();
  } catch {
    return null;
  }
};

const read = (groups) => Object.fromEntries(Object.entries(groups).map(([name, group]) => [name, group.milliseconds()]));

const since = (groups, before, count) => {
  const now = read(groups);
  return Object.fromEntries(Object.keys(now).map((name) => [name, now[name] === null ? null : (now[name] - before[name]) / count]));
};

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
  if (difference !== null) throw new Error(`${contender.name} deployed something else:\n${difference}`);
  if (previous === null) return;
  const now = await photograph(previous.path);
  if (now.sum !== previous.sum) throw new Error(`${contender.name} changed the release before`);
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

const figure = (value, unit) =>
  value === undefined || value === null
    ? ''
    : `${unit === 's' ? (value / 1000).toFixed(2) : value < 10 ? value.toFixed(1) : Math.round(value)}`;

print('# Benchmarks');
print();
print(
  `Made by \`scripts/bench ${process.argv
    .slice(2)
    .filter((arg, i, all) => arg !== '--write' && all[i - 1] !== '--write')
    .join(
      ' ',
    )}\` on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} cores (${cpus()[0].model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GB; the sender and all servers`,
);
print(
  'share them. Medians of ' +
    runs +
    ' runs; every deployed tree was compared with the commit, and the release before with what it was. Seconds from the request',
);
print(
  'of the hook (Lockstep) or the start of the tool (the others), when the push is over, until the last server serves the commit. CPU per server in milliseconds.',
);
for (const name of values.scenario.split(',')) {
  const scenario = SCENARIOS[name];
  if (scenario === undefined) throw new Error(`there is no scenario ${name}; there are: ${Object.keys(SCENARIOS).join(', ')}`);
  print();
  print(`## ${scenario.title}`);
  for (const count of numbers) {
    const rows = await measure(scenario, count);
    const best = rows.findLast((row) => row.isOurs)?.wall;
    print();
    print(`### ${count} ${count === 1 ? 'server' : 'servers'}`);
    print();
    print('| | seconds | times ours | CPU sender | CPU server | cutover ms | skew ms | memory MB |');
    print('|---|---:|---:|---:|---:|---:|---:|---:|');
    for (const row of rows) {
      const ratio = best === undefined ? '' : (row.wall / best).toFixed(1);
      print(
        `| ${row.name} | ${figure(row.wall, 's')} | ${ratio} | ${figure(row.sender)} | ${figure(row.servers)} | ${figure(row.cutover)} | ${figure(row.skew)} | ${figure(row.memory)} |`,
      );
    }
  }
}
if (values.write !== undefined) writeFileSync(values.write, `${lines.join('\n')}\n`);
