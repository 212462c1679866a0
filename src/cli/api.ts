// The daemon's HTTP API as functions: paths and shapes of the contract.
import type { Accepted } from '../core/application.ts';
import type { Statistics } from '../core/statistics.ts';
import type {
  ClusterView,
  DeliveryView,
  DeploymentView,
  DriftView,
  HookAnswer,
  OverviewView,
  PastReleaseView,
  PlanView,
} from '../core/views.ts';
import { SLOW_MS } from './client.ts';
import type { Client } from './client.ts';
import { usageFailure } from './failure.ts';

/** All reject with CommandFailure: exit 3 when nobody answers, else 1 with the daemon's message. */
export type Api = {
  readonly client: Client;
  overview(): Promise<OverviewView>;
  cluster(name: string): Promise<ClusterView>;
  deployments(query: { cluster?: string | undefined; limit: number }): Promise<{ deployments: DeploymentView[] }>;
  deployment(number: number, signal?: AbortSignal): Promise<DeploymentView>;
  plan(cluster: string, revision: string | undefined): Promise<PlanView>;
  drift(cluster: string): Promise<DriftView>;
  deploy(cluster: string, request: { revision: string | undefined; force: boolean; drift: string | undefined }): Promise<Accepted>;
  abort(number: number): Promise<Accepted>;
  pause(number: number): Promise<Accepted>;
  resume(number: number): Promise<Accepted>;
  skip(number: number, server: string): Promise<Accepted>;
  retry(number: number, server: string | null): Promise<Accepted>;
  settleMigration(number: number, done: boolean): Promise<Accepted>;
  lock(cluster: string, reason: string): Promise<Accepted>;
  unlock(cluster: string): Promise<Accepted>;
  releases(cluster: string): Promise<{ releases: PastReleaseView[] }>;
  rollback(cluster: string, request: { to: string | undefined; emergency: boolean }): Promise<Accepted>;
  releaseHold(cluster: string): Promise<Accepted>;
  deliveries(query: { repository: string | undefined; limit: number }): Promise<{ deliveries: DeliveryView[] }>;
  replay(repository: string, id: string): Promise<HookAnswer>;
  statistics(query: { cluster: string | undefined; since: string }): Promise<Statistics>;
};

/** The daemon reads every file on every server, and ends that before this. */
const SLOWEST_MS = 290_000;

/** The daemon gives at most so many deployments at once. */
const PAGE = 500;

/** `by`: who asks, for the journal. */
export function createApi(client: Client, by: string): Api {
  const get = (path: string, options = {}): Promise<unknown> => client.request('GET', `/api/v1${path}`, options);
  const send = (path: string, request: object = {}, limitMs?: number): Promise<unknown> =>
    client.request('POST', `/api/v1${path}`, { body: { ...request, by }, ...(limitMs === undefined ? {} : { limitMs }) });
  const post = async (path: string, request?: object, limitMs?: number): Promise<Accepted> =>
    (await send(path, request, limitMs)) as Accepted;
  return {
    client,
    overview: async () => (await get('/clusters')) as OverviewView,
    cluster: async (name) => (await get(`/clusters/${segment(name)}`)) as ClusterView,
    async deployments({ cluster, limit }) {
      const found: DeploymentView[] = [];
      while (found.length < limit) {
        const size = Math.min(PAGE, limit - found.length);
        const query = new URLSearchParams({ limit: String(size) });
        if (cluster !== undefined) query.set('cluster', cluster);
        const last = found.at(-1);
        if (last !== undefined) query.set('before', String(last.number));
        const { deployments } = (await get(`/deployments?${query.toString()}`)) as { deployments: DeploymentView[] };
        found.push(...deployments);
        if (deployments.length < size) break;
      }
      return { deployments: found };
    },
    deployment: async (number, signal) => (await get(`/deployments/${number}`, signal === undefined ? {} : { signal })) as DeploymentView,
    async plan(cluster, revision) {
      const query = revision === undefined ? '' : `?${new URLSearchParams({ revision }).toString()}`;
      return (await get(`/clusters/${segment(cluster)}/plan${query}`, { limitMs: SLOW_MS })) as PlanView;
    },
    drift: async (cluster) =>
      (await client.request('POST', `/api/v1/clusters/${segment(cluster)}/drift`, { body: { by }, limitMs: SLOWEST_MS })) as DriftView,
    deploy: (cluster, { revision, force, drift }) => {
      const request = { ...(revision === undefined ? {} : { revision }), force, ...(drift === undefined ? {} : { drift }) };
      return post(`/clusters/${segment(cluster)}/deploy`, request, SLOW_MS);
    },
    abort: (number) => post(`/deployments/${number}/abort`),
    pause: (number) => post(`/deployments/${number}/pause`),
    resume: (number) => post(`/deployments/${number}/resume`),
    skip: (number, server) => post(`/deployments/${number}/skip`, { server }),
    retry: (number, server) => post(`/deployments/${number}/retry`, { server }, SLOW_MS),
    settleMigration: (number, done) => post(`/deployments/${number}/migration`, { done }, SLOW_MS),
    lock: (cluster, reason) => post(`/clusters/${segment(cluster)}/lock`, { reason }),
    unlock: (cluster) => post(`/clusters/${segment(cluster)}/unlock`),
    releases: async (cluster) => (await get(`/clusters/${segment(cluster)}/releases`)) as { releases: PastReleaseView[] },
    rollback: (cluster, { to, emergency }) =>
      post(`/clusters/${segment(cluster)}/rollback`, to === undefined ? { emergency } : { to, emergency }),
    releaseHold: (cluster) => post(`/clusters/${segment(cluster)}/release-hold`),
    async deliveries({ repository, limit }) {
      const query = new URLSearchParams({ limit: String(limit), ...(repository === undefined ? {} : { repository }) });
      return (await get(`/deliveries?${query.toString()}`)) as { deliveries: DeliveryView[] };
    },
    async statistics({ cluster, since }) {
      const query = new URLSearchParams({ since, ...(cluster === undefined ? {} : { cluster }) });
      return (await get(`/statistics?${query.toString()}`)) as Statistics;
    },
    replay: async (repository, id) => (await send(`/deliveries/${segment(repository)}/${segment(id)}/replay`)) as HookAnswer,
  };
}

/** A name as one segment of a path. `.` and `..` would be resolved away by every URL library, so they are refused. */
function segment(name: string): string {
  if (name === '' || name === '.' || name === '..')
    throw usageFailure(`"${name}" is not the name of a cluster. The clusters: lockstep status`);
  return encodeURIComponent(name);
}
