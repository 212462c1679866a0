// The demo: five sshd servers on loopback and two local directories, a daemon, hooks, web servers, visitors, real commits.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, run, start, until } from './shared/programs.js';
import { startSshd } from './shared/sshd.js';

const isOnce = process.argv.includes('--once');
const root = fileURLToPath(new URL('..', import.meta.url));
const lockstep = join(root, 'bin/lockstep');
const isPlain = !process.stdout.isTTY || process.env.NO_COLOR;
const bold = (text) => (isPlain ? text : `\x1b[1m${text}\x1b[0m`);
const say = (text) => console.log(text);
const cleanups = [];

/** What a person would see of it. */
const must = (...args) => run(...args).then(({ stdout, stderr }) => `${stdout}${stderr}`);

/** A tiny web application served from `current`, which obeys the maintenance flag; answers with the text of two files. */
async function startWebServer(path) {
  const server = createServer((_, response) => {
    if (existsSync(join(path, 'maintenance'))) return response.writeHead(503).end('maintenance');
    try {
      const [page, style] = ['index.html', 'assets/style.css'].map((file) => readFileSync(join(path, 'current', file), 'utf8').trim());
      response.end(`${page}|${style}`);
    } catch {
      response.writeHead(404).end('nothing is deployed yet');
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(
    () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(resolve);
      }),
  );
  return `http://127.0.0.1:${server.address().port}/`;
}

/** Visitors ask every server all the time and note any page that is made of two releases. */
function startVisitors(urls) {
  const seen = { pages: 0, maintenance: 0, mixes: 0 };
  let isOver = false;
  const visit = async (url) => {
    while (!isOver) {
      try {
        const response = await fetch(url);
        const [page, style] = (await response.text()).split('|');
        if (response.status === 503) seen.maintenance += 1;
        else if (response.status === 200) {
          seen.pages += 1;
          if (page.replace('page', '') !== style.replace('style', '')) seen.mixes += 1;
        }
      } catch {
        // The web server is being closed.
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const visitors = urls.map(visit);
  cleanups.push(async () => {
    isOver = true;
    await Promise.all(visitors);
  });
  return seen;
}

async function demo(dir) {
  const addresses = [1, 2, 3, 4, 5].map((i) => `127.0.1.${i}`);
  const path = (name) => join(dir, 'servers', name);
  say(bold('Five servers over ssh, a sandbox of two directories on this machine, a Git and a Subversion repository'));
  // A home of the servers, not yours: your shell's start-up files have nothing to do with the demo.
  const home = join(dir, 'home');
  await mkdir(home);
  const sshd = await startSshd(join(dir, 'sshd'), { addresses, lines: [`SetEnv HOME=${home}`] });
  cleanups.push(sshd.end);
  const git = join(dir, 'shop.git');
  const svn = join(dir, 'portal');
  const shop = join(dir, 'shop');
  const portal = join(dir, 'portal-trunk');
  await must('git', ['init', '-q', '--bare', git]);
  await must('git', ['clone', '-q', git, shop]);
  await must('svnadmin', ['create', svn]);
  await mkdir(join(portal, 'assets'), { recursive: true });
  await writeFile(join(portal, 'index.html'), 'empty page\n');
  await writeFile(join(portal, 'assets/style.css'), 'empty style\n');
  await must('svn', ['import', '-q', '-m', 'An empty portal', portal, `file://${svn}/trunk`]);
  await rm(portal, { recursive: true });
  await must('svn', ['checkout', '-q', `file://${svn}/trunk`, portal]);

  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = { LOCKSTEP_URL: url, LOCKSTEP_CONFIG: join(dir, 'branches.config.json'), LOCKSTEP_DATA: join(dir, 'data') };
  const configuration = {
    $schema: join(root, 'branches.config.schema.json'),
    project: 'shop',
    repositories: { shop: { type: 'git', url: git }, portal: { type: 'svn', url: `file://${svn}` } },
    branches: [
      { repository: 'shop', branch: 'servers/production', clusters: ['production'], build: { command: 'sh build.sh', output: 'public' } },
      { repository: 'portal', branch: 'trunk', clusters: ['sandbox'] },
    ],
    clusters: {
      production: {
        ssh: { identity: sshd.identity, knownHosts: sshd.knownHosts },
        servers: addresses.map((host, i) => {
          return { name: `web${i + 1}`, host, port: sshd.port, user: sshd.user, path: path(`web${i + 1}`) };
        }),
        commands: { migrate: `echo "migrated once, on $LOCKSTEP_SERVER" | tee -a ${join(dir, 'migrations')}` },
      },
      sandbox: { environment: 'development', servers: ['box1', 'box2'].map((name) => ({ name, path: path(name) })) },
    },
  };
  await writeFile(env.LOCKSTEP_CONFIG, JSON.stringify(configuration, null, 2));
  const command = (...args) => must(lockstep, args, { env, cwd: dir });
  await command('init');

  const daemon = start(lockstep, ['daemon', '--listen', `127.0.0.1:${port}`], { env, cwd: dir, stdio: 'pipe' });
  cleanups.push(daemon.end);
  let said = '';
  for (const stream of [daemon.child.stdout, daemon.child.stderr]) stream.on('data', (chunk) => (said += chunk));
  await until(() => said.includes('Lockstep listening'), `the start of the daemon (${said})`);
  say((await command('hooks', 'install', git)).trim());
  say((await command('hooks', 'install', svn)).trim());

  const names = [...configuration.clusters.production.servers, ...configuration.clusters.sandbox.servers].map(({ name }) => name);
  const urls = await Promise.all(names.map((name) => startWebServer(path(name))));
  const seen = startVisitors(urls);

  /** The progress of the running deployment on this terminal, until its end. */
  const follow = (number) =>
    new Promise((resolve, reject) => {
      const child = spawn(lockstep, ['wait', String(number)], { env: { ...process.env, ...env }, stdio: 'inherit' });
      child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`deployment ${number} did not end well (exit ${code})`))));
    });

  /** The number of the deployment that a commit has led to. */
  const newDeployment = (cluster, before) =>
    until(async () => {
      const { deployment } = await status(cluster);
      return deployment !== before && deployment;
    }, `a deployment of ${cluster}`);

  const status = async (cluster) => JSON.parse(await command('status', cluster, '--json'));

  async function expectEverywhere(which, text) {
    const pages = await Promise.all(which.map(async (one) => (await fetch(one)).text()));
    if (!pages.every((page) => page === `${text} page|${text} style`))
      throw new Error(`not every server answers ${text}: ${pages.join(', ')}`);
    say(bold(`All ${which.length} servers answer: ${text}`));
  }

  for (const round of ['first', 'second']) {
    say(bold(`\n$ git commit -m "The ${round} release" && git push origin HEAD:servers/production`));
    await mkdir(join(shop, 'assets'), { recursive: true });
    await writeFile(join(shop, 'build.sh'), 'mkdir -p public/assets && cp index.html public/ && cp assets/style.css public/assets/\n');
    await writeFile(join(shop, 'index.html'), `${round} page\n`);
    await writeFile(join(shop, 'assets/style.css'), `${round} style\n`);
    await must('git', ['add', '-A'], { cwd: shop });
    await must('git', ['commit', '-q', '-m', `The ${round} release`], { cwd: shop });
    const before = (await status('production')).deployment;
    say((await must('git', ['push', '-q', 'origin', 'HEAD:refs/heads/servers/production'], { cwd: shop })).trim());
    await follow(await newDeployment('production', before));
    await expectEverywhere(urls.slice(0, 5), round);
  }

  say(bold('\n$ svn commit -m "The portal"'));
  await until(async () => (await status('sandbox')).state === 'idle', 'the end of the deployment that the start has found');
  await writeFile(join(portal, 'index.html'), 'portal page\n');
  await writeFile(join(portal, 'assets/style.css'), 'portal style\n');
  const before = (await status('sandbox')).deployment;
  await must('svn', ['commit', '-q', '--username', 'yuri.popoff', '-m', 'The portal'], { cwd: portal });
  await follow(await newDeployment('sandbox', before));
  await expectEverywhere(urls.slice(5), 'portal');

  say(`\n${(await command('status')).trim()}`);
  const migrations = readFileSync(join(dir, 'migrations'), 'utf8').trim().split('\n').length;
  say(`\nThe migration ran ${migrations} times for two deployments to five servers.`);
  say(`Visitors saw ${seen.pages} pages, ${seen.maintenance} times the maintenance page, and ${seen.mixes} mixes of two releases.`);
  if (seen.mixes > 0 || migrations !== 2) throw new Error('that is not what was promised');
  return { env, shop, port };
}

const dir = await mkdtemp(join(tmpdir(), 'lockstep-demo-'));
let status = 0;
try {
  const { env, shop, port } = await demo(dir);
  if (!isOnce) {
    say(bold('\nWhat to try next (in another terminal):'));
    say(
      `  export ${Object.entries(env)
        .map(([name, value]) => `${name}=${value}`)
        .join(' ')}`,
    );
    say(`  cd ${shop} && echo 'third page' >index.html && git commit -am Third && git push origin HEAD:servers/production`);
    say(`  ${lockstep} status production; ${lockstep} history; ${lockstep} logs 2; ${lockstep} plan production`);
    say(`  open http://127.0.0.1:${port}/ (any user, password: cat ${join(dir, 'data/token')})`);
    say('Ctrl-C ends the demo and removes everything.');
    await new Promise((resolve) => {
      process.once('SIGINT', resolve);
      process.once('SIGTERM', resolve);
    });
  }
} catch (error) {
  console.error(`demo: ${error.message}`);
  status = 1;
} finally {
  for (const cleanup of cleanups.reverse()) await cleanup();
  await rm(dir, { recursive: true, force: true });
}
process.exit(status);
