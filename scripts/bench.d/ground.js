// The ground of a benchmark: a repository, an sshd with many addresses, and ways to count what a run has cost.
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { userInfo } from 'node:os';

const GIT = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Yuri Popoff',
  GIT_AUTHOR_EMAIL: 'yuri@example.org',
  GIT_COMMITTER_NAME: 'Yuri Popoff',
  GIT_COMMITTER_EMAIL: 'yuri@example.org',
};

/** Runs a program that must succeed; resolves with what it printed. */
export function must(program, args, options = {}) {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...GIT, ...options.env };
    const child = execFile(program, args, { ...options, env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${program} ${args.join(' ')} failed: ${`${stderr}${stdout}`.slice(-2000) || error.message}`));
      else resolve(stdout);
    });
    child.stdin?.end();
  });
}

/** Starts a program that lives until `end`. With `group` it and all it starts are counted there. */
export function start(program, args, { group, ...options } = {}) {
  const [file, argv] = group ? group.wrap(program, args) : [program, args];
  const child = spawn(file, argv, { stdio: 'ignore', ...options, env: { ...process.env, ...GIT, ...options.env } });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  return {
    child,
    end: async () => {
      child.kill('SIGTERM');
      await gone;
    },
  };
}

export async function until(condition, what, limitMs = 300_000, stepMs = 5) {
  const end = Date.now() + limitMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`${what} did not happen within ${limitMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, stepMs));
  }
}

export const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** Counts the CPU time of everything that runs in it: a control group. Without the right to make one, nothing is counted (`null`). */
export function cpuGroup(name) {
  const roots = ['/sys/fs/cgroup/cpuacct', '/sys/fs/cgroup'];
  const root = roots.find((one) => existsSync(join(one, 'cgroup.procs')));
  const path = root === undefined ? null : join(root, `lockstep-bench-${process.pid}-${name}`);
  try {
    if (path !== null) mkdirSync(path);
  } catch {
    return { wrap: (program, args) => [program, args], milliseconds: () => null, megabytes: () => null, remove: () => undefined };
  }
  const usage = () => {
    if (existsSync(join(path, 'cpuacct.usage'))) return Number(readFileSync(join(path, 'cpuacct.usage'), 'utf8')) / 1e6;
    return Number(/usage_usec (\d+)/.exec(readFileSync(join(path, 'cpu.stat'), 'utf8'))?.[1] ?? Number.NaN) / 1e3;
  };
  return {
    wrap: (program, args) => ['sh', ['-c', 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"', 'sh', path, program, ...args]],
    milliseconds: usage,
    /** Memory of all its processes, shared pages counted in parts (PSS), in MB. */
    megabytes: () =>
      readFileSync(join(path, 'cgroup.procs'), 'utf8')
        .trim()
        .split('\n')
        .filter(Boolean)
        .reduce((sum, pid) => sum + pssOf(pid), 0) / 1024,
    remove: () => {
      try {
        rmdirSync(path);
      } catch {
        // Something still runs in it.
      }
    },
  };
}

function pssOf(pid) {
  try {
    return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** One sshd for so many addresses of the loopback; at most 16 can be listened to, so it listens to all. */
export async function startSshd(directory, { group, servers, addresses, maxStartups = '10:30:100' }) {
  const homeOf = (address) => join(servers, address);
  const port = await freePort();
  const file = (name) => join(directory, name);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  if (process.getuid() === 0) await mkdir('/run/sshd', { recursive: true });
  for (const key of ['host', 'user']) await must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(key)]);
  writeFileSync(file('authorized_keys'), readFileSync(file('user.pub')), { mode: 0o600 });
  const [type, key] = readFileSync(file('host.pub'), 'utf8').split(' ');
  await writeFile(file('known_hosts'), addresses.map((address) => `[${address}]:${port} ${type} ${key}\n`).join(''));
  const lines = [
    `Port ${port}`,
    // The kernel's loopback has all of 127.0.0.0/8.
    'ListenAddress 0.0.0.0',
    `HostKey ${file('host')}`,
    `AuthorizedKeysFile ${file('authorized_keys')}`,
    `PidFile ${file('pid')}`,
    'StrictModes no',
    'PermitRootLogin yes',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'UsePAM no',
    'PrintMotd no',
    `MaxStartups ${maxStartups}`,
    `LogLevel INFO`,
    'Subsystem sftp internal-sftp',
    // An account that deploys has no start-up files that take a tenth of a second. Capistrano, which knows one path for all servers, is given one below ~.
    ...addresses.flatMap((address) => [`Match LocalAddress ${address}`, `  SetEnv HOME=${homeOf(address)}`]),
  ];
  for (const address of addresses) await mkdir(homeOf(address), { recursive: true });
  await writeFile(file('sshd_config'), `${lines.join('\n')}\n`);
  const sshd = start('/usr/sbin/sshd', ['-D', '-f', file('sshd_config'), '-E', file('log')], { group });
  await until(() => readFileSync(file('log'), { encoding: 'utf8', flag: 'a+' }).includes('Server listening'), 'the start of sshd');
  return {
    port,
    user: userInfo().username,
    identity: file('user'),
    knownHosts: file('known_hosts'),
    /** Where a server keeps everything. */
    homeOf,
    end: async () => {
      await sshd.end();
      await must('pkill', ['-P', String(sshd.child.pid)]).catch(() => undefined);
    },
  };
}

/** 127.1.0.1, 127.1.0.2, …: addresses of the loopback, one for each server. */
export const addressOf = (index) => `127.1.${Math.floor(index / 250)}.${(index % 250) + 1}`;

/** A repository with so many text files of ordinary sizes, in directories as an application has them. The same at every run. */
export async function makeRepository(directory, files) {
  const work = join(directory, 'work');
  const bare = join(directory, 'site.git');
  await must('git', ['init', '-q', '--bare', '-b', 'servers/production', bare]);
  await must('git', ['init', '-q', '-b', 'servers/production', work]);
  const random = generator(42);
  for (let i = 0; i < files; i++) {
    const path = join(work, pathOf(i));
    if (i % 20 === 0) await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, textOf(random, i));
  }
  await writeFile(join(work, 'VERSION'), '0\n');
  await must('git', ['-C', work, 'add', '-A']);
  await must('git', ['-C', work, 'commit', '-q', '-m', 'The application']);
  await must('git', ['-C', work, 'remote', 'add', 'origin', bare]);
  await must('git', ['-C', work, 'push', '-q', 'origin', 'HEAD']);
  let version = 0;
  return {
    work,
    bare,
    revision: () => must('git', ['-C', work, 'rev-parse', 'HEAD']).then((text) => text.trim()),
    /** Changes so many files and the file VERSION, and commits. Returns the version; nothing is pushed. */
    async commit(changes) {
      version += 1;
      for (let i = 0; i < changes; i++) {
        const index = Math.floor((i * files) / changes);
        await writeFile(join(work, pathOf(index)), textOf(random, index) + `\n// ${version}\n`);
      }
      await writeFile(join(work, 'VERSION'), `${version}\n`);
      await must('git', ['-C', work, 'commit', '-q', '-a', '-m', `Version ${version}`]);
      return String(version);
    },
    push: () => must('git', ['-C', work, 'push', '-q', 'origin', 'HEAD']),
  };
}

const pathOf = (i) => `src/module${Math.floor(i / 400)}/part${Math.floor(i / 20) % 20}/File${i}.php`;

function textOf(random, i) {
  const lines = 20 + Math.floor(random() ** 3 * 600);
  const words = Array.from({ length: lines }, (_, n) => `$value${n} = compute(${Math.floor(random() * 1e6)}, 'item ${i}');`);
  return `<?php\n${words.join('\n')}\n`;
}

/** mulberry32: small, and the same everywhere. */
function generator(seed) {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Where everything of one benchmark lies: in memory if there is room, so that the disk of this machine is not what is measured. */
export async function openGround() {
  const base = existsSync('/dev/shm') ? '/dev/shm' : '/tmp';
  const directory = await mkdtemp(join(base, 'lockstep-bench-'));
  await chmod(directory, 0o755);
  const cleanups = [];
  return {
    directory,
    /** `action` runs at the end, last first. */
    atEnd: (action) => cleanups.unshift(action),
    close: async () => {
      for (const action of cleanups) await action();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Do two trees hold the same files with the same contents? */
export async function sameTree(one, other) {
  const difference = await must('diff', [
    '-rq',
    '--no-dereference',
    '-x',
    '.git',
    '-x',
    '.lockstep',
    '-x',
    'REVISION',
    `${one}/`,
    `${other}/`,
  ]).catch((error) => error.message);
  return difference.trim() === '' ? null : difference;
}

export const entries = (directory) => readdir(directory).catch(() => []);
