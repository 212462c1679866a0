// The daemon's HTTP API as functions: paths and shapes of the contract.
import type { Accepted } from '../core/application.ts';
import type { AuditView } from '../core/audit-text.ts';
import type { AuditVerdict } from '../core/audit.ts';
import type { TokenView, UserView } from '../core/people.ts';
import type { Statistics } from '../core/statistics.ts';
import type {
  ClusterView,
  DeliveryView,
  DeploymentView,
  DriftView,
  HookAnswer,
  NoticesView,
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
  approve(number: number): Promise<Accepted>;
  reject(number: number, reason: string): Promise<Accepted>;
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
  /** `since`: ISO 8601. */
  audit(query: AuditFilter & { limit: number }): Promise<{ entries: AuditView[] }>;
  /** UTF-8, safe to print. */
  exportAudit(query: AuditFilter, format: 'jsonl' | 'csv', signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  verifyAudit(expect: string | undefined): Promise<AuditVerdict>;
  tokens(): Promise<{ tokens: TokenView[] }>;
  createToken(order: NewToken): Promise<{ token: TokenView; secret: string }>;
  revokeToken(name: string): Promise<{ token: TokenView }>;
  users(): Promise<{ users: UserView[] }>;
  addUser(order: NewUser): Promise<{ user: UserView }>;
  changeUser(name: string, change: Partial<Pick<NewUser, 'role' | 'clusters' | 'teams'>>): Promise<{ user: UserView }>;
  removeUser(name: string): Promise<{ message: string }>;
  changePassword(name: string, password: string): Promise<{ message: string }>;
  notices(): Promise<NoticesView>;
  retryNotice(id: number): Promise<Accepted>;
  testNotice(target: string): Promise<Accepted>;
  statistics(query: { cluster: string | undefined; since: string }): Promise<Statistics>;
};

/** The daemon says what is not allowed. */
export type NewToken = {
  readonly name: string;
  readonly role: string;
  readonly clusters: readonly string[];
  readonly days: number | undefined;
};

export type NewUser = {
  readonly name: string;
  readonly password: string;
  readonly role: string;
  readonly clusters: readonly string[];
  readonly teams: readonly string[];
};
export type AuditFilter = { since: string | undefined; cluster: string | undefined };

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
    approve: (number) => post(`/deployments/${number}/approve`),
    reject: (number, reason) => post(`/deployments/${number}/reject`, { reason }),
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
    audit: async (filter) => (await get(`/audit${queryOf(filter)}`)) as { entries: AuditView[] },
    exportAudit: (filter, format, signal) => client.open(`/api/v1/audit${queryOf({ ...filter, format })}`, { accept: '*/*', signal }),
    verifyAudit: async (expect) => (await get(`/audit/verify${queryOf({ expect })}`, { limitMs: SLOW_MS })) as AuditVerdict,
    async statistics({ cluster, since }) {
      const query = new URLSearchParams({ since, ...(cluster === undefined ? {} : { cluster }) });
      return (await get(`/statistics?${query.toString()}`)) as Statistics;
    },
    replay: async (repository, id) => (await send(`/deliveries/${segment(repository)}/${segment(id)}/replay`)) as HookAnswer,
    tokens: async () => (await get('/tokens')) as { tokens: TokenView[] },
    createToken: async (order) => (await send('/tokens', order)) as { token: TokenView; secret: string },
    revokeToken: async (name) => (await send(`/tokens/${segment(name)}/revoke`)) as { token: TokenView },
    users: async () => (await get('/users')) as { users: UserView[] },
    addUser: async (order) => (await send('/users', order)) as { user: UserView },
    changeUser: async (name, change) => (await send(`/users/${segment(name)}/change`, change)) as { user: UserView },
    removeUser: async (name) => (await send(`/users/${segment(name)}/remove`)) as { message: string },
    changePassword: async (name, password) => (await send(`/users/${segment(name)}/password`, { password })) as { message: string },
    notices: async () => (await get('/notices')) as NoticesView,
    retryNotice: (id) => post(`/notices/${id}/retry`),
    testNotice: (target) => post(`/notices/targets/${segment(target)}/test`, {}, SLOW_MS),
  };
}

function queryOf(values: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)] as [string, string]]));
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`;
}

/** A name as one segment of a path. `.` and `..` would be resolved away by every URL library, so they are refused. */
function segment(name: string): string {
  if (name === '' || name === '.' || name === '..')
    throw usageFailure(`"${name}" is not the name of a cluster. The clusters: lockstep status`);
  return encodeURIComponent(name);
}
