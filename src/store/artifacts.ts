// The artifacts on the daemon's machine: sealed once, found by the hash of their manifest, never changed.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Artifact, ManifestEntry } from '../core/artifact.ts';
import { DeployError } from '../core/errors.ts';
import type { Artifacts } from '../core/ports.ts';
import { syncDirectory } from './atomic-file.ts';
import { idOf, readManifest, type ManifestFile } from './manifest-file.ts';
import { openClones } from './clones.ts';
import { applyChanges, copyTree, takeTree, type SealOptions } from './seal.ts';
import { verifyFiles } from './verify-files.ts';

export type ArtifactStore = Artifacts & {
  /**
   * Makes an artifact of a directory tree, which is left as it is (`isOurs`: may be gone then). Durable when it resolves; a crash never leaves half an artifact under its
   * id. The same tree gives the same artifact, kept once. Rejects with DeployError `hostile-tree`, `artifact`, `disk`, `aborted`.
   */
  seal(tree: string, options: SealOptions): Promise<Artifact>;
  /** Reads every file again and compares it with the manifest. Rejects with DeployError `artifact`, naming the first difference. */
  verify(id: string): Promise<void>;
};

const ID = /^[0-9a-f]{64}$/;
const KEPT_IN_MEMORY = 3;

/**
 * Opens `<data>/artifacts`: one directory `<id>/{files/, manifest.json}` per artifact. Removes what a crash left behind.
 * `graceMs`: an artifact that was sealed or found so lately is not collected, because who asked for it may not have recorded it yet.
 */
export async function openArtifacts(directory: string, graceMs = 10 * 60_000): Promise<ArtifactStore> {
  const root = resolve(directory);
  await mkdir(root, { recursive: true, mode: 0o700 });
  for (const name of await readdir(root)) {
    if (/^\.(incoming|removed|next|making)-/.test(name)) await rm(join(root, name), { recursive: true, force: true });
  }
  const loaded = new Map<string, Artifact>();
  const askedAt = new Map<string, number>();
  const inTurn = turns();
  const clones = openClones(root);
  const bases = new Set<string>();

  const remember = (artifact: Artifact): Artifact => {
    loaded.delete(artifact.id);
    loaded.set(artifact.id, artifact);
    for (const oldest of loaded.keys()) if (loaded.size > KEPT_IN_MEMORY) loaded.delete(oldest);
    return artifact;
  };
  const load = async (id: string): Promise<Artifact | null> => {
    askedAt.set(id, Date.now());
    const known = loaded.get(id);
    if (known !== undefined) return remember(known);
    const file = await readManifest(join(root, id, 'manifest.json'), id);
    if (file === null) askedAt.delete(id);
    return file === null ? null : remember(artifactOf(root, id, file));
  };

  const entriesOf = async (tree: string, target: string, options: SealOptions): Promise<ManifestEntry[]> => {
    const { previous, gone } = options;
    if (previous === null || gone === undefined)
      return (options.isOurs === true ? await takeTree(tree, target, options) : null) ?? copyTree(tree, target, options);
    await clones.take(previous, target);
    return applyChanges(tree, target, previous, gone, options);
  };

  return {
    find: (id) => (ID.test(id) ? inTurn(() => load(id)) : Promise.resolve(null)),

    async seal(tree, options) {
      const incoming = join(root, `.incoming-${randomBytes(8).toString('hex')}`);
      try {
        await mkdir(incoming);
        const entries = await entriesOf(tree, join(incoming, 'files'), options);
        const file: ManifestFile = { version: 1, sealedAt: Date.now(), entries };
        await writeFile(join(incoming, 'manifest.json'), JSON.stringify(file));
        const synced = syncFileSystem(incoming);
        const id = idOf(entries);
        if (options.isBase === true) bases.add(id);
        await synced;
        return await inTurn(async () => {
          const existing = await load(id).catch(() => null);
          if (existing !== null) return existing;
          // Only a damaged one can be in the way.
          if (await exists(join(root, id))) await rename(join(root, id), join(root, `.removed-${randomBytes(8).toString('hex')}`));
          await rename(incoming, join(root, id));
          await syncDirectory(root);
          askedAt.set(id, Date.now());
          return remember(artifactOf(root, id, file));
        });
      } catch (error) {
        throw sealFailure(error, root);
      } finally {
        await rm(incoming, { recursive: true, force: true });
      }
    },

    async verify(id) {
      const artifact = ID.test(id) ? await inTurn(() => load(id)) : null;
      if (artifact === null) throw new DeployError('artifact', `artifact ${id} is not there (any more). Build its revision again.`);
      await verifyFiles(artifact);
    },

    async prepare() {
      for (const id of bases) {
        bases.delete(id);
        const artifact = await inTurn(() => load(id));
        if (artifact !== null) await clones.prepare(artifact);
      }
    },

    async collect(keep) {
      let removed = 0;
      for (const id of await readdir(root)) {
        if (!ID.test(id) || keep.has(id)) continue;
        const gone = join(root, `.removed-${randomBytes(8).toString('hex')}`);
        const isGone = await inTurn(async () => {
          if (Date.now() - (askedAt.get(id) ?? -Infinity) < graceMs) return false;
          askedAt.delete(id);
          loaded.delete(id);
          await rename(join(root, id), gone);
          return true;
        });
        if (!isGone) continue;
        await rm(gone, { recursive: true, force: true });
        removed++;
      }
      return removed;
    },
  };
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

function artifactOf(root: string, id: string, { entries, sealedAt }: ManifestFile): Artifact {
  return { id, directory: join(root, id, 'files'), manifest: { entries }, sealedAt };
}

/** Placing, finding and removing come one after the other: none sees another's artifact half way. */
function turns(): <T>(action: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (action) => {
    const turn = last.then(action);
    last = turn.catch(() => undefined);
    return turn;
  };
}

/** syncfs(2) through sync(1): one wait for thousands of files, where an fsync for each took three times as long. Reports write errors since Linux 5.8. */
async function syncFileSystem(path: string): Promise<void> {
  await promisify(execFile)('sync', ['-f', '--', path], { env: { PATH: '/usr/local/bin:/usr/bin:/bin' } });
}

function sealFailure(error: unknown, root: string): DeployError {
  if (error instanceof DeployError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new DeployError(
      'disk',
      `the artifact could not be kept: no space left in ${root}. Free some, then deploy again.`,
      message,
      error,
    );
  }
  return new DeployError('artifact', `the artifact could not be kept in ${root}: ${message}`, null, error);
}
