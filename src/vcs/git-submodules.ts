// Submodules of a revision: which repository and which commit belongs to which path. Only for repositories that switch them on.
import { DeployError } from '../core/errors.ts';
import { tryGit } from './git-command.ts';
import type { Mirror } from './git-command.ts';
import { parseGitUrl, resolveSubmoduleUrl } from './git-url.ts';
import type { GitUrl } from './git-url.ts';

/** Submodules within submodules, at most. */
export const SUBMODULE_DEPTH = 8;

/**
 * Reads `.gitmodules` of a commit: path → URL as written there. Read as a blob, so nothing of it is configuration to any git
 * (CVE-2018-11235). Empty when the commit has none.
 */
export async function readSubmodules(mirror: Mirror, commit: string, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const tried = `reading .gitmodules of ${mirror.title} at ${commit}`;
  const ended = await tryGit(mirror, {
    tried,
    args: ['config', '--no-includes', '--null', '--blob', `${commit}:.gitmodules`, '--list'],
    signal,
  });
  const paths = new Map<string, string>();
  const urls = new Map<string, string>();
  for (const line of ended.exit === 0 ? ended.stdout.toString().split('\0') : []) {
    const [, name, key, value] = /^submodule\.([\s\S]+)\.(path|url)\n([\s\S]*)$/.exec(line) ?? [];
    if (name === undefined || key === undefined || value === undefined) continue;
    (key === 'path' ? paths : urls).set(name, value);
  }
  const byPath = new Map<string, string>();
  for (const [name, path] of paths) {
    const url = urls.get(name);
    if (url !== undefined) byPath.set(path.replace(/\/+$/, ''), url);
  }
  return byPath;
}

/** The remote of a submodule, if its host is on the repository's list. Throws DeployError `hostile-tree` or `configuration`. */
export function submoduleRemote(mirror: Mirror, path: string, url: string | undefined, hosts: readonly string[]): GitUrl {
  const whose = `submodule ${JSON.stringify(path)} of ${mirror.title}`;
  if (url === undefined) throw new DeployError('repository', `${whose} has no url in .gitmodules. Add it, or remove the submodule.`);
  const remote = parseGitUrl(resolveSubmoduleUrl(url, mirror.remote.url), whose);
  if (!hosts.some((host) => host.toLowerCase() === remote.host)) {
    throw new DeployError(
      'hostile-tree',
      `${whose} was refused: its host ${remote.host} is not in "submodules" of the repository (${hosts.join(', ')}).`,
    );
  }
  return remote;
}
