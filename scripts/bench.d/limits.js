// Scale: 50, 200 and 1,000 servers behind one sshd as it comes, with its own limits, and what the daemon needs for as many open channels.
// CPU of the machine: of everything that ran on it, per server. Resolves with the problems that were found.
import { machineCpu, weigh } from './costs.js';
import { openLab } from './lab.js';
import { lockstep } from './lockstep.js';
import { versionOf } from './measure.js';

/** MB. */
const MOST_IN_ALL = 2_500;
const MOST_OF_THE_DAEMON = 300;
/** How much longer one of 1,000 servers may take than one of 50. */
const MOST_GROWTH = 1.2;
/** What would surface of a connection that sshd turned away. */
const REFUSED = /kex_exchange|Connection (?:closed|reset|refused)|banner exchange|turned away/i;

export async function measureLimits(numbers, { print, say, figure }) {
  const rows = [];
  const problems = [];
  for (const count of numbers) {
    say(`limits: ${count} servers`);
    const row = await bringTo(count, say);
    rows.push(row);
    problems.push(...row.problems.map((problem) => `${count} servers: ${problem}`));
  }
  print();
  print('## A commit of one file to an application of 100, behind one sshd with its own limits');
  print();
  print(
    '| servers | seconds | ms per server | CPU of the machine | turned away by sshd | handshakes per server | daemon and children MB | daemon MB | descriptors |',
  );
  print('|---:|---:|---:|---:|---:|---:|---:|---:|---:|');
  for (const row of rows) {
    const cells = [figure(row.wall, 's'), figure(row.wall / row.count), figure(row.cpu / row.count), row.dropped, figure(row.handshakes)];
    print(`| ${[row.count, ...cells, figure(row.memory), figure(row.daemon), row.descriptors].join(' | ')} |`);
  }
  const [first, last] = [rows.at(0), rows.at(-1)];
  const growth = last.wall / last.count / (first.wall / first.count);
  if (growth > MOST_GROWTH) problems.push(`one of ${last.count} servers takes ${growth.toFixed(2)} times as long as one of ${first.count}`);
  return problems;
}

/** A commit of one file to so many servers with a small application. */
async function bringTo(count, say) {
  // sshd's own MaxStartups and MaxSessions.
  const lab = await openLab({ count, files: 100, ownHomes: false });
  const contender = lockstep(lab, 'lockstep', '0s');
  const problems = [];
  try {
    await contender.setUp(lab);
    const copied = Date.now();
    await contender.firstCopy(lab);
    say(`limits: first copies after ${Math.round((Date.now() - copied) / 1000)} s`);
    // A look at a thousand processes takes some tenths of a second: so seldom that it hardly counts.
    const scales = weigh(lab, contender, Math.max(500, 5 * count));
    const { wall, cpu } = await deploy();
    const weight = scales.end();
    if (weight.memory > MOST_IN_ALL) problems.push(`the daemon and its children need ${Math.round(weight.memory)} MB`);
    if (weight.daemon > MOST_OF_THE_DAEMON) problems.push(`the daemon itself needs ${Math.round(weight.daemon)} MB`);
    return { count, wall, cpu, ...weight, dropped: lab.sshd.seen().dropped, problems };
  } finally {
    await contender.end?.();
    await lab.close();
  }

  async function deploy() {
    const version = await lab.repository.commit(1);
    const cpu = machineCpu();
    await lab.repository.push();
    await contender.deploy(lab);
    const used = machineCpu() - cpu;
    const { steps, endedAt } = contender.last;
    const unlocked = Date.parse(steps.find(({ step }) => step === 'unlock')?.finishedAt ?? endedAt);
    const behind = lab.servers.filter((server) => versionOf(contender.serves(lab, server)) !== version);
    if (behind.length > 0) problems.push(`${behind.length} do not serve version ${version}, ${behind[0].name} among them`);
    const refused = (await contender.told()).split('\n').find((line) => REFUSED.test(line));
    if (refused !== undefined) problems.push(`a refused connection surfaced: ${refused.trim()}`);
    return { wall: unlocked - (await contender.toldAt()), cpu: used };
  }
}
