// What an actor sees of lists that go over all clusters: the part that belongs to clusters their role counts for.
import { seesAll, seesCluster } from '../core/actor.ts';
import type { Actor } from '../core/actor.ts';
import type { Application } from '../core/application.ts';
import type { QueueView } from '../core/insight.ts';
import type { DeliveryQuery, HistoryQuery } from '../core/ports.ts';
import type { DeliveryView, DeploymentView, EventView, OverviewView } from '../core/views.ts';

export async function visibleOverview(application: Application, actor: Actor): Promise<OverviewView> {
  const overview = await application.overview();
  if (seesAll(actor)) return overview;
  return {
    ...overview,
    clusters: overview.clusters.filter(({ cluster }) => seesCluster(actor, cluster)),
    // Its words name keys of clusters that are none of theirs.
    configurationProblem: overview.configurationProblem === null ? null : 'The configuration file has a problem; an older one is in force.',
  };
}

const PAGE = 500;
/** So far back is looked for deployments of a few clusters among those of many; `before` goes on from there. */
const MOST_PAGES = 20;

/** Newest first, at most `query.limit`. */
export async function visibleDeployments(application: Application, query: HistoryQuery, actor: Actor): Promise<readonly DeploymentView[]> {
  if (seesAll(actor)) return application.deployments(query);
  if (query.cluster !== undefined) return seesCluster(actor, query.cluster) ? application.deployments(query) : [];
  const found: DeploymentView[] = [];
  let before = query.before;
  for (let page = 0; page < MOST_PAGES && found.length < query.limit; page++) {
    const views = await application.deployments({ limit: PAGE, ...(before === undefined ? {} : { before }) });
    found.push(...views.filter(({ cluster }) => seesCluster(actor, cluster)));
    before = views.at(-1)?.number;
    if (views.length < PAGE || before === undefined) break;
  }
  return found.slice(0, query.limit);
}

/** Deliveries of repositories that feed a cluster of theirs, without what came of the refs of other clusters. */
export async function visibleDeliveries(application: Application, query: DeliveryQuery, actor: Actor): Promise<readonly DeliveryView[]> {
  const views = await application.deliveries(query);
  if (seesAll(actor)) return views;
  const { clusters } = await application.overview();
  const repositories = new Set(
    clusters.filter(({ cluster }) => seesCluster(actor, cluster)).flatMap(({ branches }) => branches.map(({ repository }) => repository)),
  );
  return views.filter(({ repository }) => repositories.has(repository)).map((view) => visibleDelivery(view, actor));
}

function visibleDelivery(view: DeliveryView, actor: Actor): DeliveryView {
  const decisions = view.decisions.filter(({ cluster }) => cluster === null || seesCluster(actor, cluster));
  if (decisions.length === view.decisions.length) return view;
  const summary = decisions.map(({ ref, reason }) => `${ref} ${reason}`).join('; ') || 'nothing of your clusters moved';
  return { ...view, decisions, summary };
}

export function visibleQueue(queue: QueueView, actor: Actor): QueueView {
  if (seesAll(actor)) return queue;
  const isTheirs = ({ cluster }: { readonly cluster: string }): boolean => seesCluster(actor, cluster);
  return { waiting: queue.waiting.filter(isTheirs), running: queue.running.filter(isTheirs) };
}

export const visibleEvents = (events: readonly EventView[], actor: Actor): readonly EventView[] =>
  seesAll(actor) ? events : events.filter(({ cluster }) => cluster !== null && seesCluster(actor, cluster));
