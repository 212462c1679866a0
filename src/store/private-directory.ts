// Directories of the daemon's own: made for nobody else, and refused where others could put things into them.
import { mkdir, stat } from 'node:fs/promises';
import { DeployError } from '../core/errors.ts';

/**
 * Makes the directory (0700) with its parents, or checks the one that is there: others must not be able to write into it, for whoever can
 * replaces the journal or a secret. Rejects with DeployError `configuration` (says which chmod repairs it) or `store` (cannot be made).
 */
export async function openPrivateDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new DeployError(
      'store',
      `directory ${directory} cannot be made: ${(error as Error).message}. Make it, or name another one.`,
      null,
      error,
    );
  }
  const { mode } = await stat(directory);
  if ((mode & 0o022) === 0) return;
  const octal = (mode & 0o7777).toString(8);
  throw new DeployError(
    'configuration',
    `directory ${directory} can be written by other users (mode ${octal}). Run: chmod 700 '${directory}'`,
  );
}
