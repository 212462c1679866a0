// The world that svn sees: a private directory with a configuration of our own, in which every svn of the repository is run.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DeployError } from '../core/errors.ts';
import type { Repository } from '../core/repository.ts';
import { MARK } from './marked-processes.ts';
import { replaceFile, replaceLink } from './private-file.ts';
import { sshConfig } from './ssh-config.ts';
import type { SvnUrl } from './svn-url.ts';

/** A Subversion repository and the private directory of its svn. */
export type SvnPlace = {
  readonly repository: Repository;
  readonly remote: SvnUrl;
  /** Absolute. svn's working directory, its HOME and its `--config-dir`. */
  readonly home: string;
  /** Beginning of the marks of its processes. */
  readonly mark: string;
};

/**
 * The environment of one svn. All values are constants or relative to the home in which svn is started, so that they can also stand in
 * a shell's line (svn-reads.ts). svn splits SVN_SSH at spaces; `ssh_config` is found in the working directory.
 */
export function svnEnvironment(mark: string): Record<string, string> {
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '.',
    LANG: 'C.UTF-8',
    LC_ALL: 'C.UTF-8',
    SVN_SSH: 'ssh -F ssh_config',
    [MARK]: mark,
  };
}

/** Options for every svn. `username` comes from a file: accounts like `DOMAIN\name` have no place in a shell's line. */
export const SVN_OPTIONS = ['--non-interactive', '--no-auth-cache', '--config-dir', '.'] as const;

const SVN_CONFIG = `[auth]
store-passwords = no
store-auth-creds = no
password-stores =
[miscellany]
enable-auto-props = no
`;

const SVN_SERVERS = `[global]
store-passwords = no
store-plaintext-passwords = no
http-timeout = 60
`;

/** Writes the private directory. The files `username` and `password` are there if the repository has an account. */
export async function writeSvnHome(place: SvnPlace): Promise<void> {
  const { repository, home } = place;
  await mkdir(home, { recursive: true, mode: 0o700 });
  await replaceFile(join(home, 'config'), SVN_CONFIG);
  await replaceFile(join(home, 'servers'), SVN_SERVERS);
  await replaceFile(join(home, 'ssh_config'), sshConfig(repository, place.remote.protocol === 'svn+ssh' ? place.remote.port : null));
  if (repository.username === null) return;
  if (repository.passwordFile === null) {
    throw new DeployError(
      'configuration',
      `repository ${repository.name}: it has a username but no passwordFile. Name the file that holds the password.`,
    );
  }
  await replaceFile(join(home, 'username'), repository.username);
  // A link, so that there is one copy of the password, and a changed one counts at once.
  await replaceLink(join(home, 'password'), repository.passwordFile);
}
