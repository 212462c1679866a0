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
/** A repository that does not answer by then is waited for by who needs its answer. */
const PREFETCH_LIMIT_MS = 30_000;
/** Of a push of many branches the others can wait for their turn. */
const PREFETCHED = 4;

/** What the repository says its heads are, or why it does not answer. */
export type Sight = { readonly heads: ReadonlyMap<string, string> } | { readonly problem: string };

/** Asks the repository itself. Never rejects. `changes`: what others say of it; one way to it is as long as two at the same time. */
export async function sightOf(tools: SightTools, repository: Repository, changes: readonly Change[] = []): Promise<Sight> {
  const asked = new AbortController();
  try {
    const configuration = tools.configuration();
    const versionControl = tools.versionControl(repository);
    const soon = AbortSignal.any([asked.signal, AbortSignal.timeout(PREFETCH_LIMIT_MS)]);
    for (const { branch, clusters } of newsIn(tools, configuration, repository, changes)) {
      versionControl.prefetch?.(branch, soon);
      clusters.forEach(tools.expect);
    }
    return { heads: await versionControl.heads(branchesOf(configuration, repository.name), AbortSignal.timeout(LOOK_LIMIT_MS)) };
  } catch (error) {
    asked.abort();
    return { problem: problemOf(error).message };
  }
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
  return news.slice(0, PREFETCHED);
}

/** Is there something in sight that has not been dealt with: a branch that feeds a cluster and moved, or one that is gone? */
export function hasMoved(tools: SightTools, repository: Repository, { heads }: { readonly heads: ReadonlyMap<string, string> }): boolean {
  const configuration = tools.configuration();
  const isNew = ([branch, revision]: [string, string]): boolean =>
    tools.heads.get(repository.name, branch) !== revision && 'rule' in clustersFor(configuration, repository.name, branch);
  return [...heads].some(isNew) || tools.heads.of(repository.name).some((branch) => !heads.has(branch));
}
