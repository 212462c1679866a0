// The world that git sees: a home of our own with a configuration of our own, and a handful of environment variables.
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DeployError } from '../core/errors.ts';
import type { Repository } from '../core/repository.ts';
import type { GitUrl } from './git-url.ts';
import { MARK } from './marked-processes.ts';
import { replaceFile } from './private-file.ts';
import { sshConfig } from './ssh-config.ts';

/** Variables beginning with GIT_ that we set; simple-git drops all others. */
export const GIT_VARIABLES = ['GIT_DIR', 'GIT_CONFIG_NOSYSTEM', 'GIT_TERMINAL_PROMPT', 'GIT_ALLOW_PROTOCOL', 'GIT_NO_LAZY_FETCH'];

/** The environment of one git. `gitDir` is the mirror that it works in, `mark` what it can be found by (marked-processes.ts). */
export function gitEnvironment(home: string, gitDir: string, remote: GitUrl, mark: string): Record<string, string> {
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: home,
    LANG: 'C.UTF-8',
    LC_ALL: 'C.UTF-8',
    GIT_DIR: gitDir,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ALLOW_PROTOCOL: remote.protocol,
    GIT_NO_LAZY_FETCH: '1',
    [MARK]: mark,
  };
}

/**
 * Faults of old tools that live on in the histories of honest repositories. A fetch that is checked refuses them by default, as it
 * does what could harm; that stays refused, and every tree that is exported passes the tree guard besides.
 */
const OLD_FAULTS = [
  'badTimezone',
  'extraHeaderEntry',
  'missingNameBeforeEmail',
  'missingSpaceBeforeDate',
  'missingSpaceBeforeEmail',
  'missingTaggerEntry',
  'multipleAuthors',
  'zeroPaddedDate',
  'zeroPaddedFilemode',
];

/**
 * git's global configuration: `~/.gitconfig` of the home that we give it.
 * - safe.directory: a repository on this machine belongs to another account (`git`). Our git works only in our own mirrors, and runs
 *   as upload-pack in repositories that the configuration names; upload-pack takes no commands from a repository's own configuration.
 * - core.sshCommand is run by sh, which puts in the home: no path of ours is part of a shell's text.
 */
const GIT_CONFIG = `[safe]
	directory = *
[init]
	templateDir =
	defaultBranch = main
[core]
	hooksPath = /dev/null
	fsmonitor = false
	attributesFile = /dev/null
	sshCommand = ssh -F \\"$HOME/ssh_config\\"
[ssh]
	variant = ssh
[transfer]
	fsckObjects = true
[fetch]
	fsckObjects = true
	recurseSubmodules = false
	writeCommitGraph = false
[fetch "fsck"]
${OLD_FAULTS.map((fault) => `\t${fault} = ignore\n`).join('')}[submodule]
	recurse = false
[http]
	followRedirects = false
	lowSpeedLimit = 1
	lowSpeedTime = 60
[gc]
	autoDetach = false
[maintenance]
	autoDetach = false
[credential]
	helper =
`;

/** git-credential-store(1) reads `~/.git-credentials`, so the password is in no argument list and no environment. */
const CREDENTIAL_STORE = '\thelper = store\n';

/** Writes the home directory anew (private to the daemon's account). Called before each conversation with the remote: passwords change. */
export async function writeGitHome(home: string, repository: Repository, remote: GitUrl): Promise<void> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  const credentials = join(home, '.git-credentials');
  const password = repository.username === null ? null : await readPassword(repository);
  await replaceFile(join(home, '.gitconfig'), password === null ? GIT_CONFIG : GIT_CONFIG + CREDENTIAL_STORE);
  await replaceFile(join(home, 'ssh_config'), sshConfig(repository));
  if (password === null || repository.username === null || (remote.protocol !== 'https' && remote.protocol !== 'http')) {
    await rm(credentials, { force: true });
    return;
  }
  const authority = /^https?:\/\/(?:[^@/]*@)?([^/]+)/.exec(remote.url)?.[1] ?? remote.host;
  const account = `${encodeURIComponent(repository.username)}:${encodeURIComponent(password)}`;
  await replaceFile(credentials, `${remote.protocol}://${account}@${authority}\n`);
}

/** The first line of the repository's password file. Throws DeployError `configuration` when it cannot be read or is empty. */
export async function readPassword(repository: Repository): Promise<string> {
  const file = repository.passwordFile;
  if (file === null)
    throw new DeployError(
      'configuration',
      `repository ${repository.name}: it has a username but no passwordFile. Name the file that holds the password.`,
    );
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new DeployError(
      'configuration',
      `repository ${repository.name}: its passwordFile ${file} cannot be read (${code}). Make it readable for the daemon's account.`,
    );
  });
  const password = text.split(/\r?\n/)[0] ?? '';
  if (password === '')
    throw new DeployError(
      'configuration',
      `repository ${repository.name}: the first line of its passwordFile ${file} is empty. It must be the password.`,
    );
  return password;
}
