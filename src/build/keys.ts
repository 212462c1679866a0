// What makes two builds the same, and which artifact came of them.
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { canonical } from '../core/canonical.ts';
import type { BuildRequest } from '../core/ports.ts';

/**
 * `rule`: the same repository with the same build settings. `revision`: and the same revision. The branch counts for Subversion only,
 * where a revision number without a path says nothing.
 */
export type Keys = { readonly rule: string; readonly revision: string };

export function keysOf({ repository, branch, commit, build }: BuildRequest): Keys {
  const { name, type, url, submodules, lfs, externals } = repository;
  // What the version is called changes nothing in the tree: caches live on. A build from scratch fills the same caches anew.
  const { version, fromScratch, ...made } = build;
  const rule = { repository: { name, type, url, submodules, lfs, externals }, build: made };
  const place = type === 'svn' ? branch : null;
  return { rule: hash(rule), revision: hash({ ...rule, version, fromScratch, revision: commit.revision, branch: place }) };
}

const hash = (value: unknown): string => createHash('sha256').update(canonical(value)).digest('hex');

/** What a build was worth remembering for: its artifact, and what it said its version is. */
export type Note = { readonly id: string; readonly version: string | null };

/** Key → note, one small file each. Losing one costs a build, nothing else. */
export type Notes = {
  read(key: string): Promise<Note | null>;
  write(key: string, note: Note): Promise<void>;
};

const KEPT = 2000;

/** Opens a directory of notes; keeps the newest 2,000. */
export async function openNotes(directory: string): Promise<Notes> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await prune(directory);
  return {
    async read(key) {
      const text = await readFile(join(directory, key), 'utf8').catch(() => '');
      const [, id, version = null] = /^([0-9a-f]{64})\n(?:(.+)\n)?$/.exec(text) ?? [];
      return id === undefined ? null : { id, version };
    },
    async write(key, { id, version }) {
      const temporary = join(directory, `.${randomBytes(8).toString('hex')}`);
      const file = await open(temporary, 'wx', 0o600);
      try {
        await file.writeFile(`${id}\n${version === null ? '' : `${version}\n`}`);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, join(directory, key));
    },
  };
}

async function prune(directory: string): Promise<void> {
  const names = await readdir(directory);
  for (const name of names.filter((one) => one.startsWith('.'))) await rm(join(directory, name), { force: true });
  const keys = names.filter((one) => !one.startsWith('.'));
  if (keys.length <= KEPT) return;
  const aged = await Promise.all(keys.map(async (key) => ({ key, at: (await stat(join(directory, key))).mtimeMs })));
  aged.sort((a, b) => b.at - a.at);
  for (const { key } of aged.slice(KEPT)) await rm(join(directory, key), { force: true });
}
