// Makes real Git repositories for tests.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ENVIRONMENT = {
  PATH: process.env['PATH'] ?? '/usr/bin:/bin',
  HOME: '/nonexistent',
  LC_ALL: 'C.UTF-8',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Ann Author',
  GIT_AUTHOR_EMAIL: 'ann@example.org',
  GIT_COMMITTER_NAME: 'Carl Committer',
  GIT_COMMITTER_EMAIL: 'carl@example.org',
};

/** Runs git in a directory and returns what it printed, without the last newline. */
export function git(
  directory: string,
  args: readonly string[],
  options: { input?: string | Buffer; env?: Record<string, string> } = {},
): string {
  const env = { ...ENVIRONMENT, ...options.env };
  const safe = ['-c', 'safe.directory=*', '-c', 'protocol.file.allow=always', '-c', 'init.defaultBranch=main'];
  return execFileSync('git', [...safe, ...args], {
    cwd: directory,
    env,
    input: options.input ?? '',
    stdio: ['pipe', 'pipe', 'pipe'],
    maxBuffer: 64 << 20,
  })
    .toString()
    .replace(/\n$/, '');
}

/** A bare repository and the working copy of somebody who pushes to it. */
export type GitLab = {
  readonly bare: string;
  readonly work: string;
  /** Writes files (content, or null: deleted), commits and pushes to a branch. Returns the object id. */
  commit(branch: string, files: Readonly<Record<string, string | Buffer | null>>, message?: string): string;
};

export function makeGitLab(directory: string, name = 'shop', options: { format?: 'sha1' | 'sha256' } = {}): GitLab {
  const bare = join(directory, `${name}.git`);
  const work = join(directory, `${name}-work`);
  const format = `--object-format=${options.format ?? 'sha1'}`;
  mkdirSync(work, { recursive: true });
  git(directory, ['init', '--quiet', '--bare', format, bare]);
  git(work, ['init', '--quiet', format, '.']);
  git(work, ['remote', 'add', 'origin', bare]);
  return {
    bare,
    work,
    commit(branch, files, message = 'a commit') {
      for (const [path, content] of Object.entries(files)) {
        if (content === null) {
          git(work, ['rm', '--quiet', '--', path]);
          continue;
        }
        mkdirSync(dirname(join(work, path)), { recursive: true });
        writeFileSync(join(work, path), content);
        git(work, ['add', '--force', '--', path]);
      }
      git(work, ['commit', '--quiet', '--allow-empty', '-m', message]);
      git(work, ['push', '--quiet', '--force', 'origin', `HEAD:refs/heads/${branch}`]);
      return git(work, ['rev-parse', 'HEAD']);
    },
  };
}

/** One line of a tree that may be hostile: written as it is, past all of git's checks. */
export type RawEntry = { readonly mode: string; readonly name: string | Buffer; readonly id: string };

/** Writes a tree object byte by byte (git mktree would refuse the hostile ones). Entries stay in the given order. */
export function rawTree(repository: string, entries: readonly RawEntry[]): string {
  const parts = entries.map(({ mode, name, id }) =>
    Buffer.concat([Buffer.from(`${mode} `), Buffer.from(name), Buffer.from([0]), Buffer.from(id, 'hex')]),
  );
  return git(repository, ['hash-object', '-t', 'tree', '-w', '--stdin', '--literally'], { input: Buffer.concat(parts) });
}

export const blob = (repository: string, content: string | Buffer): string =>
  git(repository, ['hash-object', '-w', '--stdin'], { input: content });

/** Makes a commit of a tree and points a branch of the repository to it. */
export function commitTree(repository: string, branch: string, tree: string): string {
  const id = git(repository, ['commit-tree', tree, '-m', 'raw'], { input: '' });
  git(repository, ['update-ref', `refs/heads/${branch}`, id]);
  return id;
}
