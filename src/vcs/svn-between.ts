// What lies between two revisions of a Subversion branch: its log, which also names the changed paths.
import type { Between, BetweenLimits, FileChange } from '../core/between.ts';
import { clean } from './failure.ts';
import { info, logs } from './svn-reads.ts';
import type { SvnPlace } from './svn-environment.ts';

const SUBJECT_MAX = 500;

/** `base` null: the newest commits, and no files. Files are known as long as all commits could be listed. */
export async function between(
  place: SvnPlace,
  url: string,
  base: string | null,
  head: string,
  limits: BetweenLimits,
  signal: AbortSignal,
): Promise<Between> {
  const diverged = base !== null && Number(base) > Number(head);
  const oldest = base === null ? 0 : Number(base) + 1;
  const isEmpty = oldest > Number(head);
  const entries = isEmpty ? [] : await logs(place, url, head, String(oldest), limits.commits + 1, signal);
  const isWhole = base !== null && entries.length <= limits.commits;
  const root = isWhole && limits.files > 0 ? ((await info(place, url, head, signal))?.root ?? '') : '';
  const prefix = decodeURI(url.slice(root.length));
  const files = new Map<string, FileChange['change']>();
  // Oldest first: a path that was added and then changed is new.
  for (const { paths } of isWhole ? [...entries].reverse() : []) {
    for (const { path, action } of paths) {
      if (path !== prefix && !path.startsWith(`${prefix}/`)) continue;
      const own = path.slice(prefix.length + 1);
      const before = files.get(own);
      files.set(own, action === 'D' ? 'deleted' : action === 'A' || before === 'added' ? 'added' : 'changed');
    }
  }
  files.delete('');
  return {
    commits: entries.slice(0, limits.commits).map(({ revision, author, message, time }) => ({
      revision,
      author: clean(author),
      message: clean(message).trim().split('\n', 1)[0]?.slice(0, SUBJECT_MAX) ?? '',
      time,
    })),
    totalCommits: isWhole ? entries.length : null,
    files: [...files].slice(0, limits.files).map(([path, change]) => ({ path: clean(path), change })),
    totalFiles: isWhole && limits.files > 0 ? files.size : null,
    diverged,
  };
}
