// The table of ended deployments: their records for statistics, and their times for the board and for each server's history.
import type { Database, Statement } from 'better-sqlite3';
import type { EndedRecord } from '../core/ended.ts';
import { DeployError } from '../core/errors.ts';
import type { Ended, Store } from '../core/ports.ts';
import type { DeploymentTimes } from '../core/times.ts';

type Row = { deployment: number; cluster: string; at: number; record: string; times: string };

export type EndedStatements = ReturnType<typeof prepareEnded>;

export function prepareEnded(database: Database) {
  const row = <P extends unknown[], R>(sql: string): Statement<P, R> => database.prepare<P, R>(sql);
  return {
    put: row<[Row], never>(
      `INSERT INTO ended (deployment, cluster, at, record, times) VALUES (@deployment, @cluster, @at, @record, @times)
       ON CONFLICT (deployment) DO UPDATE SET cluster = excluded.cluster, at = excluded.at, record = excluded.record, times = excluded.times`,
    ),
    records: row<[number, number], string>('SELECT record FROM ended WHERE at >= ? ORDER BY at DESC LIMIT ?').pluck(),
    recordsOf: row<[string, number, number], string>(
      'SELECT record FROM ended WHERE cluster = ? AND at >= ? ORDER BY at DESC LIMIT ?',
    ).pluck(),
    times: row<[number], string>('SELECT times FROM ended WHERE deployment = ?').pluck(),
    timesOf: row<[string, number], string>('SELECT times FROM ended WHERE cluster = ? ORDER BY at DESC LIMIT ?').pluck(),
  };
}

export function endedRow({ record, times }: Ended): Row {
  const { deployment, cluster, endedAt } = record;
  return { deployment, cluster, at: endedAt, record: JSON.stringify(record), times: JSON.stringify(times) };
}

type Reads = { [K in 'ended' | 'times' | 'timesOf']: (...args: Parameters<Store[K]>) => Awaited<ReturnType<Store[K]>> };

export function endedReads(statements: EndedStatements): Reads {
  return {
    ended: ({ cluster, since = 0, limit }) =>
      (cluster === undefined ? statements.records.all(since, limit) : statements.recordsOf.all(cluster, since, limit)).map(readRecord),
    times: (deployment) => {
      const text = statements.times.get(deployment);
      return text === undefined ? null : readTimes(text);
    },
    timesOf: (cluster, limit) => statements.timesOf.all(cluster, limit).map(readTimes),
  };
}

function readRecord(text: string): EndedRecord {
  const record = read(text);
  if (typeof record['deployment'] !== 'number' || !Array.isArray(record['stages'])) throw damaged('it has no number or stages');
  return record as unknown as EndedRecord;
}

function readTimes(text: string): DeploymentTimes {
  const times = read(text);
  if (!Array.isArray(times['servers']) || !Array.isArray(times['stages'])) throw damaged('it has no servers or stages');
  return times as unknown as DeploymentTimes;
}

function read(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    throw damaged((error as Error).message);
  }
}

const damaged = (why: string): DeployError =>
  new DeployError('store', `the database is damaged: a row of the table ended: ${why}. Stop the daemon and restore the data directory.`);
