// Version control for a Git repository: answers from the remote itself, histories and trees out of a bare mirror.
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DeployError } from '../core/errors.ts';
import type { VersionControl } from '../core/ports.ts';
import type { Repository } from '../core/repository.ts';
import { between } from './git-between.ts';
import { unknownState } from './git-command.ts';
import type { Mirror } from './git-command.ts';
import { exportDifference } from './git-changes.ts';
import { exportTree } from './git-export.ts';
import { bringBranch, bringTags, hasCommit, inMirror, isIn, listHeads, prepare, refreshBranch } from './git-mirror.ts';
import { signerOf } from './git-signature.ts';
import { describeCommit, readCommit, treeOf } from './git-tree.ts';
import { parseGitUrl } from './git-url.ts';
import { fileNameOf, isObjectId, shortHash } from './names.ts';
import type { Serial } from './serial.ts';

/**
 * Opens a Git repository. `directory` is where mirrors live, `serial` orders the calls on this repository's mirrors.
 * Throws DeployError `configuration` for a URL that is not allowed.
 */
export function openGit(repository: Repository, directory: string, serial: Serial): VersionControl {
  const name = fileNameOf(repository.name);
  const remote = parseGitUrl(repository.url, `repository ${repository.name}`);
  const mirrorIn = (path: string, url: Mirror['remote'], title: string): Mirror => ({
    repository,
    title,
    remote: url,
    directory: path,
    home: join(directory, `${name}.home`),
    mark: shortHash(path),
    state: unknownState(),
  });
  const mirror = mirrorIn(join(directory, `${name}.git`), remote, repository.name);
  const modules = new Map<string, Mirror>();
  const openMirror = (url: Mirror['remote'], title: string): Mirror => {
    const known = modules.get(url.url);
    if (known !== undefined) return known;
    const module = mirrorIn(join(directory, `${name}.modules`, `${shortHash(url.url)}.git`), url, title);
    modules.set(url.url, module);
    return module;
  };
  const inOrder = <T>(work: () => Promise<T>): Promise<T> => serial(() => inMirror(mirror, work));

  return {
    async heads(_branches, signal) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      return await listHeads(mirror, signal);
    },

    tip: (branch, signal) => inOrder(() => refreshBranch(mirror, branch, signal)).catch(() => null),

    async commit(branch, revision, signal) {
      checkId(repository, revision);
      return await inOrder(async () => {
        await bringBranch(mirror, branch, revision, signal);
        return await readCommit(mirror, revision, signal);
      });
    },

    async isAncestor(older, newer, signal) {
      checkId(repository, older);
      checkId(repository, newer);
      if (older === newer || mirror.state.after.get(newer) === older) return true;
      return await inOrder(async () => {
        await prepare(mirror, newer.length === 64 ? 'sha256' : 'sha1', signal);
        // The mirror holds whole histories: what is not in it is no ancestor of what is.
        if (await hasCommit(mirror, newer, signal)) return await isIn(mirror, older, newer, signal);
        throw new DeployError(
          'repository',
          `revision ${newer} of ${repository.name} is not in the mirror. Ask for the branch's commit first.`,
        );
      });
    },

    async tag(branch, revision, signal) {
      checkId(repository, revision);
      return await inOrder(async () => {
        await bringBranch(mirror, branch, revision, signal);
        await bringTags(mirror, signal);
        return await describeCommit(mirror, revision, signal);
      });
    },

    async signer(branch, revision, allowedSigners, signal) {
      checkId(repository, revision);
      return await inOrder(async () => {
        await bringBranch(mirror, branch, revision, signal);
        return await signerOf(mirror, revision, allowedSigners, signal);
      });
    },

    async between(branch, base, head, limits, signal) {
      checkId(repository, head);
      if (base !== null) checkId(repository, base);
      return await inOrder(async () => {
        await bringBranch(mirror, branch, head, signal);
        return await between(mirror, base, head, limits, signal);
      });
    },

    async export(branch, revision, subdirectory, target, signal) {
      checkId(repository, revision);
      let again = false;
      await inOrder(async () => {
        // An export that found the mirror damaged on its way begins anew.
        if (again) await empty(target);
        again = true;
        await bringBranch(mirror, branch, revision, signal);
        const tree = await treeOf(mirror, revision, subdirectory, signal);
        await exportTree({ mirror, commit: revision, tree, subdirectory }, target, openMirror, signal);
      });
    },

    async exportChanges(branch, revision, since, subdirectory, target, signal) {
      checkId(repository, revision);
      // What a submodule holds does not show in the difference of two trees.
      if (repository.submodules !== null || !isObjectId(since.revision)) return null;
      return await inOrder(async () => {
        await empty(target);
        await bringBranch(mirror, branch, revision, signal);
        if (!(await hasCommit(mirror, since.revision, signal))) return null;
        return await exportDifference(
          mirror,
          { older: since.revision, newer: revision, subdirectory, base: since.entries },
          target,
          signal,
        );
      });
    },
  };
}

function checkId(repository: Repository, revision: string): void {
  if (isObjectId(revision)) return;
  throw new DeployError('repository', `${JSON.stringify(revision)} is not a revision of ${repository.name}: a full object id is needed.`);
}

async function empty(directory: string): Promise<void> {
  for (const name of await readdir(directory)) await rm(join(directory, name), { recursive: true, force: true });
}
