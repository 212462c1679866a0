// What went wrong with a build, in the words an operator needs.
import { statfs } from 'node:fs/promises';
import { DeployError } from '../core/errors.ts';
import type { BuildRequest } from '../core/ports.ts';

/** For example `build of shop 1a2b3c4`, `build of portal r17`. */
export function named({ repository, commit }: BuildRequest): string {
  return `build of ${repository.name} ${repository.type === 'svn' ? `r${commit.revision}` : commit.revision.slice(0, 7)}`;
}

const FULL_BYTES = 256 * 1024;

/** The error to show: an abort is an abort, a full disk is named as such whoever met it, and the message says which build it was. */
export async function explain(error: unknown, what: string, work: string, signal: AbortSignal): Promise<unknown> {
  if (signal.aborted) return new DeployError('aborted', `${what} was aborted`, null, error);
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'disk' || code === 'ENOSPC' || code === 'EDQUOT' || (await isFull(work))) {
    return new DeployError(
      'disk',
      `${what} failed: no space left on the file system of ${work}. Free some, then deploy again.`,
      message,
      error,
    );
  }
  if (error instanceof DeployError && !error.message.startsWith('build of ')) {
    return new DeployError(error.code, `${what} failed: ${error.message}`, error.detail, error);
  }
  return error;
}

/** Is there no space, or no inode, left? */
async function isFull(path: string): Promise<boolean> {
  const found = await statfs(path).catch(() => null);
  return found !== null && (found.bavail * found.bsize < FULL_BYTES || (found.files > 0 && found.ffree < 8));
}
