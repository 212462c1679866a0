// Version control for a Subversion repository: everything is asked of the repository itself, there is no mirror.
import { join } from 'node:path';
import { DeployError } from '../core/errors.ts';
import type { VersionControl } from '../core/ports.ts';
import type { Repository } from '../core/repository.ts';
import { settleDirectory } from './directory-tree.ts';
import { clean } from './failure.ts';
import { fileNameOf, isRevisionNumber, shortHash, subdirectoryParts } from './names.ts';
import type { Serial } from './serial.ts';
import { writeSvnHome } from './svn-environment.ts';
import type { SvnPlace } from './svn-environment.ts';
import { exportUrl } from './svn-export.ts';
import { exportExternals } from './svn-externals.ts';
import { between } from './svn-between.ts';
import { svnHeads } from './svn-heads.ts';
import { info, log } from './svn-reads.ts';
import { at, below, isSvnPath, parseSvnUrl } from './svn-url.ts';

/**
 * Opens a Subversion repository. `directory` is where private settings live; `serial` orders what must not meet in them. A branch is a path below the repository's URL; `.` is the
 * URL itself. Throws DeployError `configuration` for a URL that is not allowed.
 */
export function openSvn(repository: Repository, directory: string, serial: Serial): VersionControl {
  const home = join(directory, `${fileNameOf(repository.name)}.svn`);
  const place: SvnPlace = { repository, remote: parseSvnUrl(repository.url, `repository ${repository.name}`), home, mark: shortHash(home) };

  return {
    async heads(branches, signal) {
      await serial(() => writeSvnHome(place));
      return await svnHeads(place, branches, signal);
    },

    async commit(branch, revision, signal) {
      const url = branchUrl(place, branch, revision);
      await serial(() => writeSvnHome(place));
      const entry = await log(place, url, revision, signal);
      if (entry === null) throw missing(place, branch, revision);
      return { revision, author: clean(entry.author), email: '', message: clean(entry.message).trim().slice(0, 16_000), time: entry.time };
    },

    /**
     * Revision numbers grow in time, for the whole repository: a lower number was before. A branch that was deleted and made again, or
     * replaced by a copy, goes on with higher numbers, so it is deployed like any other commit.
     */
    isAncestor(older, newer) {
      return Promise.resolve(isRevisionNumber(older) && isRevisionNumber(newer) && Number(older) <= Number(newer));
    },

    signer: () => Promise.resolve(null),

    tag(_branch, revision) {
      return Promise.resolve(`r${revision}`);
    },

    async between(branch, base, head, limits, signal) {
      const url = branchUrl(place, branch, head);
      if (base !== null) branchUrl(place, branch, base);
      await serial(() => writeSvnHome(place));
      return await between(place, url, base, head, limits, signal);
    },

    async export(branch, revision, subdirectory, target, signal) {
      const branchRoot = branchUrl(place, branch, revision);
      const parts = subdirectoryParts(subdirectory);
      if (parts === null) {
        throw new DeployError(
          'configuration',
          `export of ${branch} from ${repository.name} failed: subdirectory ${JSON.stringify(subdirectory)} must be a relative path without . and .. in it.`,
        );
      }
      const url = below(branchRoot, parts.join('/'));
      await serial(() => writeSvnHome(place));
      const found = await info(place, url, revision, signal);
      if (found?.kind !== 'dir') {
        if (parts.length === 0) throw missing(place, branch, revision);
        throw new DeployError(
          'repository',
          `reading ${subdirectory} of ${branch} at revision ${revision} from ${repository.name} failed: there is no such directory. Correct "subdirectory", or commit the directory.`,
        );
      }
      await exportUrl(place, at(url, revision), revision, target, signal);
      if (repository.externals !== null)
        await exportExternals(place, repository.externals, { url, root: found.root, revision, directory: target }, signal);
      await settleDirectory(target, `the tree of ${branch} of ${repository.name} at revision ${revision}`);
    },
  };
}

function branchUrl(place: SvnPlace, branch: string, revision: string): string {
  const { name } = place.repository;
  if (!isRevisionNumber(revision))
    throw new DeployError('repository', `${JSON.stringify(revision)} is not a revision of ${name}: a revision number is needed.`);
  if (branch === '.') return place.remote.url;
  if (!isSvnPath(branch)) throw new DeployError('repository', `${JSON.stringify(branch)} cannot be the path of a branch of ${name}.`);
  return below(place.remote.url, branch);
}

const missing = (place: SvnPlace, branch: string, revision: string): DeployError =>
  new DeployError(
    'repository',
    `${place.repository.name} has no directory ${JSON.stringify(branch)} at revision ${revision} (${place.remote.url}). Name a revision in which the branch exists.`,
  );
