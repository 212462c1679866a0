// The benchmark: the same commits to the same servers by everybody who is there, one after the other, in one run.
//   scripts/bench [--servers 1,10,50] [--runs 5] [--scenario small,percent,first,rebuilt,noop,rollback] [--only NAME,…] [--write FILE]
//   scripts/bench --scenario limits [--servers 50,200,1000]
//   scripts/bench --model [--runs 5]
import { writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { measureLimits } from './limits.js';
import { measure } from './measure.js';
import { predict } from './prediction.js';
import { SCENARIOS } from './scenarios.js';

const { values } = parseArgs({
  options: {
    servers: { type: 'string' },
    runs: { type: 'string' },
    scenario: { type: 'string', default: 'small' },
    only: { type: 'string' },
    model: { type: 'boolean', default: false },
    write: { type: 'string' },
  },
});
const numbersOr = (numbers) => values.servers?.split(',').map(Number) ?? numbers;
const only = values.only?.toLowerCase().split(',') ?? null;

const say = (text) => process.stderr.write(`${text}\n`);
const lines = [];
const print = (text = '') => {
  lines.push(text);
  console.log(text);
};

const figure = (value, unit) =>
  value === undefined || value === null
    ? ''
    : unit === 's'
      ? (value / 1000).toFixed(2)
      : value < 10
        ? value.toFixed(1)
        : String(Math.round(value));

const table = (columns, rows) => {
  print();
  print(`| | ${columns.map(([title]) => title).join(' | ')} |`);
  print(`|---|${columns.map(() => '---:|').join('')}`);
  for (const row of rows) print(`| ${row.name} | ${columns.map(([, cell]) => cell(row)).join(' | ')} |`);
};

async function printScenario(name) {
  const scenario = SCENARIOS[name];
  if (scenario === undefined)
    throw new Error(`there is no scenario ${name}; there are: ${[...Object.keys(SCENARIOS), 'limits'].join(', ')}`);
  print();
  print(`## ${scenario.title}`);
  for (const count of numbersOr([1, 10, 50])) {
    const rows = await measure(scenario, count, { runs: Number(values.runs ?? 5), only, say });
    const best = rows.findLast((row) => row.isOurs)?.wall;
    print();
    print(`### ${count} ${count === 1 ? 'server' : 'servers'}`);
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
const problems = [];
const tools = { print, say, figure, runs: Number(values.runs ?? 5) };
if (values.model) problems.push(...(await predict(tools)));
else
  for (const name of values.scenario.split(',')) {
    if (name === 'limits') problems.push(...(await measureLimits(numbersOr([50, 200, 1000]), tools)));
    else await printScenario(name);
  }
if (values.write !== undefined) writeFileSync(values.write, `${lines.join('\n')}\n`);
for (const problem of problems) say(`bench: ${problem}`);
process.exitCode = problems.length === 0 ? 0 : 1;
