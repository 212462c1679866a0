// A server behind OpenSSH: one connection, whose first channel is the agent's; rsync gets a second one on it, and can never open its own.
import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SshSettings } from '../core/cluster.ts';
import { DeployError } from '../core/errors.ts';
import type { Server } from '../core/server.ts';
import { shellWord } from './agent-script.ts';
import { startChild } from './child.ts';
import type { Link } from './link.ts';
import { explainSsh } from './ssh-failure.ts';
import { preferredKex } from './ssh-kex.ts';

const RSH = fileURLToPath(new URL('./rsh.sh', import.meta.url));
/** unix(7): 108 bytes for a socket's path; ssh adds 17 while it makes one. */
const CONTROL_PATH_MAX = 90;

export type SshOptions = {
  readonly server: Server;
  readonly cluster: string;
  readonly settings: SshSettings;
  /** The daemon's own `id_ed25519` and `known_hosts`. */
  readonly directory: string;
  /** For control sockets and configurations of open connections; short, private. */
  readonly runtime: string;
};

/** Throws DeployError `configuration` for a server that cannot be named safely in an argument list or a configuration of ssh. */
export function sshLink(options: SshOptions): Link {
  const { server, cluster, directory, runtime } = options;
  checkServer(server);
  return {
    connect: async (boot) => {
      const base = join(runtime, randomBytes(5).toString('hex'));
      const config = `${base}.conf`;
      const control = `${base}.s`;
      if (control.length > CONTROL_PATH_MAX) throw new DeployError('configuration', `${runtime} is too long for the sockets of ssh`);
      await writeFile(config, await sshConfig(options), { mode: 0o600 });
      const remote = `exec ${boot.map(shellWord).join(' ')}`;
      const args = ['-F', config, '-S', control, '-o', 'ControlMaster=yes', '-T', '--', server.host, remote];
      return {
        child: startChild('ssh', args),
        carrier: { rsh: ['sh', RSH, config, control, server.host] },
        clean: async () => {
          await Promise.all([rm(config, { force: true }), rm(control, { force: true })]);
        },
      };
    },
    explain: (ended, wasReady) => explainSsh(ended, wasReady, cluster, `${options.settings.identity ?? join(directory, 'id_ed25519')}.pub`),
  };
}

/** The files whose host keys are trusted. */
export const knownHostsOf = ({ knownHosts }: SshSettings, directory: string): string[] =>
  knownHosts !== null ? [knownHosts] : [join(directory, 'known_hosts'), join(homedir(), '.ssh', 'known_hosts')];

/** ssh_config(5). Nothing of the account's own configuration is read: what a connection does is written here. */
async function sshConfig({ server, settings, directory }: SshOptions): Promise<string> {
  const identities =
    settings.identity !== null
      ? [settings.identity]
      : [join(directory, 'id_ed25519'), ...['id_ed25519', 'id_ecdsa', 'id_rsa'].map((name) => join(homedir(), '.ssh', name))];
  const knownHosts = knownHostsOf(settings, directory);
  const lines = [
    `Port ${server.port}`,
    ...(server.user === null ? [] : [`User ${server.user}`]),
    ...identities.map((file) => `IdentityFile ${fileWord(file)}`),
    `IdentitiesOnly ${settings.identity === null ? 'no' : 'yes'}`,
    `UserKnownHostsFile ${knownHosts.map(fileWord).join(' ')}`,
    'StrictHostKeyChecking yes',
    'UpdateHostKeys no',
    'BatchMode yes',
    'PreferredAuthentications publickey',
    'GSSAPIAuthentication no',
    `KexAlgorithms ${await preferredKex()}`,
    'ConnectTimeout 5',
    'ServerAliveInterval 2',
    'ServerAliveCountMax 2',
    'ControlPersist no',
    'ForwardAgent no',
    'ForwardX11 no',
    'ClearAllForwardings yes',
    'PermitLocalCommand no',
    'RequestTTY no',
    'EscapeChar none',
    'LogLevel ERROR',
  ];
  return `${lines.join('\n')}\n`;
}

function fileWord(file: string): string {
  if (/["\n\0]|\$\{/.test(file)) throw new DeployError('configuration', `ssh cannot be given the file name ${JSON.stringify(file)}`);
  return `"${file.replaceAll('\\', '\\\\').replaceAll('%', '%%')}"`;
}

function checkServer({ name, host, user, path }: Server): void {
  if (!/^[A-Za-z0-9.:_][A-Za-z0-9.:_-]*$/.test(host))
    throw new DeployError('configuration', `${name}: ${JSON.stringify(host)} is not a host name`);
  if (user !== null && !/^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(user)) {
    throw new DeployError('configuration', `${name}: ${JSON.stringify(user)} is not the name of an account`);
  }
  // rsync expands these in a destination, whatever it is told.
  if (/[*?[\]]/.test(path)) throw new DeployError('configuration', `${name}: a path must not hold * ? [ or ]: ${path}`);
}
