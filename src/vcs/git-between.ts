// What lies between two revisions of a mirror: commits and changed files, a bounded number of each. Only plumbing: no attribute, filter or
// external program of the repository has a say.
import type { Between, BetweenLimits, FileChange } from '../core/between.ts';
import { clean } from './failure.ts';
import { git, streamGit } from './git-command.ts';
import type { Mirror } from './git-command.ts';
import { hasCommit, isIn } from './git-mirror.ts';

/** Counted up to here; more are "many". */
const MOST_COUNTED = 10_000;
const SUBJECT_MAX = 500;

/** Both ids are checked, and `head` is in the mirror. `base` null or unknown: the newest commits of `head`, and no files. */
export async function between(
  mirror: Mirror,
  base: string | null,
  head: string,
  limits: BetweenLimits,
  signal: AbortSignal,
): Promise<Between> {
  const known = base !== null && (await hasCommit(mirror, base, signal)) ? base : null;
  const range = known === null ? head : `${known}..${head}`;
  const commits = await commitsOf(mirror, range, limits.commits, signal);
  const total = known === null ? null : await countOf(mirror, range, signal);
  const files =
    known === null || limits.files === 0 ? { files: [], total: null } : await filesOf(mirror, known, head, limits.files, signal);
  const diverged = base !== null && (known === null || !(await isIn(mirror, known, head, signal)));
  return { commits, totalCommits: total, files: files.files, totalFiles: files.total, diverged };
}

async function commitsOf(mirror: Mirror, range: string, limit: number, signal: AbortSignal): Promise<Between['commits']> {
  const format = '--format=%H%x00%an%x00%ct%x00%s%x00';
  const fixed = ['--no-show-signature', '--no-mailmap', '--encoding=UTF-8', '--no-color', '--no-decorate', '--no-patch', '-z'];
  const args = ['log', `--max-count=${limit}`, ...fixed, format, range, '--'];
  const text = (await git(mirror, { tried: `reading the commits ${range} of ${mirror.title}`, args, signal })).toString();
  const fields = text.split('\0');
  const commits: Between['commits'][number][] = [];
  // Four fields, and the two zero bytes between entries leave an empty one.
  for (let i = 0; i + 3 < fields.length; i += 5) {
    const [revision = '', author = '', seconds = '', subject = ''] = fields.slice(i, i + 4);
    commits.push({
      revision: revision.trim(),
      author: clean(author),
      message: clean(subject).slice(0, SUBJECT_MAX),
      time: (Math.trunc(Number(seconds)) || 0) * 1000,
    });
  }
  return commits;
}

/** `null`: more than are counted. */
async function countOf(mirror: Mirror, range: string, signal: AbortSignal): Promise<number | null> {
  const args = ['rev-list', '--count', `--max-count=${MOST_COUNTED}`, range, '--'];
  const count = Number((await git(mirror, { tried: `counting the commits ${range} of ${mirror.title}`, args, signal })).toString().trim());
  return count < MOST_COUNTED ? count : null;
}

/** `<letter>\0<path>\0` (git-diff-tree(1)); A, D, or something that counts as changed. */
async function filesOf(
  mirror: Mirror,
  base: string,
  head: string,
  limit: number,
  signal: AbortSignal,
): Promise<{ files: FileChange[]; total: number | null }> {
  const args = ['diff-tree', '-r', '-z', '--no-renames', '--name-status', '--no-ext-diff', '--no-textconv', base, head, '--'];
  const tried = `comparing ${base} and ${head} of ${mirror.title}`;
  return await streamGit(mirror, { tried, args, signal }, async (stdout) => {
    const files: FileChange[] = [];
    let total = 0;
    let letter: string | null = null;
    let rest = Buffer.alloc(0);
    for await (const chunk of stdout as AsyncIterable<Buffer>) {
      rest = Buffer.concat([rest, chunk]);
      let start = 0;
      for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0, start)) {
        const field = rest.subarray(start, end);
        start = end + 1;
        if (letter === null) letter = field.toString('latin1');
        else {
          total += 1;
          if (files.length < limit) files.push({ path: clean(field.toString()), change: changeOf(letter) });
          letter = null;
        }
      }
      rest = rest.subarray(start);
    }
    return { files, total };
  });
}

const changeOf = (letter: string): FileChange['change'] => (letter === 'A' ? 'added' : letter === 'D' ? 'deleted' : 'changed');
