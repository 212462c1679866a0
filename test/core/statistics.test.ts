// Statistics against a fixture that was computed by hand: two weeks of two clusters.
import { describe, expect, test } from '@jest/globals';
import type { EndedRecord } from '../../src/core/ended.ts';
import { statistics } from '../../src/core/statistics.ts';

const at = (text: string): number => Date.parse(`2026-03-${text}:00Z`);
const MINUTE = 60_000;

/** Requested at `time`; begins after 10 s, locks after 60 s, is unlocked and live 8 s later, ends 2 s after that. */
function record(deployment: number, time: string, changes: Partial<EndedRecord> = {}): EndedRecord {
  const requestedAt = at(time);
  return {
    deployment,
    cluster: 'production',
    environment: 'production',
    purpose: 'deploy',
    result: 'done',
    revision: String(deployment),
    release: `r${deployment}`,
    previous: deployment === 1 ? null : `r${deployment - 1}`,
    servers: 3,
    requestedAt,
    beganAt: requestedAt + 10_000,
    endedAt: requestedAt + 70_000,
    committedAt: requestedAt - 5 * MINUTE,
    lockedAt: requestedAt + 60_000,
    unlockedAt: requestedAt + 68_000,
    liveAt: requestedAt + 68_000,
    stages: [],
    slowest: [
      { server: 'web3', ms: 30_000 },
      { server: 'web1', ms: 10_000 },
      { server: 'web2', ms: 9_000 },
    ],
    usualMs: 10_000,
    ...changes,
  };
}

/** Monday 2 March to Monday 16 March 2026: two weeks. */
const query = { since: at('02T00:00'), until: at('16T00:00'), cluster: null };

const records: EndedRecord[] = [
  // Live 6 min 8 s after its commit.
  record(1, '02T10:00'),
  // Live, but rolled back from at 11:30: 30 min after its lock at 11:01, the roll back is live at 11:31:08.
  record(2, '03T11:00', { committedAt: at('03T09:00') }),
  record(3, '03T11:30', { purpose: 'roll-back', release: 'r1', previous: 'r2', committedAt: null }),
  // Went back by itself after verification: locked at 12:01, the last unlock of the way back 40 s later.
  record(4, '10T12:00', {
    result: 'rolled-back',
    previous: 'r1',
    liveAt: null,
    unlockedAt: at('10T12:01') + 40_000,
    endedAt: at('10T12:02'),
  }),
  // Failed before anybody could notice, and aborted: no changes.
  record(5, '10T13:00', { result: 'failed', lockedAt: null, unlockedAt: null, liveAt: null }),
  record(6, '10T14:00', { result: 'aborted', lockedAt: null, unlockedAt: null, liveAt: null }),
  record(7, '11T10:00', { cluster: 'staging', environment: 'test', slowest: [], usualMs: null, committedAt: null }),
  // Not a deployment for these numbers.
  record(8, '11T11:00', { purpose: 'catch-up' }),
];

describe('statistics', () => {
  const found = statistics(records, query);

  test('count deployments, results and changes', () => {
    expect(found.total).toMatchObject({
      deployments: 7,
      results: { done: 4, failed: 1, aborted: 1, 'rolled-back': 1 },
      changes: 4,
      failedChanges: 2,
      changeFailureRate: 0.5,
      // Deployments 1, 2 and 7 were live, in two weeks.
      changesPerWeek: 1.5,
    });
  });

  test('lead time is the median from commit to live', () => {
    // 6 min 8 s and 2 h 1 min 8 s; of the other one nobody knows.
    expect(found.total.leadTimeMs).toBe((368_000 + 7_268_000) / 2);
  });

  test('time to recovery reaches from the lock of the bad change to the unlock of what mended it', () => {
    // 30 min 8 s, from 11:01:00 to 11:31:08; and 40 s.
    expect(found.total.timeToRecoveryMs).toBe((30 * MINUTE + 8_000 + 40_000) / 2);
  });

  test('cutover, duration and waiting', () => {
    // 8, 8, 8, 40 and 8 seconds.
    expect(found.total).toMatchObject({ cutoverMs: 8_000, longestCutoverMs: 40_000, durationMs: 70_000, waitedMs: 10_000 });
  });

  test('by cluster, environment and week', () => {
    expect(found.clusters.map(({ cluster, deployments, changeFailureRate }) => ({ cluster, deployments, changeFailureRate }))).toEqual([
      { cluster: 'production', deployments: 6, changeFailureRate: 0.6667 },
      { cluster: 'staging', deployments: 1, changeFailureRate: 0 },
    ]);
    expect(found.environments.map(({ environment }) => environment)).toEqual(['production', 'test']);
    expect(found.weeks.map(({ week, deployments, changes, changesPerWeek }) => ({ week, deployments, changes, changesPerWeek }))).toEqual([
      { week: '2026-03-02', deployments: 3, changes: 2, changesPerWeek: 2 },
      { week: '2026-03-09', deployments: 4, changes: 2, changesPerWeek: 1 },
    ]);
  });

  test('the slowest servers are those that took longer than the others', () => {
    expect(found.slowest).toEqual([{ cluster: 'production', server: 'web3', times: 7, slowerByMs: 20_000 }]);
  });

  test('nothing deployed: no numbers are made up', () => {
    expect(statistics([], query).total).toEqual({
      deployments: 0,
      results: { done: 0, failed: 0, aborted: 0, 'rolled-back': 0 },
      changes: 0,
      changesPerWeek: 0,
      leadTimeMs: null,
      failedChanges: 0,
      changeFailureRate: null,
      timeToRecoveryMs: null,
      cutoverMs: null,
      longestCutoverMs: null,
      durationMs: null,
      waitedMs: null,
    });
  });
});
