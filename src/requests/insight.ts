// The insight: everything that the page looks at beside the state itself.
import { accessOf } from '../core/access.ts';
import type { AccessView } from '../core/access.ts';
import type { Actor } from '../core/actor.ts';
import type { Cluster } from '../core/cluster.ts';
import type { Configuration } from '../core/configuration.ts';
import type { Deployment } from '../core/deployment.ts';
import { DeployError } from '../core/errors.ts';
import { estimates, ESTIMATED_FROM } from '../core/estimate.ts';
import type { ChangesView, CommitsView, ConfigurationView, Insight, ServerDetailView, TimesView } from '../core/insight.ts';
import { knownClusters, sourceOf } from '../core/mapping.ts';
import { NO_RULES } from '../core/permission.ts';
import type { Engine, OpenVersionControl, Store } from '../core/ports.ts';
import { queueView } from '../core/queue.ts';
import { serverDetail } from '../core/server-detail.ts';
import { buildView, repositoryUrl, settingsView } from '../core/settings-view.ts';
import { clusterOf } from '../core/state.ts';
import { statistics } from '../core/statistics.ts';
import { timesOf } from '../core/times.ts';
import type { ClusterView } from '../core/views.ts';
import { cellFeed } from './cell-feed.ts';
import type { Contacts } from './contacts.ts';
import type { EventFeed } from './event-feed.ts';
import type { Heads } from './heads.ts';

export type InsightTools = {
  readonly engine: Engine;
  readonly store: Store;
  readonly heads: Heads;
  readonly feed: EventFeed;
  readonly configuration: () => Configuration;
  readonly configurationProblem: () => string | null;
  /** Of the configuration in force. `at`: milliseconds since 1970. */
  readonly configurationFile: () => { readonly hash: string; readonly at: number };
  readonly versionControl: OpenVersionControl;
  readonly contactOf: Contacts['contactOf'];
  readonly clusterView: (cluster: Cluster) => ClusterView;
};

const MOST_COMMITS = 50;
const MOST_FILES = 500;
/** Of a server's page. */
const MOST_DEPLOYMENTS = 20;
/** Records are small; a year of a busy installation. */
const MOST_RECORDS = 20_000;

export function createInsight(tools: InsightTools): Insight {
  const { engine, store, heads, configuration } = tools;

  function clusterNamed(name: string): Cluster {
    const cluster = knownClusters(configuration(), heads.branches()).find((one) => one.name === name);
    if (cluster === undefined) throw new DeployError('not-found', `there is no cluster ${JSON.stringify(name)}; see: lockstep status`);
    return cluster;
  }

  async function times(number: number): Promise<TimesView> {
    const event = engine.lastEvent();
    const running = engine.state.deployments.get(number);
    const kept = running === undefined ? await store.times(number) : timesOf(running);
    const found = kept ?? (await replayedTimes(number));
    const records = await store.ended({ cluster: found.cluster, limit: 3 * ESTIMATED_FROM });
    return { ...found, event, estimate: estimates(records.filter((one) => one.deployment < number)) };
  }

  /** Of one that never began, or that ended before times were kept. */
  async function replayedTimes(number: number) {
    const deployment = await tools.feed.deployment(number);
    if (deployment === null) throw noDeployment(number);
    return timesOf(deployment);
  }

  async function server(clusterName: string, name: string): Promise<ServerDetailView> {
    const cluster = clusterNamed(clusterName);
    const found = cluster.servers.find((one) => one.name === name);
    const view = tools.clusterView(cluster).servers.find((one) => one.name === name);
    if (found === undefined || view === undefined) {
      throw new DeployError('not-found', `${cluster.name} has no server ${JSON.stringify(name)}; see: lockstep status ${cluster.name}`);
    }
    const contact = tools.contactOf(cluster.name, name);
    const { record, running } = clusterOf(engine.state, cluster.name);
    const current = running === null ? undefined : engine.state.deployments.get(running);
    const ended = await store.timesOf(cluster.name, MOST_DEPLOYMENTS);
    return serverDetail(cluster, found, record, {
      view,
      contact: contact === null ? null : { ...contact, at: iso(contact.at) },
      times: current === undefined ? ended : [timesOf(current), ...ended],
    });
  }

  async function commits(name: string, signal: AbortSignal): Promise<CommitsView> {
    const cluster = clusterNamed(name);
    const source = sourceOf(configuration(), cluster.name, heads.branches());
    const repository = source === null ? undefined : configuration().repositories.get(source.repository);
    if (source === null || repository === undefined) {
      throw new DeployError('conflict', `no branch feeds cluster ${name}; add one to "branches"`);
    }
    const { branch } = source;
    const base = clusterOf(engine.state, cluster.name).record.releases[0]?.revision ?? null;
    const head = heads.get(source.repository, branch) ?? null;
    const place = { cluster: cluster.name, repository: source.repository, branch, base, head };
    if (head === null || head === base) return { ...place, commits: [], total: 0, diverged: false };
    const limits = { commits: MOST_COMMITS, files: 0 };
    const found = await tools.versionControl(repository).between(branch, base, head, limits, signal);
    return { ...place, commits: found.commits.map(shown), total: found.totalCommits, diverged: found.diverged };
  }

  async function changes(number: number, signal: AbortSignal): Promise<ChangesView> {
    const deployment = await tools.feed.deployment(number);
    if (deployment === null) throw noDeployment(number);
    const { revision: head, repository, branch } = deployment;
    const base = await revisionBefore(deployment);
    const place = { deployment: number, base, head };
    if (base === head) return { ...place, commits: [], totalCommits: 0, files: [], totalFiles: 0, diverged: false };
    // A deployment keeps its settings; the account for the repository may have changed since.
    const current = configuration().repositories.get(repository.name) ?? repository;
    const limits = { commits: MOST_COMMITS, files: MOST_FILES };
    const found = await tools.versionControl(current).between(branch, base, head, limits, signal);
    return { ...place, ...found, commits: found.commits.map(shown), files: [...found.files] };
  }

  /** What the cluster served when the deployment began; for one that waits: what it serves now. */
  async function revisionBefore({ number, cluster, shelf, state }: Deployment): Promise<string | null> {
    const { releases } = clusterOf(engine.state, cluster.name).record;
    if (state === 'waiting') return releases[0]?.revision ?? null;
    const previous = shelf.good[0];
    if (previous === undefined) return null;
    const known = releases.find((one) => one.id === previous);
    if (known !== undefined) return known.revision === '' ? null : known.revision;
    const records = await store.ended({ cluster: cluster.name, limit: 500 });
    return records.find((one) => one.deployment < number && one.release === previous)?.revision ?? null;
  }

  function access(cluster: Cluster, deployment: Deployment | null, actor: Actor): AccessView {
    const permissions = configuration().permissions ?? NO_RULES;
    return accessOf({ cluster: cluster.name, permissions, approvals: cluster.approvals, deployment }, actor);
  }

  async function accessToDeployment(number: number, actor: Actor): Promise<AccessView> {
    const deployment = await tools.feed.deployment(number);
    if (deployment === null) throw noDeployment(number);
    return access(deployment.cluster, deployment, actor);
  }

  function configurationOf(name: string): ConfigurationView {
    const cluster = clusterNamed(name);
    const source = sourceOf(configuration(), cluster.name, heads.branches());
    const repository = source === null ? undefined : configuration().repositories.get(source.repository);
    const { hash, at } = tools.configurationFile();
    return {
      cluster: cluster.name,
      hash,
      loadedAt: iso(at),
      problem: tools.configurationProblem(),
      branch:
        source === null || repository === undefined
          ? null
          : {
              repository: repository.name,
              branch: source.branch,
              url: repositoryUrl(repository),
              type: repository.type,
              build: buildView(source.build),
            },
      settings: settingsView(cluster),
    };
  }

  return {
    times,
    knows: async (number) => engine.state.deployments.has(number) || (await store.deployment(number)) !== null,
    cells: (number, after, signal) => cellFeed({ feed: tools.feed, store }, number, after, signal),
    server,
    queue: () => queueView(engine.state),
    commits,
    changes,
    configuration: configurationOf,
    access: (name, actor) => access(clusterNamed(name), null, actor),
    accessToDeployment,
    last: async (cluster) => (await store.ended({ cluster, limit: 1 }))[0] ?? null,
    async statistics(query, sees) {
      const { cluster, since } = query;
      if (cluster !== null) clusterNamed(cluster);
      const records = await store.ended({ since, limit: MOST_RECORDS, ...(cluster === null ? {} : { cluster }) });
      const inTime = records.filter((one) => one.endedAt < query.until && (sees === null || sees(one.cluster)));
      return statistics(inTime, query, records.length === MOST_RECORDS);
    },
  };
}

const shown = ({ revision, author, message, time }: { revision: string; author: string; message: string; time: number }) => ({
  revision,
  author,
  message,
  at: iso(time),
});

const noDeployment = (number: number): DeployError =>
  new DeployError('not-found', `there is no deployment ${number}; see: lockstep history`);
const iso = (at: number): string => new Date(at).toISOString();
