// A real sshd on this machine, on addresses of 127.0.0.0/8, with keys of its own: as many servers as a test needs.
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { until } from './until.ts';

export type SshdOptions = {
  /** Default: only 127.0.0.1. */
  readonly addresses?: readonly string[];
  readonly maxStartups?: string;
  readonly maxSessions?: number;
  readonly logLevel?: string;
  /** Default: any free one. */
  readonly port?: number;
  /** Another sshd whose host key and user key this one has too, as if it were the same machine. */
  readonly from?: Sshd;
  /** NAME=VALUE for sessions. */
  readonly environment?: readonly string[];
  /** Further lines of sshd_config(5). */
  readonly lines?: readonly string[];
};

export type Sshd = {
  readonly port: number;
  /** Process id of the listening sshd. */
  readonly pid: number;
  readonly user: string;
  readonly directory: string;
  /** Private key that may log in. */
  readonly identity: string;
  /** known_hosts with the keys of all addresses. */
  readonly knownHosts: string;
  readonly logFile: string;
  log(): Promise<string>;
  /** Process ids of the open connections' processes, newest last. */
  sessions(): number[];
  stop(): Promise<void>;
};

/** Runs as the current user, who may log in with the key `identity`. `stop` ends it, its sessions, and removes its directory. */
export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  const {
    addresses = ['127.0.0.1'],
    maxStartups = '10:30:100',
    maxSessions = 10,
    logLevel = 'VERBOSE',
    environment = [],
    lines = [],
  } = options;
  const directory = await mkdtemp(join(tmpdir(), 'lockstep-sshd-'));
  const file = (name: string): string => join(directory, name);
  const port = options.port ?? (await freePort());
  // Where sshd separates privileges, this directory must exist (Debian makes it when the service starts).
  if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
  const { from } = options;
  for (const name of from === undefined ? [] : ['host', 'host.pub', 'user', 'user.pub']) {
    await copyFile(join(from?.directory ?? '', name), file(name));
  }
  for (const key of from === undefined ? ['host', 'user'] : []) await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(key)]);
  await writeFile(file('authorized_keys'), await readFile(file('user.pub')), { mode: 0o600 });
  const [type, key] = (await readFile(file('host.pub'), 'utf8')).split(' ');
  await writeFile(file('known_hosts'), addresses.map((address) => `[${address}]:${port} ${type} ${key}\n`).join(''));
  const config = [
    `Port ${port}`,
    ...addresses.map((address) => `ListenAddress ${address}`),
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
    `MaxSessions ${maxSessions}`,
    `LogLevel ${logLevel}`,
    // A server's own, not that of whoever runs the tests: their shell's start-up files may take longer than what is tested.
    `SetEnv ${[`HOME=${file('home')}`, ...environment].join(' ')}`,
    ...lines,
  ];
  await mkdir(file('home'));
  await writeFile(file('sshd_config'), `${config.join('\n')}\n`);
  const child = spawn('/usr/sbin/sshd', ['-D', '-f', file('sshd_config'), '-E', file('log')], { stdio: 'ignore', cwd: directory });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const log = (): Promise<string> => readFile(file('log'), 'utf8').catch(() => '');
  const isListening = async (): Promise<boolean> => {
    if (child.exitCode !== null) throw new Error(`sshd did not start: ${await log()}`);
    return (await log()).split('Server listening').length > addresses.length;
  };
  await until(isListening, { what: 'sshd listens' });
  return {
    port,
    pid: child.pid as number,
    user: userInfo().username,
    directory,
    identity: file('user'),
    knownHosts: file('known_hosts'),
    logFile: file('log'),
    log,
    sessions: () => descendantsOf(child.pid as number),
    stop: async () => {
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      await gone;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Children of sshd that are sshd themselves, and theirs. */
function descendantsOf(parent: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
    try {
      const [, command, rest] = /^\d+ \((.*)\) . (.*)$/s.exec(readFileSync(`/proc/${name}/stat`, 'utf8')) ?? [];
      if (command === 'sshd') parents.set(Number(name), Number(rest?.split(' ')[0]));
    } catch {
      // It has just ended.
    }
  }
  const isBelow = (pid: number): boolean => {
    const up = parents.get(pid);
    return up !== undefined && (up === parent || isBelow(up));
  };
  return [...parents.keys()].filter(isBelow).sort((a, b) => a - b);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function run(file: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: 'ignore' });
    child.once('error', reject);
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`${file} exited ${String(code)}`))));
  });
}
