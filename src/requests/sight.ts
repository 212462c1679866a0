// What a repository says its heads are, whatever others say of it; and whether there is something new among them.
import type { Cluster } from '../core/cluster.ts';
import type { Configuration } from '../core/configuration.ts';
import { problemOf } from '../core/errors.ts';
import { branchesOf, clustersFor } from '../core/mapping.ts';
import type { OpenVersionControl } from '../core/ports.ts';
import type { Change, ChangedRef, Repository } from '../core/repository.ts';
import type { Heads } from './heads.ts';
import { hintedBranches } from './hints.ts';

export type SightTools = {
  readonly heads: Heads;
  readonly configuration: () => Configuration;
  readonly versionControl: OpenVersionControl;
  /** A deployment to this cluster is probable: what can be done ahead of it takes as long as asking the repository. Never throws. */
  readonly expect: (cluster: Cluster) => void;
};

/** A repository that has not answered by then does not answer. */
export const LOOK_LIMIT_MS = 600_000;
/** A head that was not brought by then is asked for with all others. */
const TIP_LIMIT_MS = 30_000;
/** Of a push of many branches the others can wait for their turn. */
const TIPS_AT_ONCE = 4;

/** What the repository says its heads are, or why it does not answer. */
export type Sight = { readonly heads: ReadonlyMap<string, string> } | { readonly problem: string };

/**
 * Asks the repository itself. Never rejects. `changes`: what others say of it. Where they name all that is new, it is asked for the heads of these
 * branches only, and they are fetched at once: the others are shown as they were last seen.
 */
export async function sightOf(tools: SightTools, repository: Repository, changes: readonly Change[] = []): Promise<Sight> {
  const asked = new AbortController();
  try {
    const configuration = tools.configuration();
    const versionControl = tools.versionControl(repository);
    const news = newsIn(tools, configuration, repository, changes);
    const soon = AbortSignal.any([asked.signal, AbortSignal.timeout(TIP_LIMIT_MS)]);
    const tipOf = async ({ branch }: News): Promise<Tip> => ({ branch, revision: (await versionControl.tip?.(branch, soon)) ?? null });
    const tips = Promise.all(news.map(tipOf));
    for (const { clusters } of news) clusters.forEach(tools.expect);
    const heads = isAllNamed(news, changes) ? withTips(tools.heads, repository, await tips) : null;
    if (heads !== null) return { heads };
    return { heads: await versionControl.heads(branchesOf(configuration, repository.name), AbortSignal.timeout(LOOK_LIMIT_MS)) };
  } catch (error) {
    asked.abort();
    return { problem: problemOf(error).message };
  }
}

/** Every change names refs, and all of them are the news. */
const isAllNamed = (news: readonly News[], changes: readonly Change[]): boolean =>
  changes.length > 0 && changes.every(({ refs }) => refs.length > 0 && refs.every(({ ref }) => news.some(({ branch }) => branch === ref)));

type Tip = { readonly branch: string; readonly revision: string | null };

/** The heads that are known, with these as they are now; `null`: one of them could not be told. */
function withTips(heads: Heads, { name }: Repository, tips: readonly Tip[]): ReadonlyMap<string, string> | null {
  const now = new Map(tips.map(({ branch, revision }) => [branch, revision]));
  for (const branch of heads.of(name)) if (!now.has(branch)) now.set(branch, heads.get(name, branch) ?? null);
  const known = [...now].filter((head): head is [string, string] => head[1] !== null);
  return known.length < now.size ? null : new Map(known);
}

type News = { readonly branch: string; readonly clusters: readonly Cluster[] };

/** Branches with the clusters that they feed, whose heads are said to be others than those that were dealt with, or that changed paths touch. */
function newsIn({ heads }: SightTools, configuration: Configuration, { name }: Repository, changes: readonly Change[]): News[] {
  const isNews = ({ ref, revision, deleted }: ChangedRef): boolean =>
    !deleted && revision !== undefined && heads.get(name, ref) !== revision;
  const named = changes.flatMap((change) => change.refs.filter(isNews).map(({ ref }) => ref));
  const touched = changes.flatMap((change) => hintedBranches({ ...change, refs: [] }, heads.of(name)));
  const news = [...new Set([...named, ...touched])].flatMap((branch) => {
    const mapping = clustersFor(configuration, name, branch);
    return 'clusters' in mapping ? [{ branch, clusters: mapping.clusters }] : [];
  });
  return news.slice(0, TIPS_AT_ONCE);
}

/** Is there something in sight that has not been dealt with: a branch that feeds a cluster and moved, or one that is gone? */
export function hasMoved(tools: SightTools, repository: Repository, { heads }: { readonly heads: ReadonlyMap<string, string> }): boolean {
  const configuration = tools.configuration();
  const isNew = ([branch, revision]: [string, string]): boolean =>
    tools.heads.get(repository.name, branch) !== revision && 'rule' in clustersFor(configuration, repository.name, branch);
  return [...heads].some(isNew) || tools.heads.of(repository.name).some((branch) => !heads.has(branch));
}
