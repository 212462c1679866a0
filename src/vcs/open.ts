// Opens the repositories of the configuration.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { OpenVersionControl, VersionControl } from '../core/ports.ts';
import { diskError } from './failure.ts';
import { openGit } from './git.ts';
import { endMarked } from './marked-processes.ts';
import { fileNameOf, shortHash } from './names.ts';
import { createSerial } from './serial.ts';
import type { Serial } from './serial.ts';
import { openSvn } from './svn.ts';

/**
 * Returns what opens repositories. Their mirrors and private settings live in `directory` (`<data>/repositories`, made with mode 0700);
 * one daemon at a time may use it. Opening the same name again (after a change of the configuration) is allowed at any time.
 * Opening throws DeployError `configuration` for a URL that is not allowed; it asks the repository nothing.
 */
export function openVersionControl(options: { readonly directory: string }): OpenVersionControl {
  mkdirSync(options.directory, { recursive: true, mode: 0o700 });
  const serials = new Map<string, Serial>();
  // What one knows of its mirror saves the next caller the questions. A changed configuration is opened anew.
  const opened = new Map<string, { readonly settings: string; readonly versionControl: VersionControl }>();
  return (repository) => {
    const settings = JSON.stringify(repository);
    const home = join(options.directory, `${fileNameOf(repository.name)}.${repository.type}`);
    const known = opened.get(home);
    if (known?.settings === settings) return known.versionControl;
    let serial = serials.get(home);
    if (serial === undefined) {
      serial = createSerial();
      serials.set(home, serial);
      // What a killed daemon left running ends before anything else happens with the repository.
      void serial(() => endMarked(shortHash(home)));
    }
    const open = repository.type === 'git' ? openGit : openSvn;
    const versionControl = withDiskErrors(open(repository, options.directory, serial), options.directory);
    opened.set(home, { settings, versionControl });
    return versionControl;
  };
}

/** A full disk or a directory of another account is no bug: the operator gets a DeployError `disk` or `configuration`. */
function withDiskErrors(opened: VersionControl, directory: string): VersionControl {
  const explained = async <T>(work: Promise<T>, where: string): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      throw diskError(error, where);
    }
  };
  return {
    heads: (branches, signal) => explained(opened.heads(branches, signal), directory),
    tip: async (branch, signal) => (await opened.tip?.(branch, signal)) ?? null,
    commit: (branch, revision, signal) => explained(opened.commit(branch, revision, signal), directory),
    isAncestor: (older, newer, signal) => explained(opened.isAncestor(older, newer, signal), directory),
    signer: (branch, revision, file, signal) => explained(opened.signer(branch, revision, file, signal), directory),
    between: (branch, base, head, limits, signal) => explained(opened.between(branch, base, head, limits, signal), directory),
    tag: (branch, revision, signal) => explained(opened.tag(branch, revision, signal), directory),
    export: (branch, revision, subdirectory, target, signal) =>
      explained(opened.export(branch, revision, subdirectory, target, signal), `${target} or ${directory}`),
    exportChanges: async (branch, revision, since, subdirectory, target, signal) => {
      const work = opened.exportChanges?.(branch, revision, since, subdirectory, target, signal);
      return work === undefined ? null : explained(work, `${target} or ${directory}`);
    },
  };
}
