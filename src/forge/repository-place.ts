// Finds out what kind of repository lies at a path, and where its hooks are.
import { execFile } from 'node:child_process';
import { access, realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { DeployError } from '../core/errors.ts';

export type RepositoryPlace = {
  /** `git-bare`: people push to it; `git`: somebody works in it; `svn`. */
  readonly kind: 'git-bare' | 'git' | 'svn';
  /** Where the program looks for its hooks. */
  readonly hooks: string;
  /** Where our own files go: always inside the repository, also when `core.hooksPath` leads elsewhere. */
  readonly state: string;
};

/** `path`: a directory, or its file:// URL. Throws DeployError `configuration` when no repository is there. */
export async function findRepository(path: string): Promise<RepositoryPlace> {
  const directory = await directoryAt(path);
  if ((await has(directory, 'format')) && (await has(directory, 'db')) && (await has(directory, 'hooks'))) {
    return { kind: 'svn', hooks: join(directory, 'hooks'), state: join(directory, 'hooks', 'lockstep') };
  }
  const isBare = (await has(directory, 'HEAD')) && (await has(directory, 'objects')) && (await has(directory, 'refs'));
  if (!isBare && !(await has(directory, '.git'))) {
    throw new DeployError(
      'configuration',
      `${directory} is no Git or Subversion repository (a working copy of Subversion is none either).`,
    );
  }
  const gitDirectory = isBare ? directory : join(directory, '.git');
  const common = resolve(directory, await git(gitDirectory, directory, ['rev-parse', '--git-common-dir'], gitDirectory));
  const own = join(common, 'hooks');
  // Relative to where the hook runs: the Git directory of a bare repository, the top of a working tree (git-config(1), core.hooksPath).
  const elsewhere = await git(gitDirectory, directory, ['config', '--type=path', '--get', 'core.hooksPath'], '');
  return { kind: isBare ? 'git-bare' : 'git', hooks: elsewhere === '' ? own : resolve(directory, elsewhere), state: join(own, 'lockstep') };
}

/** The directory that a repository's URL means on this machine; `null`: it is elsewhere. */
export function localPath(url: string): string | null {
  try {
    if (url.startsWith('file://')) return resolve(fileURLToPath(url));
  } catch {
    return null;
  }
  return url.startsWith('/') ? resolve(url) : null;
}

async function directoryAt(path: string): Promise<string> {
  const wanted = path.startsWith('file://') ? fileURLToPath(path) : resolve(path);
  try {
    const found = await realpath(wanted);
    if ((await stat(found)).isDirectory()) return found;
  } catch (error) {
    throw new DeployError('configuration', `${wanted} cannot be opened: ${(error as Error).message}`, null, error);
  }
  throw new DeployError('configuration', `${wanted} is not a directory.`);
}

/**
 * The first line of git's answer; `otherwise` when it fails. An explicit --git-dir: root may look at a repository of somebody else, and
 * nothing in the repository is run by these two commands.
 */
async function git(gitDirectory: string, cwd: string, words: readonly string[], otherwise: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('git', [`--git-dir=${gitDirectory}`, ...words], {
      cwd,
      timeout: 10_000,
      env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: process.env['HOME'] ?? '/', LC_ALL: 'C' },
    });
    return stdout.split('\n', 1)[0] ?? otherwise;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return otherwise;
    throw new DeployError('configuration', 'git is not installed on this machine.', null, error);
  }
}

const has = (directory: string, name: string): Promise<boolean> =>
  access(join(directory, name)).then(
    () => true,
    () => false,
  );
