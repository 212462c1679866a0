#!/usr/bin/env node
// The daemon by itself, with servers that are simulated in it: what a fleet costs it, whether its memory stays flat, and how it starts with a
// long history. Prints figures, ends by itself and leaves nothing behind; fails if memory grows, or a start takes a second. scripts/setup first.
//   scripts/bench-daemon.js [--servers 1000,10000] [--deployments 1700] [--history 10000]
// --servers '' leaves the fleets out.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Database from 'better-sqlite3';

const { values } = parseArgs({
  options: {
    servers: { type: 'string', default: '1000,10000' },
    deployments: { type: 'string', default: '1700' },
    history: { type: 'string', default: '10000' },
  },
});
const COMMAND = fileURLToPath(new URL('../bin/lockstep', import.meta.url));
const FILES = 300;
/**
 * What remains after a collection may not grow by more than this from here to the last deployment. Until then code is compiled, and caches fill that hold
 * what was deployed last, a few hundred of each.
 */
const WARM_AFTER = 700;
const MOST_GROWTH_MB = 15;
const MOST_START_MS = 1000;
/** The quickest counts: what else a machine does only ever adds to it. */
const STARTS = 5;

const dir = mkdtempSync(join(tmpdir(), 'lockstep-bench-'));
const work = join(dir, 'shop');
const git = (...args) =>
  execFileSync('git', ['-c', 'user.name=Bench', '-c', 'user.email=bench@example.org', '-C', work, ...args], { stdio: 'ignore' });
let commits = 0;
const running = new Set();
function commit() {
  writeFileSync(join(work, 'file1.txt'), `commit ${++commits}\n`);
  git('commit', '-q', '-a', '-m', `Commit ${commits}`);
}

function fail(why) {
  console.error(`bench-daemon: ${why}`);
  process.exitCode = 1;
}

/** A daemon with a data directory of its own and one cluster of so many servers. */
async function start(name, servers) {
  const home = join(dir, name);
  const config = `${home}.json`;
  writeFileSync(
    config,
    JSON.stringify({
      project: 'bench',
      repositories: { shop: { type: 'git', url: work } },
      branches: [{ repository: 'shop', branch: 'main', clusters: ['many'] }],
      clusters: { many: { transport: 'simulated', simulation: { delay: '2ms' }, servers: [`web[1-${servers}]`], concurrency: 500 } },
    }),
  );
  const began = Date.now();
  const env = { ...process.env, LOCKSTEP_CONFIG: config, LOCKSTEP_DATA: home };
  const daemon = spawn(COMMAND, ['daemon', '--listen', '127.0.0.1:0'], { env, stdio: ['ignore', 'pipe', 'ignore'] });
  const gone = new Promise((resolve) => daemon.once('exit', resolve));
  const end = async () => {
    running.delete(end);
    daemon.kill('SIGTERM');
    await gone;
  };
  running.add(end);
  const url = await new Promise((resolve, reject) => {
    let said = '';
    daemon.stdout.on('data', (chunk) => {
      said = (said + chunk).slice(-4000);
      const found = /Lockstep listening on (\S+)/.exec(said);
      if (found) resolve(found[1]);
    });
    void gone.then(() => reject(new Error(`the daemon did not start: ${said}`)));
  });
  const headers = { authorization: `Bearer ${readFileSync(join(home, 'token'), 'utf8').trim()}`, 'content-type': 'application/json' };
  const ask = async (path, init = {}) => (await fetch(`${url}/api/v1${path}`, { headers, ...init })).json();
  return {
    home,
    ask,
    /** From the command to the answers of /livez, of the newest deployment and of the clusters, in milliseconds. */
    answers: async () => {
      const answered = [];
      for (const path of ['/livez', '/api/v1/deployments?limit=1', '/api/v1/clusters']) {
        const answer = await fetch(`${url}${path}`, { headers });
        if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
        await answer.text();
        answered.push(Date.now() - began);
      }
      return answered;
    },
    /** Resolves when it is live everywhere, with the seconds that it took by the daemon's clock. */
    deploy: async () => {
      const answer = await ask('/clusters/many/deploy', { method: 'POST', body: '{}' });
      const { deployment } = answer;
      if (!deployment) throw new Error(`no deployment: ${JSON.stringify(answer)}`);
      for (;;) {
        const view = await ask(`/deployments/${deployment}?servers=odd`);
        if (view.error) throw new Error(view.error.message);
        if (view.state === 'ended') {
          if (view.result !== 'done') throw new Error(`deployment ${deployment}: ${view.problem?.message ?? view.result}`);
          return (Date.parse(view.endedAt) - Date.parse(view.requestedAt)) / 1000;
        }
        await new Promise((resolve) => setTimeout(resolve, servers > 100 ? 250 : 10));
      }
    },
    cpuSeconds: () => {
      const [user, system] = readFileSync(`/proc/${daemon.pid}/stat`, 'utf8').split(') ')[1].split(' ').slice(11, 13);
      return (Number(user) + Number(system)) / 100;
    },
    megabytes: (what) =>
      Math.round(Number(new RegExp(`${what}:\\s+(\\d+)`).exec(readFileSync(`/proc/${daemon.pid}/status`, 'utf8'))[1]) / 1024),
    end,
  };
}

/** Repeats the deployments that a data directory has until there are so many. */
function lengthen(home, wanted) {
  const database = new Database(join(home, 'lockstep.db'));
  const one = (sql) => database.prepare(sql).pluck().get();
  const had = one('SELECT count(*) FROM deployments');
  const events = one('SELECT max(number) FROM journal');
  const copies = Math.ceil(wanted / had);
  database.transaction(() => {
    for (let copy = 1; copy < copies; copy++) {
      const [later, after] = [copy * had, copy * events];
      database.exec(`
        INSERT INTO journal SELECT number + ${after}, at, deployment + ${later}, type, body FROM journal WHERE number <= ${events} ORDER BY number;
        INSERT INTO deployments SELECT number + ${later}, cluster, ended, state, result, json_set(view, '$.number', number + ${later}) FROM deployments WHERE number <= ${had};
        INSERT INTO ended SELECT deployment + ${later}, cluster, at, json_set(record, '$.deployment', deployment + ${later}), times FROM ended WHERE deployment <= ${had};`);
    }
    // A daemon that ran all the time has looked at them all.
    database.exec('UPDATE posted SET event = (SELECT max(number) FROM journal)');
  })();
  const all = { deployments: one('SELECT count(*) FROM deployments'), events: one('SELECT count(*) FROM journal') };
  database.close();
  return all;
}

try {
  execFileSync('git', ['init', '-q', '-b', 'main', work]);
  for (let i = 0; i < FILES; i++) writeFileSync(join(work, `file${i}.txt`), `${i}\n`);
  git('add', '-A');
  git('commit', '-q', '-m', 'Open the shop');

  for (const count of values.servers.split(',').filter(Boolean).map(Number)) {
    const daemon = await start(`servers-${count}`, count);
    for (const what of ['first copy', 'a commit of one file']) {
      if (what !== 'first copy') commit();
      const before = daemon.cpuSeconds();
      const seconds = await daemon.deploy();
      const cpu = daemon.cpuSeconds() - before;
      console.log(
        `${count} simulated servers, ${what}: ${seconds.toFixed(1)} s, ${((cpu * 1000) / count).toFixed(1)} ms CPU per server, daemon at most ${daemon.megabytes('VmHWM')} MB`,
      );
    }
    await daemon.end();
  }

  const many = Number(values.deployments);
  const daemon = await start('history', 3);
  const memory = [];
  for (let i = 1; i <= many; i++) {
    commit();
    await daemon.deploy();
    memory.push(daemon.megabytes('RssAnon'));
  }
  // Between two collections garbage waits, more or less of it: the lowest of a tenth of them is what the daemon holds on to.
  const tenth = Math.max(1, Math.floor(many / 10));
  const lowest = (until) => Math.min(...memory.slice(Math.max(0, until - tenth), until));
  const places = [1, 2, 3, 4, 5].map((fifth) => Math.ceil((many * fifth) / 5));
  console.log(
    `${many} deployments to 3 servers: ${places.map((place) => `${lowest(place)} MB after ${place}`).join(', ')} (at most ${Math.max(...memory)} MB)`,
  );
  const growth = many < 2 * WARM_AFTER ? 0 : lowest(many) - lowest(WARM_AFTER);
  if (growth > MOST_GROWTH_MB) fail(`memory grew by ${growth} MB, more than ${MOST_GROWTH_MB}, from deployment ${WARM_AFTER} to ${many}`);
  await daemon.end();

  const { deployments, events } = lengthen(daemon.home, Number(values.history));
  const starts = [];
  for (let i = 0; i < STARTS; i++) {
    const again = await start('history', 3);
    starts.push(await again.answers());
    const [newest] = await again.ask('/deployments?limit=1').then((page) => page.deployments);
    if (newest.number !== deployments + i) fail(`the newest deployment is ${newest.number}, not ${deployments + i}`);
    commit();
    await again.deploy();
    await again.end();
  }
  const best = [0, 1, 2].map((which) => Math.min(...starts.map((answered) => answered[which])));
  console.log(
    `start with ${deployments} deployments (${events} events), best of ${STARTS}: /livez ${best[0]} ms after the command, the newest deployment ${best[1]} ms, the clusters ${best[2]} ms`,
  );
  if (best[2] > MOST_START_MS) fail(`a start took ${best[2]} ms, more than ${MOST_START_MS}`);
} finally {
  for (const end of running) await end();
  rmSync(dir, { recursive: true, force: true });
}
