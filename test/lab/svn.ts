// Makes real Subversion repositories for tests, and serves one by svnserve.
import { spawn, execFileSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';

/** Runs svn (or svnadmin, svnmucc) and returns what it printed, without the last newline. */
export function svn(args: readonly string[], options: { cwd?: string; program?: string; input?: string } = {}): string {
  const env = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: '/nonexistent', LC_ALL: 'C.UTF-8' };
  return execFileSync(options.program ?? 'svn', [...args], {
    cwd: options.cwd,
    env,
    input: options.input ?? '',
    stdio: ['pipe', 'pipe', 'pipe'],
  })
    .toString()
    .replace(/\n$/, '');
}

/** A repository and a working copy of its root. */
export type SvnLab = {
  readonly url: string;
  readonly directory: string;
  readonly work: string;
  /** Commits whatever was done in the working copy (after adding what is new). Returns the revision. */
  commit(message?: string): string;
  /** Writes files in the working copy and commits. */
  write(files: Readonly<Record<string, string>>, message?: string): string;
};

export function makeSvnLab(directory: string, name = 'portal'): SvnLab {
  const repository = join(directory, name);
  const work = join(directory, `${name}-work`);
  svn(['create', repository], { program: 'svnadmin' });
  const url = `file://${repository.replaceAll(' ', '%20')}`;
  svn(['checkout', '--quiet', url, work]);
  const lab: SvnLab = {
    url,
    directory: repository,
    work,
    commit(message = 'a commit') {
      svn(['add', '--quiet', '--force', '--no-ignore', '.'], { cwd: work });
      svn(['commit', '--quiet', '--username', 'ann', '-m', message], { cwd: work });
      svn(['update', '--quiet'], { cwd: work });
      return svn(['info', '--show-item', 'last-changed-revision', url]);
    },
    write(files, message) {
      for (const [path, content] of Object.entries(files)) {
        mkdirSync(dirname(join(work, path)), { recursive: true });
        writeFileSync(join(work, path), content);
      }
      return lab.commit(message);
    },
  };
  return lab;
}

/** A port of this machine that nobody uses now. */
export async function freePort(): Promise<number> {
  return await new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/** Serves the repositories of a directory on the loopback, to one account only. The caller kills what it gets. */
export function serveSvn(lab: SvnLab, port: number, account: { user: string; password: string }): ChildProcess {
  writeFileSync(
    join(lab.directory, 'conf', 'svnserve.conf'),
    '[general]\nanon-access = none\nauth-access = read\npassword-db = passwd\nrealm = lab\n',
  );
  writeFileSync(join(lab.directory, 'conf', 'passwd'), `[users]\n${account.user} = ${account.password}\n`);
  return spawn(
    'svnserve',
    ['-d', '--foreground', '--listen-host', '127.0.0.1', '--listen-port', String(port), '-r', dirname(lab.directory)],
    { stdio: 'ignore' },
  );
}
