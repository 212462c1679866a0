// The second door to Subversion: export, and properties, by an argument list (docs/decisions/0002-svn-through-two-doors.md).
import { run } from './child-process.ts';
import { repositoryError } from './failure.ts';
import { readPassword } from './git-environment.ts';
import { endMarked } from './marked-processes.ts';
import { SVN_OPTIONS, svnEnvironment } from './svn-environment.ts';
import type { SvnPlace } from './svn-environment.ts';

const TIMEOUT_MS = 600_000;

let calls = 0;

/** Runs svn, which must succeed, and returns its output. `operands` follow after `--`. */
export async function svn(
  place: SvnPlace,
  tried: string,
  args: readonly string[],
  operands: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const { username } = place.repository;
  const password = username === null ? null : await readPassword(place.repository);
  const account = username === null ? [] : [`--username=${username}`, '--password-from-stdin'];
  const mark = `${place.mark}-x${++calls}`;
  try {
    const ended = await run({
      tried,
      file: 'svn',
      args: [...args, ...SVN_OPTIONS, ...account, '--', ...operands],
      cwd: place.home,
      env: svnEnvironment(mark),
      ...(password === null ? {} : { input: `${password}\n` }),
      timeoutMs: TIMEOUT_MS,
      signal,
    });
    if (ended.exit !== 0) throw repositoryError(tried, ended.stderr);
    return ended.stdout.toString();
  } finally {
    // svn starts ssh in a process group of its own.
    if (place.remote.protocol === 'svn+ssh') await endMarked(mark);
  }
}

/**
 * Exports a canonical URL with its peg revision into a directory that may exist and is empty. Externals stay out: svn would fetch them
 * from anywhere. The trailing `@` keeps an `@` of the directory's name from being taken for a peg revision.
 */
export async function exportUrl(place: SvnPlace, operand: string, revision: string, directory: string, signal: AbortSignal): Promise<void> {
  const tried = `export of ${operand} (${place.repository.name})`;
  await svn(place, tried, ['export', '--quiet', '--force', '--ignore-externals', '-r', revision], [operand, `${directory}@`], signal);
}
