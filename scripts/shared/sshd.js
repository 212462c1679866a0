// One sshd on addresses of the loopback, with keys of its own: the servers of the demo and of the benchmark. (Those of the tests are made in
// test/lab/sshd.ts, which can do more.)
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { freePort, must, start, until } from './programs.js';

/**
 * Runs as the current user until `end`; all it needs is in `directory`, which is made. `listen`: by default the `addresses` themselves, of which there
 * may be 16. `lines`: further ones of sshd_config(5); without them it has sshd's own limits. `group`: see `start`.
 */
export async function startSshd(directory, { addresses, listen = addresses, lines = [], group }) {
  const port = await freePort();
  const file = (name) => join(directory, name);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  // Where sshd separates privileges, this directory must exist (Debian makes it when the service starts).
  if (process.getuid() === 0) await mkdir('/run/sshd', { recursive: true });
  for (const key of ['host', 'user']) await must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(key)]);
  await writeFile(file('authorized_keys'), readFileSync(file('user.pub')), { mode: 0o600 });
  const [type, key] = readFileSync(file('host.pub'), 'utf8').split(' ');
  /** The host key of all addresses, at this port or one that leads there. */
  const knownAt = async (at) => {
    await writeFile(file(`known_hosts.${at}`), addresses.map((address) => `[${address}]:${at} ${type} ${key}\n`).join(''));
    return file(`known_hosts.${at}`);
  };
  const config = [
    `Port ${port}`,
    ...listen.map((address) => `ListenAddress ${address}`),
    `HostKey ${file('host')}`,
    `AuthorizedKeysFile ${file('authorized_keys')}`,
    `PidFile ${file('pid')}`,
    'StrictModes no',
    'PermitRootLogin yes',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'UsePAM no',
    'PrintMotd no',
    // Says how many sessions were started and which connections were dropped.
    'LogLevel VERBOSE',
    'Subsystem sftp internal-sftp',
    ...lines,
  ];
  await writeFile(file('sshd_config'), `${config.join('\n')}\n`);
  const sshd = start('/usr/sbin/sshd', ['-D', '-f', file('sshd_config'), '-E', file('log')], { group });
  const log = () => readFileSync(file('log'), { encoding: 'utf8', flag: 'a+' });
  await until(() => log().split('Server listening').length > listen.length, 'the start of sshd');
  return {
    port,
    user: userInfo().username,
    identity: file('user'),
    knownHosts: await knownAt(port),
    knownAt,
    log,
    /** With its sessions. */
    end: async () => {
      await must('pkill', ['-P', String(sshd.child.pid)]).catch(() => undefined);
      await sshd.end();
    },
  };
}
