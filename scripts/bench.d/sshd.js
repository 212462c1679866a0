// The servers of a benchmark: one sshd with many addresses of the loopback, each with a home of its own.
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { freePort, must, start, until } from './ground.js';

/**
 * One sshd for so many addresses of the loopback; at most 16 can be listened to, so it listens to all. `maxStartups`: else sshd's own default.
 * `ownHomes`: has each address a home directory of its own? sshd reads a line for each of them at each connection.
 */
export async function startSshd(directory, { group, servers, addresses, maxStartups, ownHomes = true }) {
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
    ...(maxStartups === undefined ? [] : [`MaxStartups ${maxStartups}`]),
    // Says how many sessions were started and which connections were dropped.
    'LogLevel VERBOSE',
    'Subsystem sftp internal-sftp',
    // An account that deploys has no start-up files that take a tenth of a second. Capistrano, which knows one path for all servers, is given one below ~.
    ...(ownHomes
      ? addresses.flatMap((address) => [`Match LocalAddress ${address}`, `  SetEnv HOME=${homeOf(address)}`])
      : [`SetEnv HOME=${servers}`]),
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
    /** Removes all that was brought to the servers. */
    empty: () => must('find', [servers, '-mindepth', '2', '-maxdepth', '2', '-exec', 'rm', '-rf', '{}', '+']),
    /** The host keys of the same servers behind another port. */
    knownAt: async (other) => {
      const path = file(`known_hosts.${other}`);
      await writeFile(path, addresses.map((address) => `[${address}]:${other} ${type} ${key}\n`).join(''));
      return path;
    },
    /** Since the start: connections that were let in, commands that were started, connections that were turned away because there were too many. */
    seen: () => {
      const log = readFileSync(file('log'), 'utf8');
      const count = (pattern) => log.match(pattern)?.length ?? 0;
      return {
        handshakes: count(/^Accepted publickey/gm),
        commands: count(/^Starting session:/gm),
        dropped: count(/^drop connection #/gm),
      };
    },
    end: async () => {
      await must('pkill', ['-P', String(sshd.child.pid)]).catch(() => undefined);
      await sshd.end();
    },
  };
}

/** 127.1.0.1, 127.1.0.2, …: addresses of the loopback, one for each server. */
export const addressOf = (index) => `127.1.${Math.floor(index / 250)}.${(index % 250) + 1}`;
