// The benchmark: the same commits to the same servers by everybody who is there, one after the other, in one run.
//   scripts/bench [--servers 1,10,50] [--runs 5] [--scenario small,percent,first,rebuilt,noop,rollback] [--only NAME,…] [--write FILE]
//   scripts/bench --scenario limits [--servers 50,200,1000]
//   scripts/bench --model [--runs 5]
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { measureLimits } from './limits.js';
import { measure } from './measure.js';
import { predict } from './prediction.js';
import { chartOf, figure, nameOf, openReport } from './report.js';
import { SCENARIOS } from './scenarios.js';

const values = valuesOf(process.argv.slice(2));
const numbersOr = (numbers) => values.servers?.split(',').map(Number) ?? numbers;
const only = values.only?.toLowerCase().split(',') ?? null;

/** Of the command line. Of what it does not know it says which options there are. */
function valuesOf(args) {
  const options = {
    servers: { type: 'string' },
    runs: { type: 'string' },
    scenario: { type: 'string', default: 'small' },
    only: { type: 'string' },
    model: { type: 'boolean', default: false },
    write: { type: 'string' },
  };
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    const known = Object.keys(options).map((name) => `--${name}`);
    console.error(`scripts/bench: ${error.message}. Options: ${known.join(' ')} (docs/benchmarks.md)`);
    process.exit(2);
  }
}

const say = (text) => process.stderr.write(`${text}\n`);
const report = openReport((line) => console.log(line));
const { print, table } = report;
const save = () => values.write !== undefined && report.write(values.write);

async function printScenario(name) {
  const scenario = SCENARIOS[name];
  if (scenario === undefined)
    throw new Error(`there is no scenario ${name}; there are: ${[...Object.keys(SCENARIOS), 'limits'].join(', ')}`);
  print();
  print(`## ${scenario.title}`);
  const draw = report.placeOfChart(name);
  const measured = [];
  for (const count of numbersOr([1, 10, 50])) {
    const rows = await measure(scenario, count, { runs: Number(values.runs ?? 5), only, say });
    measured.push({ count, rows });
    const best = rows.findLast((row) => row.isOurs)?.wall;
    print();
    print(`### ${nameOf(count)}`);
    table(
      [
        ['seconds', ({ wall }) => figure(wall, 's')],
        ['times ours', ({ wall }) => (best === undefined ? '' : (wall / best).toFixed(1))],
        ['CPU sender', ({ sender }) => figure(sender)],
        ['CPU server', ({ servers }) => figure(servers)],
        ['cutover ms', ({ cutover }) => figure(cutover)],
        ['skew ms', ({ skew }) => figure(skew)],
        ['memory MB', ({ memory }) => figure(memory)],
      ],
      rows,
    );
    table(
      [
        ['kB on the line', ({ bytes }) => figure(bytes / 1000)],
        ['handshakes', ({ handshakes }) => figure(handshakes)],
        ['remote commands', ({ commands }) => figure(commands)],
        ['files written', ({ written }) => written ?? ''],
        ['of the memory: the daemon', ({ daemon }) => figure(daemon)],
        ['descriptors', ({ descriptors }) => descriptors ?? ''],
      ],
      rows,
    );
  }
  const lasts =
    scenario.isNoop || scenario.isRebuilt || scenario.isFirst ? 'Seconds until it has ended' : 'Seconds until the last server serves it';
  if (measured.every(({ rows }) => rows.length > 0)) draw(scenario.title, chartOf(scenario.title, lasts, measured));
  save();
}

const given = process.argv.slice(2).filter((arg, i, all) => arg !== '--write' && all[i - 1] !== '--write');
print('# Benchmarks');
print();
print(
  `Made by \`scripts/bench ${given.join(' ')}\` on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} cores (${cpus()[0].model.trim()}),`,
);
print(`${Math.round(totalmem() / 2 ** 30)} GB; the sender and all servers share them.`);
if (!values.model) {
  print();
  print(
    'Medians of the runs; the deployed trees were compared with the commit, and our release before with what it was. Seconds from the request',
  );
  print(
    'of the hook (Lockstep) or the start of the tool (the others), when the push is over, until the last server serves the commit; where nothing',
  );
  print('changes, until the deployment or the tool has ended. CPU per server in milliseconds.');
}
// A file that cannot be written is known now, and not after half an hour.
save();
const problems = [];
const tools = { print, say, figure, runs: Number(values.runs ?? 5) };
if (values.model) problems.push(...(await predict(tools)));
else
  for (const name of values.scenario.split(',')) {
    if (name === 'limits') problems.push(...(await measureLimits(numbersOr([50, 200, 1000]), tools)));
    else await printScenario(name);
  }
save();
for (const problem of problems) say(`bench: ${problem}`);
process.exitCode = problems.length === 0 ? 0 : 1;
