// Files that the configuration names: relative paths count from the configuration file, `~/` from the home directory.
import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

export type Files = {
  /** Absolute path of what the configuration calls `path`. */
  readonly resolve: (path: string) => string;
  /** The text of a maintenance page that was read before, or why it could not be. */
  readonly page: (path: string) => { readonly text: string } | { readonly problem: string };
};

/** A page is kept with every deployment in the journal. */
const LARGEST_PAGE = 256 * 1024;

/** Reads the pages of `wanted` (as written in the configuration). Problems are kept with the page, not thrown. */
export async function readFiles(directory: string, wanted: Iterable<string>): Promise<Files> {
  const absolute = (path: string): string => {
    if (path.startsWith('~/')) return join(homedir(), path.slice(2));
    return isAbsolute(path) ? path : resolve(directory, path);
  };
  const pages = new Map<string, { readonly text: string } | { readonly problem: string }>();
  for (const path of new Set(wanted)) pages.set(path, await readPage(absolute(path)));
  return {
    resolve: absolute,
    page: (path) => pages.get(path) ?? { problem: 'was not read' },
  };
}

async function readPage(path: string): Promise<{ readonly text: string } | { readonly problem: string }> {
  try {
    const stats = await stat(path);
    if (!stats.isFile()) return { problem: `${path} is not a file` };
    if (stats.size > LARGEST_PAGE) return { problem: `${path} is larger than ${LARGEST_PAGE / 1024} KiB` };
    return { text: await readFile(path, 'utf8') };
  } catch (error) {
    return { problem: `${path} cannot be read: ${(error as NodeJS.ErrnoException).message}` };
  }
}
