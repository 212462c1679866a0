// Lockstep as a contender: a daemon of its own, told by the hook of the repository.
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, must, start, until } from '../shared/programs.js';

/** What it serves is looked at on the servers; the daemon is only asked how it ended, and every answer takes time of the machine that is measured. */
const ASK_EVERY_MS = 250;
/** Headers of a question to the daemon and of its answer, HTTP's and TCP's. */
const HTTP_BYTES = 900;

/**
 * `keep`: how long connections stay open between deployments. `branch`, `cluster`: further keys of the configuration. `first`: the branch comes into
 * being with the first copy; of its commit there is nothing here then (`unknown`), or it was built for another cluster before (`built`).
 */
export const lockstep = (lab, label, keep, { branch = {}, cluster = {}, first = null } = {}) => {
  const directory = join(lab.directory, label.replaceAll(/\W+/g, '-'));
  const command = join(lab.root, 'bin/lockstep');
  const env = { LOCKSTEP_CONFIG: join(directory, 'branches.config.json'), LOCKSTEP_DATA: join(directory, 'var') };
  const ask = (...args) => must(command, args, { cwd: directory, env });
  const way = { keep, port: lab.sshd.port, knownHosts: lab.sshd.knownHosts };
  const logFile = join(directory, 'daemon.log');
  let port;
  let api;

  const configuration = () => {
    const servers = lab.servers.map(({ name, address }) => ({
      name,
      host: address,
      port: way.port,
      user: lab.sshd.user,
      path: join(lab.sshd.homeOf(address), label),
    }));
    const production = {
      environment: 'production',
      maintenance: {},
      ssh: { identity: lab.sshd.identity, knownHosts: way.knownHosts, keep: way.keep },
      concurrency: Math.min(50, servers.length),
      servers,
      ...cluster,
    };
    const staging = { ...production, environment: 'staging', servers: [{ ...servers[0], path: `${servers[0].path}-staging` }] };
    return {
      project: 'site',
      repositories: { site: { type: 'git', url: lab.repository.url } },
      branches: [
        { repository: 'site', branch: 'servers/production', clusters: ['production'], ...branch },
        ...(first === 'built' ? [{ repository: 'site', branch: 'servers/staging', clusters: ['staging'] }] : []),
      ],
      clusters: { production, ...(first === 'built' && { staging }) },
    };
  };

  const gitBranch = (...args) => must('git', ['-C', lab.repository.bare, 'branch', ...args]);

  async function startDaemon() {
    await writeFile(env.LOCKSTEP_CONFIG, JSON.stringify(configuration()));
    const log = openSync(logFile, 'a');
    const options = { group: lab.groups.sender, cwd: directory, env, stdio: ['ignore', log, log] };
    self.daemon = start(command, ['daemon', '--listen', `127.0.0.1:${port}`], options);
    closeSync(log);
    const isAlive = () =>
      fetch(`${env.LOCKSTEP_URL}/livez`).then(
        (answer) => answer.ok,
        () => false,
      );
    await until(isAlive, 'the start of the daemon');
  }

  /** A daemon that is busy for some seconds may close an idle connection just when it is used again: then once more. */
  async function fetchText(url, init) {
    for (let left = 3; ; left--) {
      try {
        return await (await fetch(url, init)).text();
      } catch (error) {
        const { exitCode, signalCode } = self.daemon.child;
        const how = exitCode ?? signalCode;
        if (how !== null) throw new Error(`the daemon has ended (${how}):\n${readFileSync(logFile, 'utf8').slice(-2000)}`);
        if (left === 0) throw error;
      }
    }
  }

  const self = {
    name: label,
    isOurs: true,
    available: () => true,
    setUp: async () => {
      await mkdir(directory, { recursive: true });
      port = await freePort();
      env.LOCKSTEP_URL = `http://127.0.0.1:${port}`;
      if (first === 'built') await gitBranch('-m', 'servers/production', 'servers/staging');
      else if (first !== null) await gitBranch('-D', 'servers/production');
      await startDaemon();
      const token = readFileSync(join(directory, 'var/token'), 'utf8').trim();
      // What comes is counted by its length.
      const headers = { authorization: `Bearer ${token}`, 'accept-encoding': 'identity' };
      api = async (path) => {
        const text = await fetchText(`${env.LOCKSTEP_URL}/api/v1${path}`, { headers });
        // Our own questions go over the loopback, too.
        lab.asked.bytes += text.length + HTTP_BYTES;
        return JSON.parse(text);
      };
      await ask('hooks', 'install', lab.repository.bare, '--repository', 'site');
      if (first === 'built') await ask('deploy', 'staging', '--wait');
    },
    /** Starts the daemon again, with other `keep`, or servers behind another `port` with its `knownHosts`. */
    restart: async (changes) => {
      await self.daemon.end();
      Object.assign(way, changes);
      await startDaemon();
    },
    pid: () => self.daemon.child.pid,
    firstCopy: async () => {
      if (first === null) return ask('deploy', 'production', '--wait');
      await lab.repository.push();
      await self.deploy();
    },
    /** The push itself deploys: this only waits for the end. */
    deploy: async () => {
      const revision = await lab.repository.revision();
      const newest = async () => ((await api('/deployments?limit=1')).deployments ?? [])[0];
      const found = await until(
        async () => {
          const one = await newest();
          return one?.revision === revision ? one : null;
        },
        'the deployment of the push',
        60_000,
        ASK_EVERY_MS,
      );
      self.last = await until(
        async () => {
          const one = await api(`/deployments/${found.number}?servers=odd`);
          return one.state === 'ended' ? one : null;
        },
        'the end',
        900_000,
        lab.servers.length > 100 ? 2 * ASK_EVERY_MS : ASK_EVERY_MS,
      );
      if (self.last.result !== 'done') throw new Error(`deployment ${found.number}: ${self.last.result}: ${self.last.problem?.message}`);
    },
    serves: (_, server) => join(lab.sshd.homeOf(server.address), label, 'current'),
    /** What `lockstep show` and `lockstep logs` say about the last deployment. */
    told: async () => {
      const words = await Promise.all(['show', 'logs'].map((what) => ask(what, String(self.last.number))));
      return words.join('');
    },
    /** Orders what is live already. */
    again: () => ask('deploy', 'production', '--wait'),
    /** Goes back at once: everything but the switch comes later. */
    rollBack: () => ask('rollback', 'production', '--emergency', '--wait'),
    /** When the hook of the last push was heard, milliseconds since 1970. */
    toldAt: async () => Date.parse((await api('/deliveries?limit=1')).deliveries[0].receivedAt),
    end: async () => {
      await self.daemon.end();
      await must(join(lab.repository.bare, 'hooks/post-receive'), []).catch(() => undefined);
      await rm(join(lab.repository.bare, 'hooks'), { recursive: true, force: true });
      await mkdir(join(lab.repository.bare, 'hooks'));
    },
  };
  return self;
};
