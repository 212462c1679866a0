// What the tests of version control share: a directory of their own, repositories of the configuration, listings of what came out.
import { afterAll } from '@jest/globals';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Repository } from '../../src/core/repository.ts';

/** A directory that is gone after the tests of the file. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'lockstep-vcs-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

let count = 0;

/** A new empty directory in `parent`. */
export function emptyDirectory(parent: string): string {
  const directory = join(parent, `out-${++count}`);
  mkdirSync(directory);
  return directory;
}

export function repositoryOf(type: 'git' | 'svn', url: string, settings: Partial<Repository> = {}): Repository {
  return {
    name: 'shop',
    type,
    url,
    submodules: null,
    lfs: false,
    externals: null,
    username: null,
    passwordFile: null,
    identity: null,
    knownHosts: null,
    pollMs: 180_000,
    forge: null,
    hookSources: [],
    ...settings,
  };
}

/** Everything in a directory: path → `755 directory`, `644 <content>`, `link <target>`. */
export function contents(directory: string, prefix = ''): Record<string, string> {
  const all: [string, string][] = [];
  for (const name of readdirSync(join(directory, prefix)).sort()) {
    const path = prefix === '' ? name : `${prefix}/${name}`;
    const stats = lstatSync(join(directory, path));
    const mode = (stats.mode & 0o7777).toString(8);
    if (stats.isSymbolicLink()) all.push([path, `link ${readlinkSync(join(directory, path))}`]);
    else if (stats.isDirectory()) all.push([path, `${mode} directory`], ...Object.entries(contents(directory, path)));
    else all.push([path, `${mode} ${readFileSync(join(directory, path), 'latin1')}`]);
  }
  return Object.fromEntries(all);
}

/** A signal that is never aborted. */
export const never = new AbortController().signal;
