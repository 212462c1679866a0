// Every SQL statement of the store, prepared once.
import type { Database, Statement } from 'better-sqlite3';
import type { ClusterRow, DeliveryRow, DeploymentRow, EventRow, HeadRow } from './rows.ts';

export type Statements = ReturnType<typeof prepareStatements>;

/** Each query is answered from a key or an index: a page of history costs the same with ten deployments and with a million. */
export function prepareStatements(database: Database) {
  const row = <P extends unknown[], R>(sql: string): Statement<P, R> => database.prepare<P, R>(sql);
  return {
    insertEvent: row<[EventRow], never>(
      'INSERT INTO journal (number, at, deployment, type, body) VALUES (@number, @at, @deployment, @type, @body)',
    ),
    putDeployment: row<[DeploymentRow], never>(
      `INSERT INTO deployments (number, cluster, ended, state, result, view) VALUES (@number, @cluster, @ended, @state, @result, @view)
       ON CONFLICT (number) DO UPDATE SET cluster = excluded.cluster, ended = excluded.ended, state = excluded.state,
         result = excluded.result, view = excluded.view`,
    ),
    putCluster: row<[ClusterRow], never>(
      'INSERT INTO clusters (name, body) VALUES (@name, @body) ON CONFLICT (name) DO UPDATE SET body = excluded.body',
    ),
    putDelivery: row<[DeliveryRow], never>(
      `INSERT INTO deliveries (repository, delivery, closed, body) VALUES (@repository, @delivery, @closed, @body)
       ON CONFLICT (repository, delivery) DO UPDATE SET closed = excluded.closed, body = excluded.body`,
    ),
    putHead: row<[HeadRow], never>(
      `INSERT INTO heads (repository, branch, revision) VALUES (@repository, @branch, @revision)
       ON CONFLICT (repository, branch) DO UPDATE SET revision = excluded.revision`,
    ),
    // At least the time in seconds: after a backup of the data directory is restored, servers that saw later epochs still obey.
    raiseEpoch: row<[], number>(
      `UPDATE daemon SET epoch = max(epoch + 1, CAST(strftime('%s', 'now') AS INTEGER)) WHERE one = 1 RETURNING epoch`,
    ).pluck(),
    events: row<[number, number], EventRow>(
      'SELECT number, at, deployment, type, body FROM journal WHERE number > ? ORDER BY number LIMIT ?',
    ),
    eventsOf: row<[number, number, number], EventRow>(
      'SELECT number, at, deployment, type, body FROM journal WHERE deployment = ? AND number > ? ORDER BY number LIMIT ?',
    ),
    lastEvent: row<[], number>('SELECT coalesce(max(number), 0) FROM journal').pluck(),
    lastDeployment: row<[], number>(
      `SELECT max((SELECT coalesce(max(number), 0) FROM deployments),
                  (SELECT coalesce(max(deployment), 0) FROM journal WHERE deployment IS NOT NULL))`,
    ).pluck(),
    clusters: row<[], ClusterRow>('SELECT name, body FROM clusters ORDER BY name'),
    heads: row<[], HeadRow>('SELECT repository, branch, revision FROM heads ORDER BY repository, branch'),
    deployment: row<[number], DeploymentRow>('SELECT * FROM deployments WHERE number = ?'),
    unfinished: row<[], DeploymentRow>('SELECT * FROM deployments WHERE ended = 0 ORDER BY number'),
    history: row<[number, number], DeploymentRow>('SELECT * FROM deployments WHERE number < ? ORDER BY number DESC LIMIT ?'),
    historyOf: row<[string, number, number], DeploymentRow>(
      'SELECT * FROM deployments WHERE cluster = ? AND number < ? ORDER BY number DESC LIMIT ?',
    ),
    delivery: row<[string, string], DeliveryRow>(
      'SELECT repository, delivery, closed, body FROM deliveries WHERE repository = ? AND delivery = ?',
    ),
    deliveries: row<[number], DeliveryRow>('SELECT repository, delivery, closed, body FROM deliveries ORDER BY id DESC LIMIT ?'),
    deliveriesOf: row<[string, number], DeliveryRow>(
      'SELECT repository, delivery, closed, body FROM deliveries WHERE repository = ? ORDER BY id DESC LIMIT ?',
    ),
    // Those that have no outcome yet stay, however old they are. Ids rise by one, so the newest of them says how many there are.
    pruneDeliveries: row<[number], never>('DELETE FROM deliveries WHERE id <= (SELECT max(id) FROM deliveries) - ? AND closed = 1'),
    openDeliveries: row<[], DeliveryRow>('SELECT repository, delivery, closed, body FROM deliveries WHERE closed = 0 ORDER BY id'),
  };
}
