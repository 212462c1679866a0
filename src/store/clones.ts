// Hard-linked clones of artifacts: what the next artifact is made in, so that only what changed is written. Made ahead, when nobody waits.
import { linkSync, lstatSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { chmod, mkdir, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Artifact, ManifestEntry } from '../core/artifact.ts';
import { DeployError } from '../core/errors.ts';
import { shown } from './tree.ts';

export type Clones = {
  /** Makes `target` a clone of the artifact. Rejects with DeployError `artifact` if a file is not what its manifest says. */
  take(artifact: Artifact, target: string): Promise<void>;
  /** Makes the clone that `take` will only have to rename. */
  prepare(artifact: Artifact): Promise<void>;
};

type File = Extract<ManifestEntry, { type: 'file' }>;

/** A clone takes a directory for each of the artifact's, and no room for its files. */
const KEPT_AHEAD = 4;
const LINKS_IN_A_TURN = 200;

/** `root` is emptied by its owner of what begins with `.next-` and `.making-` before. */
export function openClones(root: string): Clones {
  const ready = new Map<string, string>();
  return {
    async take(artifact, target) {
      const ahead = ready.get(artifact.id);
      ready.delete(artifact.id);
      if (ahead !== undefined && (await isRenamed(ahead, target))) return;
      await clone(artifact, target);
    },
    async prepare(artifact) {
      const { id } = artifact;
      if (ready.has(id)) return;
      const making = join(root, `.making-${id}`);
      const next = join(root, `.next-${id}`);
      try {
        await rm(making, { recursive: true, force: true });
        await clone(artifact, making);
        await rm(next, { recursive: true, force: true });
        await rename(making, next);
      } catch (error) {
        await rm(making, { recursive: true, force: true });
        throw error;
      }
      ready.set(id, next);
      for (const [oldest, path] of ready) {
        if (ready.size <= KEPT_AHEAD) break;
        ready.delete(oldest);
        await rm(path, { recursive: true, force: true });
      }
    },
  };
}

const isRenamed = (from: string, to: string): Promise<boolean> =>
  rename(from, to).then(
    () => true,
    () => false,
  );

/** Synchronous calls cost a fifth of asynchronous ones here, and the daemon has its turn after each few. */
async function clone({ id, directory, manifest }: Artifact, target: string): Promise<void> {
  await makeDirectory(target);
  let count = 0;
  for (const entry of manifest.entries) {
    // The entries' paths have nothing that `join` would have to take out, and there are many of them.
    const to = `${target}/${entry.path}`;
    if (entry.type === 'directory') await makeDirectory(to);
    else if (entry.type === 'link') await symlink(entry.target, to);
    else {
      const from = `${directory}/${entry.path}`;
      if (!isIntact(lstatSync(from, { throwIfNoEntry: false }), entry))
        throw new DeployError('artifact', `${shown(entry.path)} of artifact ${id.slice(0, 12)} is not what was sealed`);
      linkSync(from, to);
    }
    if (++count % LINKS_IN_A_TURN === 0) await setImmediate();
  }
}

/** chmod as well: mkdir(2) obeys the umask. */
export async function makeDirectory(path: string): Promise<void> {
  await mkdir(path);
  await chmod(path, 0o755);
}

/** Is it, as far as can be told without reading it, what its manifest says? */
export const isIntact = (found: Stats | undefined, { size, mtime, mode }: File): boolean =>
  found?.isFile() === true && found.size === size && found.mtimeMs === mtime * 1000 && (found.mode & 0o7777) === mode;
