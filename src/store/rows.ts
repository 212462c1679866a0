// The border between rows of the database and the types of the core: what comes back is checked before anybody trusts it.
import { DeployError } from '../core/errors.ts';
import type { DaemonEvent, DeploymentEvent, Recorded } from '../core/event.ts';
import { newCluster } from '../core/state.ts';
import type { ClusterRecord, DeliveryRecord, DeploymentRecord, HeadRecord } from '../core/records.ts';

export type EventRow = { number: number; at: number; deployment: number | null; type: string; body: string };
export type DeploymentRow = { number: number; cluster: string; ended: number; state: string; result: string | null; view: string };
export type ClusterRow = { name: string; body: string };
export type DeliveryRow = { repository: string; delivery: string; closed: number; body: string };

// Records, so that the compiler finds a type that was forgotten here.
const OF_DEPLOYMENT: Readonly<Record<DeploymentEvent['type'], true>> = {
  requested: true,
  superseded: true,
  approved: true,
  rejected: true,
  'approval-expired': true,
  began: true,
  started: true,
  finished: true,
  failed: true,
  'abort-requested': true,
  paused: true,
  resumed: true,
  skipped: true,
  settled: true,
};
const OF_DAEMON: Readonly<Record<DaemonEvent['type'], true>> = {
  'daemon-started': true,
  'configuration-loaded': true,
  'change-received': true,
  'outcome-recorded': true,
  'cluster-locked': true,
  'cluster-unlocked': true,
  'hold-released': true,
  'head-skipped': true,
  'drift-found': true,
  'drift-ended': true,
};

export function eventRow({ number, at, deployment, event }: Recorded): EventRow {
  return { number, at, deployment, type: event.type, body: JSON.stringify(event) };
}

export function readEvent(row: EventRow): Recorded {
  const where = `journal entry ${row.number}`;
  const event = readObject(row.body, where);
  demand(event['type'] === row.type, where, 'its type is not that of its row');
  demand(Object.hasOwn(row.deployment === null ? OF_DAEMON : OF_DEPLOYMENT, row.type), where, `unknown type ${row.type}`);
  return { number: row.number, at: row.at, deployment: row.deployment, event } as unknown as Recorded;
}

export function deploymentRow({ number, cluster, ended, view }: DeploymentRecord): DeploymentRow {
  return { number, cluster, ended: ended ? 1 : 0, state: view.state, result: view.result, view: JSON.stringify(view) };
}

export function readDeployment(row: DeploymentRow): DeploymentRecord {
  const where = `deployment ${row.number}`;
  const view = readObject(row.view, where);
  demand(view['number'] === row.number && view['cluster'] === row.cluster, where, 'its view is of another deployment');
  demand(Array.isArray(view['steps']) && Array.isArray(view['servers']), where, 'its view has no steps or servers');
  return { number: row.number, cluster: row.cluster, ended: row.ended === 1, view: view as unknown as DeploymentRecord['view'] };
}

export function clusterRow(record: ClusterRecord): ClusterRow {
  return { name: record.name, body: JSON.stringify(record) };
}

export function readCluster(row: ClusterRow): ClusterRecord {
  const where = `cluster ${row.name}`;
  const record = readObject(row.body, where);
  demand(record['name'] === row.name, where, 'its record is of another cluster');
  demand(Array.isArray(record['releases']), where, 'its record has no releases');
  // What an older version did not keep is empty.
  return { ...newCluster(row.name), ...record };
}

export function deliveryRow(record: DeliveryRecord): DeliveryRow {
  const { repository, delivery } = record.change;
  return { repository, delivery, closed: record.closed ? 1 : 0, body: JSON.stringify(record) };
}

export function readDelivery(row: DeliveryRow): DeliveryRecord {
  const where = `delivery ${row.delivery} of ${row.repository}`;
  const record = readObject(row.body, where);
  const change = record['change'];
  demand(
    isObject(change) && change['repository'] === row.repository && change['delivery'] === row.delivery,
    where,
    'its change is another',
  );
  demand(Array.isArray(record['outcomes']) && Array.isArray(change['refs']), where, 'it has no outcomes or refs');
  return record as unknown as DeliveryRecord;
}

/** A head's row has its record's shape. */
export type HeadRow = HeadRecord;

function readObject(text: string, where: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw damaged(where, (error as Error).message);
  }
  if (!isObject(value)) throw damaged(where, 'it is not an object');
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function demand(condition: boolean, where: string, why: string): asserts condition {
  if (!condition) throw damaged(where, why);
}

const damaged = (where: string, why: string): DeployError =>
  new DeployError('store', `the database is damaged: ${where} cannot be read: ${why}. Stop the daemon and restore the data directory.`);
