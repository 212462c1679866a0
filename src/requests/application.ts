// The application: everything that the doors can ask of the daemon.
import { actorText } from '../core/actor.ts';
import type { Actor } from '../core/actor.ts';
import type { Accepted, Application } from '../core/application.ts';
import type { Cluster } from '../core/cluster.ts';
import type { Configuration } from '../core/configuration.ts';
import { decideReleaseHold, decideRollback } from '../core/decide-back.ts';
import { decideApprove, decideLock, decideReject, decideUnlock } from '../core/decide-queue.ts';
import { decideAbort, decidePause, decideResume, decideSkip } from '../core/decide-steering.ts';
import { behindOf, decideDeploy } from '../core/decide.ts';
import { DeployError } from '../core/errors.ts';
import { outcomeText } from '../core/event-text.ts';
import { knownClusters, sourceOf } from '../core/mapping.ts';
import type { Source } from '../core/mapping.ts';
import { NO_RULES } from '../core/permission.ts';
import type { Action } from '../core/permission.ts';
import type { Artifacts, Engine, Migrations, OpenVersionControl, Store } from '../core/ports.ts';
import type { Repository } from '../core/repository.ts';
import { clusterOf } from '../core/state.ts';
import type { State } from '../core/state.ts';
import { clusterView, deploymentView, pastReleaseViews } from '../core/view-of.ts';
import type { ClusterView, DeploymentView } from '../core/views.ts';
import { deliveryView } from './delivery-view.ts';
import { createCommitsAhead } from './commits-ahead.ts';
import { createEventFeed } from './event-feed.ts';
import type { FeedTools } from './event-feed.ts';
import { compareServers } from './compare-servers.ts';
import type { CompareTools } from './compare-servers.ts';
import { createAuthority } from './authority.ts';
import type { Wanted } from './authority.ts';
import { signatureProblem } from './signed.ts';
import type { Heads } from './heads.ts';
import { createInsight } from './insight.ts';
import type { InsightTools } from './insight.ts';
import type { Lookout } from './lookout.ts';
import { planOf } from './plan.ts';
import { receive, replay } from './receive.ts';
import { createSettler } from './settle.ts';

type DeployOptions = Parameters<Application['deploy']>[1];
type RollbackOptions = Parameters<Application['rollback']>[1];

export type ApplicationTools = Omit<FeedTools, 'state'> &
  CompareTools &
  Pick<InsightTools, 'configurationFile' | 'contactOf'> & {
    readonly version: string;
    readonly engine: Engine;
    readonly store: Store;
    readonly heads: Heads;
    readonly lookout: Lookout;
    readonly configuration: () => Configuration;
    readonly configurationProblem: () => string | null;
    readonly versionControl: OpenVersionControl;
    /** Asks a server that is behind at once, however often it has failed. */
    readonly catchUpNow: (cluster: string, server: string) => void;
    readonly artifacts: Artifacts;
    readonly migrations: Migrations;
    /** Adds to a deployment's log. */
    readonly log: (deployment: number, text: string) => void;
    readonly readLog: Application['log'];
    readonly secrets: Application['secrets'];
    readonly postOffice: Pick<Application, 'notices' | 'retryNotice' | 'testNotice'>;
    readonly now: () => number;
  };

/** Whoever waits for the answer of a request gives up after five minutes. */
const COMPARE_LIMIT_MS = 270_000;
const COMPARED_AT_ONCE = 16;
const COUNT_LIMIT_MS = 60_000;

export function createApplication(tools: ApplicationTools): Application {
  const { engine, store, heads, configuration } = tools;
  const authority = createAuthority(engine, configuration);
  const about = (action: Action, number: number): Wanted => {
    const cluster = engine.state.deployments.get(number)?.cluster.name;
    if (cluster === undefined) throw new DeployError('not-found', `deployment ${number} is not running; see: lockstep history`);
    return { action, cluster, deployment: number };
  };
  const settle = createSettler({ ...tools, authority });
  const feed = createEventFeed({ ...tools, state: engine.state });
  const ahead = createCommitsAhead(({ repository, branch, base, head }) => {
    const from = configuration().repositories.get(repository);
    if (from === undefined) throw new DeployError('not-found', `there is no repository ${repository}`);
    return tools.versionControl(from).between(branch, base, head, { commits: 1, files: 0 }, AbortSignal.timeout(COUNT_LIMIT_MS));
  });
  const receiver = { ...tools, repository: (name: string) => configuration().repositories.get(name) };
  const clusters = (): readonly Cluster[] => knownClusters(configuration(), heads.branches());

  function clusterNamed(name: string): Cluster {
    const cluster = clusters().find((one) => one.name === name);
    if (cluster !== undefined) return cluster;
    const known = clusters().map((one) => one.name);
    throw new DeployError(
      'not-found',
      `there is no cluster ${JSON.stringify(name)}; there are: ${known.slice(0, 20).join(', ') || 'none'}`,
    );
  }

  function sourceFor(name: string): Source & { from: Repository } {
    clusterNamed(name);
    const source = sourceOf(configuration(), name, heads.branches());
    const from = source === null ? undefined : configuration().repositories.get(source.repository);
    if (source === null || from === undefined) throw new DeployError('conflict', `no branch feeds cluster ${name}; add one to "branches"`);
    return { ...source, from };
  }

  function viewOf(cluster: Cluster): ClusterView {
    const status = clusterOf(engine.state, cluster.name);
    const running = status.running === null ? null : (engine.state.deployments.get(status.running) ?? null);
    const waiting = status.waiting === null ? null : (engine.state.deployments.get(status.waiting) ?? null);
    const source = sourceOf(configuration(), cluster.name, heads.branches());
    const branches = source === null ? [] : [{ repository: source.repository, branch: source.branch }];
    const revision = source === null ? null : (heads.get(source.repository, source.branch) ?? null);
    const base = status.record.releases[0]?.revision ?? null;
    const count = source === null || revision === null || base === null ? null : ahead.get({ ...source, base, head: revision });
    return { ...clusterView(cluster, status, running, waiting, branches), head: revision === null ? null : { revision, ahead: count } };
  }

  const fresh = (view: DeploymentView): DeploymentView => {
    const deployment = engine.state.deployments.get(view.number);
    return deployment === undefined ? view : deploymentView(deployment);
  };

  /** The revision that is meant: the head, or one that the operator names (a unique beginning of the head will do). */
  async function revisionOf(source: Source & { from: Repository }, revision: string | null, signal: AbortSignal): Promise<string> {
    const known = heads.get(source.repository, source.branch);
    if (revision !== null) return source.from.type === 'git' && known?.startsWith(revision) === true ? known : revision;
    const current = (await tools.versionControl(source.from).heads([source.branch], signal)).get(source.branch);
    if (current === undefined) throw new DeployError('repository', `${source.repository} has no branch ${source.branch}; push it first`);
    return current;
  }

  async function deploy(name: string, { revision, force, drift, actor }: DeployOptions, signal: AbortSignal): Promise<Accepted> {
    const source = sourceFor(name);
    const asked = { action: 'deploy', cluster: name, deployment: null } as const;
    await authority.check(actor, asked);
    const { from: repository, branch, build } = source;
    const cluster = drift === null ? source.cluster : { ...source.cluster, drift: { ...source.cluster.drift, onDeploy: drift } };
    const wanted = await revisionOf(source, revision, signal);
    // Whether the revision exists and belongs to the branch is better said now than by a failed deployment.
    const commit = await tools.versionControl(repository).commit(branch, wanted, signal);
    const unsigned = await signatureProblem(tools.versionControl(repository), cluster, branch, commit.revision, signal);
    if (unsigned !== null) await authority.refuse(actor, asked, unsigned);
    const order = { cluster, repository, branch, build, revision: commit.revision, requestedBy: actorText(actor), reason: 'by hand' };
    const pushedBy = cluster.approvals === undefined ? null : await whoPushed(store, repository.name, commit.revision);
    const request = { ...order, ...(pushedBy !== null && { pushedBy }), force, anew: force, atOnce: true };
    const outcome = await authority.request(actor, asked, (state) => decideDeploy(state, request));
    const message = `${branch} at ${commit.revision} ${outcomeText(outcome)}`;
    return { message, deployment: 'number' in outcome ? outcome.number : null };
  }

  async function rollback(name: string, { to, emergency, actor }: RollbackOptions): Promise<Accepted> {
    const { cluster, from: repository, branch, build } = sourceFor(name);
    const purpose = emergency ? 'emergency' : 'roll-back';
    const target = { cluster: emergency ? forEmergency(cluster) : cluster, repository, branch, build };
    const request = { ...target, requestedBy: actorText(actor), reason: 'roll back', purpose, to } as const;
    const asked = { action: 'rollback', cluster: name, deployment: null } as const;
    const number = await authority.request(actor, asked, (state) => decideRollback(state, request));
    const release = engine.state.deployments.get(number)?.release ?? 'an earlier release';
    return { message: `${name} goes back to ${release}: deployment ${number}`, deployment: number };
  }

  async function retry(number: number, server: string | null, actor: Actor, signal: AbortSignal): Promise<Accepted> {
    const view = (await store.deployment(number))?.view;
    if (view === undefined) throw new DeployError('not-found', `there is no deployment ${number}; see: lockstep history`);
    if (engine.state.deployments.has(number)) {
      throw new DeployError('conflict', `deployment ${number} has not ended; leave a server out with: lockstep skip ${number} SERVER`);
    }
    if (server !== null || view.purpose === 'catch-up') {
      const name = server ?? view.servers[0]?.name ?? '';
      const cluster = clusterNamed(view.cluster);
      if (!behindOf(clusterOf(engine.state, cluster.name).record, cluster).some((one) => one.name === name)) {
        throw new DeployError('conflict', `${name} of ${cluster.name} is not behind; see: lockstep status ${cluster.name}`);
      }
      await authority.check(actor, { action: 'deploy', cluster: cluster.name, deployment: number });
      tools.catchUpNow(cluster.name, name);
      return { message: `${name} is asked now, and brought up as soon as it answers`, deployment: null };
    }
    if (view.purpose === 'deploy') return deploy(view.cluster, { revision: view.revision, force: true, drift: null, actor }, signal);
    return rollback(view.cluster, { to: view.release, emergency: view.purpose === 'emergency', actor });
  }

  return {
    overview: () =>
      Promise.resolve({
        version: tools.version,
        clusters: clusters().map(viewOf),
        configurationProblem: tools.configurationProblem(),
        storeProblem: engine.storeProblem(),
      }),
    cluster: (name) => {
      const cluster = clusters().find((one) => one.name === name);
      return Promise.resolve(cluster === undefined ? null : viewOf(cluster));
    },
    deployments: async (query) => (await store.history(query)).map(({ view }) => fresh(view)),
    async deployment(number) {
      const record = await store.deployment(number);
      return record === null ? null : fresh(record.view);
    },
    async plan(name, revision, signal) {
      const source = sourceFor(name);
      return planOf(tools, source, await revisionOf(source, revision, signal), signal);
    },
    drift: async (name, signal) => {
      const limited = AbortSignal.any([signal, AbortSignal.timeout(COMPARE_LIMIT_MS)]);
      return compareServers(tools, clusterNamed(name), { depth: 'content', atOnce: COMPARED_AT_ONCE }, limited);
    },
    deploy,
    async releases(name) {
      const cluster = await Promise.resolve(clusterNamed(name));
      return pastReleaseViews(clusterOf(engine.state, cluster.name).record, cluster);
    },
    rollback,
    async releaseHold(name, actor) {
      clusterNamed(name);
      return {
        message: await authority.request(actor, { action: 'deploy', cluster: name, deployment: null }, (state) =>
          decideReleaseHold(state, name, actorText(actor)),
        ),
        deployment: null,
      };
    },
    async abort(deployment, actor) {
      return {
        message: await authority.request(actor, about('abort', deployment), (state) => decideAbort(state, deployment, actorText(actor))),
        deployment,
      };
    },
    async pause(deployment, actor) {
      return {
        message: await authority.request(actor, about('pause', deployment), (state) => decidePause(state, deployment, actorText(actor))),
        deployment,
      };
    },
    async resume(deployment, actor) {
      return {
        message: await authority.request(actor, about('pause', deployment), (state) => decideResume(state, deployment, actorText(actor))),
        deployment,
      };
    },
    async skip(deployment, server, actor) {
      return {
        message: await authority.request(actor, about('pause', deployment), (state) =>
          decideSkip(state, deployment, server, actorText(actor)),
        ),
        deployment,
      };
    },
    async approve(deployment, actor) {
      const decide = (state: State) => decideApprove(state, deployment, actor, configuration().permissions ?? NO_RULES);
      return { message: await authority.request(actor, about('approve', deployment), decide), deployment };
    },
    async reject(deployment, actor, reason) {
      const decide = (state: State) => decideReject(state, deployment, actor, reason, configuration().permissions ?? NO_RULES);
      return { message: await authority.request(actor, about('approve', deployment), decide), deployment };
    },
    retry,
    async settleMigration(deployment, done, actor) {
      await authority.check(actor, about('settle', deployment));
      return { message: await settle(deployment, done, actor), deployment };
    },
    async lock(name, actor, reason) {
      clusterNamed(name);
      return {
        message: await authority.request(actor, { action: 'lock', cluster: name, deployment: null }, (state) =>
          decideLock(state, name, actorText(actor), reason),
        ),
        deployment: null,
      };
    },
    async unlock(name, actor) {
      clusterNamed(name);
      return {
        message: await authority.request(actor, { action: 'lock', cluster: name, deployment: null }, (state) =>
          decideUnlock(state, name, actorText(actor)),
        ),
        deployment: null,
      };
    },
    receive: (change) => receive(receiver, change),
    deliveries: async (query) => (await store.deliveries(query)).map(deliveryView),
    replay: (repository, id, actor) => replay(receiver, repository, id, actorText(actor)),
    audit: (query) => store.audit(query),
    verifyAudit: (expected) => store.verifyAudit(expected),
    notices: tools.postOffice.notices,
    retryNotice: tools.postOffice.retryNotice,
    testNotice: tools.postOffice.testNotice,
    log: tools.readLog,
    events: (after, signal) => feed.events(after, signal),
    insight: createInsight({ ...tools, feed, clusterView: viewOf }),
    lastEvent: () => engine.lastEvent(),
    unreadiness: () => engine.storeProblem(),
    door: (name) => {
      const repository = configuration().repositories.get(name);
      return repository === undefined ? null : { forge: repository.forge, sources: repository.hookSources };
    },
    secrets: tools.secrets,
  };
}

/** So many deliveries are searched for who pushed a revision that somebody else deploys by hand. */
const SEARCHED = 1_000;

async function whoPushed(store: Store, repository: string, revision: string): Promise<string | null> {
  const deliveries = await store.deliveries({ repository, limit: SEARCHED });
  return deliveries.find(({ outcomes }) => outcomes.some((one) => one.revision === revision))?.change.actor ?? null;
}

/** Users come first: no maintenance page, and whoever cannot be reached is left behind. */
function forEmergency(cluster: Cluster): Cluster {
  const commands = { ...cluster.commands, drain: null, lock: null };
  return { ...cluster, maintenance: null, maxFailures: { percent: 100 }, commands };
}
