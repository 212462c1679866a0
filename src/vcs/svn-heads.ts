// The heads of a Subversion repository's branches: the last changed revision of each path that the configuration names.
import { DeployError } from '../core/errors.ts';
import type { SvnPlace } from './svn-environment.ts';
import { info, list } from './svn-reads.ts';
import { below, isSvnPath } from './svn-url.ts';

/** How many directories patterns may make us list, and heads they may find: a pattern on a directory of thousands is a mistake. */
const DIRECTORIES_MAX = 1_000;
const HEADS_MAX = 10_000;
/** svns at a time. */
const PARALLEL = 4;

/**
 * Branch → last changed revision. A name is asked for by itself; of a pattern (`servers/{developer}`) the directories that it could mean
 * are listed. A branch that does not exist is not in the map. Throws DeployError `repository` when the repository cannot be reached.
 */
export async function svnHeads(place: SvnPlace, branches: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const heads = new Map<string, string>();
  const listings = new Map<string, ReadonlyMap<string, string>>();
  const children = async (path: string): Promise<ReadonlyMap<string, string>> => {
    const known = listings.get(path);
    if (known !== undefined) return known;
    if (listings.size >= DIRECTORIES_MAX) {
      throw new DeployError(
        'repository',
        `reading the branches of ${place.repository.name} failed: its patterns match more than ${DIRECTORIES_MAX} directories. Make them narrower.`,
      );
    }
    const found = (await list(place, below(place.remote.url, path), signal)) ?? [];
    const byName = new Map(found.map((one) => [one.name, one.lastChanged]));
    listings.set(path, byName);
    return byName;
  };

  /** Finds the branches of `pattern` whose first segments are `path`. */
  const expand = async (path: string, pattern: readonly string[]): Promise<void> => {
    const [segment = '', ...rest] = pattern;
    const isPattern = segment.includes('{');
    if (!isPattern && rest.length > 0) return await expand(join(path, segment), rest);
    for (const [name, revision] of await children(path)) {
      if (isPattern ? !matches(segment, name) : segment !== name) continue;
      if (rest.length > 0) await expand(join(path, name), rest);
      else heads.set(join(path, name), revision);
    }
    if (heads.size > HEADS_MAX) {
      throw new DeployError(
        'repository',
        `reading the branches of ${place.repository.name} failed: more than ${HEADS_MAX} were found. Make the patterns narrower.`,
      );
    }
  };

  const names = [...new Set(branches)];
  for (const pattern of names.filter((one) => one.includes('{'))) await expand('', pattern.split('/'));
  const exact = names.filter((one) => one === '.' || (!one.includes('{') && isSvnPath(one)));
  const ask = async (): Promise<void> => {
    for (let branch = exact.pop(); branch !== undefined; branch = exact.pop()) {
      const found = await info(place, branch === '.' ? place.remote.url : below(place.remote.url, branch), 'HEAD', signal);
      if (found?.kind === 'dir') heads.set(branch, found.lastChanged);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, ask));
  // No branch at all is more likely a wrong URL, which svn reports in the same words as a path that does not exist.
  if (heads.size === 0 && (await info(place, place.remote.url, 'HEAD', signal)) === null) {
    throw new DeployError(
      'repository',
      `${place.repository.name}: there is nothing at ${place.remote.url}. Check the url of the repository.`,
    );
  }
  return heads;
}

const join = (path: string, name: string): string => (path === '' ? name : `${path}/${name}`);

/** Does a name fit a segment like `{developer}` or `dev-{name}`? Only a first sieve: the core maps branches to clusters. */
function matches(segment: string, name: string): boolean {
  const open = segment.indexOf('{');
  const close = segment.lastIndexOf('}');
  const head = segment.slice(0, open);
  const foot = segment.slice(close + 1);
  return name.length > head.length + foot.length && name.startsWith(head) && name.endsWith(foot);
}
