// How git and svn reach a repository over ssh: a configuration of our own, so that nothing of the daemon's account gets in the way.
import { DeployError } from '../core/errors.ts';
import type { Repository } from '../core/repository.ts';

/**
 * The text of an ssh_config(5): never asks, never trusts an unknown host key, forwards nothing, gives up when the other side is silent.
 * Without `identity` and `knownHosts` ssh uses those of the daemon's account (`~/.ssh`). `port`: for svn, which cannot pass it on.
 * Throws DeployError `configuration` for a path that ssh would read differently.
 */
export function sshConfig(repository: Repository, port: string | null = null): string {
  const lines = [
    'BatchMode yes',
    'StrictHostKeyChecking yes',
    'UpdateHostKeys no',
    'ForwardAgent no',
    'ForwardX11 no',
    'ClearAllForwardings yes',
    'PermitLocalCommand no',
    'ControlMaster no',
    'ControlPath none',
    'ConnectTimeout 15',
    'ServerAliveInterval 5',
    'ServerAliveCountMax 3',
    'LogLevel ERROR',
  ];
  if (repository.identity !== null) lines.push(`IdentityFile ${quoted(repository, 'identity', repository.identity)}`, 'IdentitiesOnly yes');
  if (repository.knownHosts !== null) {
    lines.push(`UserKnownHostsFile ${quoted(repository, 'knownHosts', repository.knownHosts)}`, 'GlobalKnownHostsFile none');
  }
  if (port !== null) lines.push(`Port ${port}`);
  return `${lines.join('\n')}\n`;
}

function quoted(repository: Repository, key: string, path: string): string {
  if (!path.startsWith('/') || /["$\\\u0000-\u001f]/.test(path)) {
    throw new DeployError(
      'configuration',
      `repository ${repository.name}: ${key} must be an absolute path without quotes, $ and backslashes.`,
    );
  }
  return `"${path.replaceAll('%', '%%')}"`;
}
