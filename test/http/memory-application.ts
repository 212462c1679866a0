// The other side of the HTTP door for its tests: an application that keeps everything in memory, written against the port.
import { actorText } from '../../src/core/actor.ts';
import type { Application } from '../../src/core/application.ts';
import { DeployError } from '../../src/core/errors.ts';
import type { Forge } from '../../src/core/forge.ts';
import type { Change } from '../../src/core/repository.ts';
import type { ClusterView, DeliveryView, DeploymentView, EventView } from '../../src/core/views.ts';
import { createMemoryInsight } from './memory-insight.ts';

export const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=';
export const TOKEN = 'lst_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG';

export type MemoryApplication = Application & {
  /** What was received, in order. */
  readonly received: Change[];
  /** What was asked for: `deploy production by api`. */
  readonly requests: string[];
  readonly clusters: Map<string, ClusterView>;
  readonly deploymentViews: Map<number, DeploymentView>;
  readonly journal: EventView[];
  readonly repositories: Map<string, readonly string[]>;
  readonly forges: Map<string, Forge>;
  readonly sources: Map<string, readonly string[]>;
  /** Thrown by the next request of any kind. */
  failure: Error | null;
  unready: string | null;
  /** Tells waiting streams that the journal has grown. */
  publish(...events: EventView[]): void;
};

export function createMemoryApplication(): MemoryApplication {
  const waiting = new Set<() => void>();
  const answers = new Map<string, Awaited<ReturnType<Application['receive']>>>();
  const check = (): void => {
    if (app.failure !== null) throw app.failure;
  };
  const accept = (line: string) => {
    check();
    app.requests.push(line);
    return Promise.resolve({ message: line, deployment: 42 });
  };
  const app: MemoryApplication = {
    received: [],
    requests: [],
    clusters: new Map([['production', sampleClusterView('production')]]),
    deploymentViews: new Map([[42, sampleDeploymentView(42)]]),
    journal: [],
    repositories: new Map([
      ['shop', [SECRET]],
      ['portal', ['whsec_b3RoZXIgc2VjcmV0IG9mIHRoZSBwb3J0YWwgcmVwb3M=']],
      ['closed', []],
    ]),
    forges: new Map(),
    sources: new Map(),
    failure: null,
    unready: null,
    publish(...events) {
      app.journal.push(...events);
      for (const wake of waiting) wake();
    },
    async overview() {
      check();
      return Promise.resolve({ version: '1', clusters: [...app.clusters.values()], configurationProblem: null, storeProblem: null });
    },
    cluster: (name) => Promise.resolve(app.clusters.get(name) ?? null),
    deployments: ({ limit }) => Promise.resolve([...app.deploymentViews.values()].slice(0, limit)),
    deployment: (number) => Promise.resolve(app.deploymentViews.get(number) ?? null),
    async plan(cluster, revision) {
      check();
      if (!app.clusters.has(cluster)) throw new DeployError('not-found', `There is no cluster ${cluster}.`);
      const plan = { repository: 'shop', branch: 'b', author: 'a', message: 'm', live: null, built: false, steps: [], servers: [] };
      return Promise.resolve({ ...plan, cluster, revision: revision ?? 'head', verdict: 'deploy' });
    },
    deploy: async (cluster, { revision, force, actor }) =>
      accept(`deploy ${cluster} ${revision ?? 'head'} force=${force} by ${actorText(actor)}`),
    notices: () => Promise.resolve({ targets: [], notices: [] }),
    retryNotice: async (id) => accept(`retry notice ${id}`),
    testNotice: async (target) => accept(`test ${target}`),
    drift: (cluster) => Promise.resolve({ cluster, release: null, skipped: null, drift: false, servers: [] }),
    releases: () => Promise.resolve([]),
    rollback: async (cluster, { to, emergency, actor }) =>
      accept(`rollback ${cluster} ${to ?? 'previous'} emergency=${emergency} by ${actorText(actor)}`),
    releaseHold: async (cluster, actor) => accept(`release hold ${cluster} by ${actorText(actor)}`),
    abort: async (number, actor) => accept(`abort ${number} by ${actorText(actor)}`),
    pause: async (number, actor) => accept(`pause ${number} by ${actorText(actor)}`),
    resume: async (number, actor) => accept(`resume ${number} by ${actorText(actor)}`),
    approve: async (number, actor) => accept(`approve ${number} by ${actorText(actor)}`),
    reject: async (number, actor, reason) => accept(`reject ${number} by ${actorText(actor)}: ${reason}`),
    skip: async (number, server, actor) => accept(`skip ${server} in ${number} by ${actorText(actor)}`),
    retry: async (number, server, actor) => accept(`retry ${server ?? 'all'} of ${number} by ${actorText(actor)}`),
    settleMigration: async (number, done, actor) => accept(`settle ${number} ${done} by ${actorText(actor)}`),
    lock: async (cluster, actor, reason) => accept(`lock ${cluster} by ${actorText(actor)}: ${reason}`),
    unlock: async (cluster, actor) => accept(`unlock ${cluster} by ${actorText(actor)}`),
    async receive(change) {
      check();
      const before = answers.get(`${change.repository} ${change.delivery}`);
      if (before !== undefined) return Promise.resolve({ ...before, repeated: true });
      app.received.push(change);
      const names = [...change.refs.map(({ ref }) => ref), ...(change.paths ?? [])];
      const decisions = names.map((ref) => ({ ref, action: 'deployment', reason: 'push', deployment: 42, cluster: 'production' }));
      const answer = { delivery: change.delivery, decisions, lines: names.map((ref) => `${ref} → production: deployment 42`) };
      answers.set(`${change.repository} ${change.delivery}`, answer);
      return answer;
    },
    async *log(_number, { follow, signal }) {
      yield 'build: first line';
      yield 'build: second line';
      if (follow) await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    },
    async *events(after, signal) {
      let at = after;
      while (!signal.aborted) {
        const batch = app.journal.filter(({ id }) => id > at).slice(0, 1000);
        if (batch.length > 0) {
          at = batch.at(-1)?.id ?? at;
          yield batch;
          continue;
        }
        await new Promise<void>((resolve) => {
          const wake = (): void => {
            waiting.delete(wake);
            signal.removeEventListener('abort', wake);
            resolve();
          };
          waiting.add(wake);
          signal.addEventListener('abort', wake, { once: true });
        });
      }
    },
    audit: () => Promise.resolve([]),
    verifyAudit: () => Promise.resolve({ entries: 0, newest: null, problem: null }),
    insight: createMemoryInsight(),
    lastEvent: () => app.journal.at(-1)?.id ?? 0,
    unreadiness: () => app.unready,
    deliveries: ({ repository, limit }) =>
      Promise.resolve(
        app.received
          .filter((one) => repository === undefined || one.repository === repository)
          .slice(0, limit)
          .map(viewOf),
      ),
    async replay(repository, id, actor) {
      check();
      const found = app.received.find((one) => one.repository === repository && one.delivery === id);
      if (found === undefined) throw new DeployError('not-found', `there is no delivery ${id}`);
      app.requests.push(`replay ${repository} ${id} by ${actorText(actor)}`);
      return Promise.resolve({ delivery: id, decisions: [], lines: ['Lockstep: replayed'] });
    },
    door: (name) => (app.repositories.has(name) ? { forge: app.forges.get(name) ?? null, sources: app.sources.get(name) ?? [] } : null),
    secrets: (repository) => Promise.resolve(app.repositories.get(repository) ?? []),
  };
  return app;
}

const viewOf = (change: Change): DeliveryView => ({
  id: change.delivery,
  repository: change.repository,
  source: change.source,
  actor: change.actor,
  receivedAt: '2026-01-01T00:00:00.000Z',
  replayedBy: null,
  state: 'decided',
  summary: change.ignored ?? 'servers/production → production: deployment 42',
  decisions: [],
});

export function sampleClusterView(cluster: string): ClusterView {
  return {
    cluster,
    environment: 'production',
    state: 'idle',
    release: { id: 'shop_1', revision: '0123456789abcdef', author: 'Ann', message: 'First', live: '2026-01-01T00:00:00.000Z' },
    held: null,
    locked: null,
    deployment: 42,
    waiting: null,
    waitsFor: null,
    skipped: null,
    branches: [{ repository: 'shop', branch: 'servers/production' }],
    drifted: [],
    servers: [
      { name: 'web1', state: 'live', release: 'shop_1', error: null },
      { name: 'web2', state: 'behind', release: null, error: 'connection refused' },
    ],
    removed: [],
  };
}

export function sampleDeploymentView(number: number): DeploymentView {
  return {
    number,
    cluster: 'production',
    repository: 'shop',
    purpose: 'deploy',
    branch: 'servers/production',
    revision: '0123456789abcdef',
    author: 'Ann',
    message: 'First',
    release: 'shop_1',
    previous: null,
    artifact: 'a1',
    state: 'ended',
    result: 'done',
    reason: 'push',
    problem: null,
    requestedBy: 'ann',
    requestedAt: '2026-01-01T00:00:00.000Z',
    waitsFor: null,
    endedAt: '2026-01-01T00:01:00.000Z',
    supersededBy: null,
    steps: [],
    servers: [],
  };
}

export function sampleEvent(id: number, text = `event ${id}`): EventView {
  return {
    id,
    at: '2026-01-01T00:00:00.000Z',
    deployment: 42,
    cluster: 'production',
    type: 'finished',
    text,
    step: 'upload',
    server: 'web1',
  };
}
