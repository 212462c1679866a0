// Statistics of ended deployments: how often, how long, how many went wrong and how soon they were mended. Pure functions over their records.
import type { EndedRecord } from './ended.ts';
import { median } from './times.ts';

/** `since`: milliseconds since 1970. */
export type StatisticsQuery = { readonly since: number; readonly until: number; readonly cluster: string | null };

/** What the numbers mean; part of every answer, so that nobody has to guess. */
export const DEFINITIONS = {
  deployments: 'Deployments that began in the time, of every kind, without those that only brought a server up that was left behind.',
  changes:
    'Deployments of a revision that users met: all servers served it, or it failed after the maintenance page was up (without one: after the first switch).',
  changesPerWeek:
    'Changes that are live and stayed so, or were rolled back later: those that reached users whole, per seven days of the time.',
  leadTimeMs: 'Median time from the commit (the revision that was deployed) to the moment when all servers of the cluster served it.',
  changeFailureRate:
    'Changes that went wrong, of all changes: they failed after users could notice, were taken back by verification, or somebody rolled back from them.',
  timeToRecoveryMs:
    'Median time from the moment when a change that went wrong could first be noticed (the lock) to the moment when the cluster served a good release again: the unlock of the way back, or of the roll back.',
  cutoverMs: 'Median time from the first lock to the last unlock of a deployment: the longest that a visitor met the maintenance page.',
  durationMs: 'Median time from the request to the end of a deployment that is done; waitedMs: the part of it in the queue.',
  slowest:
    'Servers that were among the five slowest of a deployment from schedule to unlock, how often, and how much longer than the median server they took (median).',
} as const;

export type Figures = {
  readonly deployments: number;
  readonly results: Readonly<Record<'done' | 'failed' | 'aborted' | 'rolled-back', number>>;
  readonly changes: number;
  readonly changesPerWeek: number;
  readonly leadTimeMs: number | null;
  readonly failedChanges: number;
  /** From 0 to 1; `null`: there was no change. */
  readonly changeFailureRate: number | null;
  readonly timeToRecoveryMs: number | null;
  readonly cutoverMs: number | null;
  readonly longestCutoverMs: number | null;
  readonly durationMs: number | null;
  readonly waitedMs: number | null;
};

export type Statistics = {
  readonly since: string;
  readonly until: string;
  readonly total: Figures;
  readonly clusters: readonly ({ readonly cluster: string; readonly environment: string } & Figures)[];
  readonly environments: readonly ({ readonly environment: string } & Figures)[];
  /** Weeks begin on Monday, 00:00 UTC; those without a deployment are there as well. Oldest first. */
  readonly weeks: readonly ({ readonly week: string } & Figures)[];
  readonly slowest: readonly { readonly cluster: string; readonly server: string; readonly times: number; readonly slowerByMs: number }[];
  /** There were more deployments than are looked at: the oldest of the time are left out. */
  readonly truncated: boolean;
  readonly definitions: typeof DEFINITIONS;
};

const WEEK_MS = 7 * 24 * 3_600_000;
/** 1970-01-05 was a Monday. */
const MONDAY_MS = 4 * 24 * 3_600_000;
const MOST_WEEKS = 106;
const MOST_SLOW = 20;

/** `records`: those that ended in the time, of the clusters asked for, in any order. A failure is put down to the time in which its change ended. */
export function statistics(records: readonly EndedRecord[], { since, until }: StatisticsQuery, truncated = false): Statistics {
  const counted = records.filter((one) => one.purpose !== 'catch-up').sort((a, b) => a.deployment - b.deployment);
  const changes = judged(counted);
  const figures = (chosen: readonly EndedRecord[], ms: number): Figures => figuresOf(chosen, changes, ms);
  const span = Math.max(until - since, 1);
  const groups = (key: (record: EndedRecord) => string): [string, EndedRecord[]][] =>
    [...grouped(counted, key)].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    since: iso(since),
    until: iso(until),
    total: figures(counted, span),
    clusters: groups((one) => one.cluster).map(([cluster, own]) => ({
      cluster,
      environment: own.at(-1)?.environment ?? '',
      ...figures(own, span),
    })),
    environments: groups((one) => one.environment).map(([environment, own]) => ({ environment, ...figures(own, span) })),
    weeks: weeksOf(counted, since, until).map(({ start, own }) => ({ week: iso(start).slice(0, 10), ...figures(own, WEEK_MS) })),
    slowest: slowestOf(records),
    truncated,
    definitions: DEFINITIONS,
  };
}

/** What became of a change. `recoveredMs` `null`: it is not mended yet. */
type Verdict = { readonly failed: boolean; readonly recoveredMs: number | null };

/** Every change, with what became of it: looks at each cluster's deployments in order. */
function judged(records: readonly EndedRecord[]): ReadonlyMap<number, Verdict> {
  const verdicts = new Map<number, Verdict>();
  /** By cluster and release: the change that brought it. */
  const brought = new Map<string, EndedRecord>();
  for (const record of records) {
    const { cluster, purpose, result, release, previous, lockedAt, unlockedAt, liveAt, endedAt } = record;
    if (purpose === 'deploy' && isChange(record)) {
      const failed = result !== 'done';
      verdicts.set(record.deployment, { failed, recoveredMs: failed && lockedAt !== null ? (unlockedAt ?? endedAt) - lockedAt : null });
      if (!failed && release !== null) brought.set(`${cluster}\0${release}`, record);
    }
    const left = purpose === 'deploy' || result !== 'done' ? undefined : brought.get(`${cluster}\0${previous ?? ''}`);
    if (left === undefined || left.release === release) continue;
    verdicts.set(left.deployment, { failed: true, recoveredMs: (liveAt ?? endedAt) - (left.lockedAt ?? left.endedAt) });
  }
  return verdicts;
}

/** Did users meet it? An abort before that is a change of mind; after it, whoever went back did so for a reason. */
const isChange = ({ result, lockedAt, liveAt }: EndedRecord): boolean => (result === 'done' ? liveAt !== null : lockedAt !== null);

function figuresOf(records: readonly EndedRecord[], verdicts: ReadonlyMap<number, Verdict>, ms: number): Figures {
  const changes = records.flatMap((record) => {
    const verdict = verdicts.get(record.deployment);
    return verdict === undefined ? [] : [{ record, verdict }];
  });
  const live = changes.filter(({ record }) => record.result === 'done');
  const failed = changes.filter(({ verdict }) => verdict.failed);
  const done = records.filter(({ result }) => result === 'done');
  const cutovers = records.flatMap(({ lockedAt, unlockedAt }) => (lockedAt === null || unlockedAt === null ? [] : [unlockedAt - lockedAt]));
  const count = (result: string): number => records.filter((one) => one.result === result).length;
  return {
    deployments: records.length,
    results: { done: count('done'), failed: count('failed'), aborted: count('aborted'), 'rolled-back': count('rolled-back') },
    changes: changes.length,
    changesPerWeek: rounded((live.length * WEEK_MS) / ms),
    leadTimeMs: median(
      live.flatMap(({ record: { committedAt, liveAt } }) =>
        committedAt === null || liveAt === null ? [] : [Math.max(liveAt - committedAt, 0)],
      ),
    ),
    failedChanges: failed.length,
    changeFailureRate: changes.length === 0 ? null : rounded(failed.length / changes.length),
    timeToRecoveryMs: median(failed.flatMap(({ verdict: { recoveredMs } }) => (recoveredMs === null ? [] : [recoveredMs]))),
    cutoverMs: median(cutovers),
    longestCutoverMs: cutovers.length === 0 ? null : Math.max(...cutovers),
    durationMs: median(done.map(({ requestedAt, endedAt }) => endedAt - requestedAt)),
    waitedMs: median(done.map(({ requestedAt, beganAt }) => (beganAt ?? requestedAt) - requestedAt)),
  };
}

function weeksOf(records: readonly EndedRecord[], since: number, until: number): { start: number; own: EndedRecord[] }[] {
  const monday = (at: number): number => Math.floor((at - MONDAY_MS) / WEEK_MS) * WEEK_MS + MONDAY_MS;
  const byWeek = grouped(records, ({ endedAt }) => String(monday(endedAt)));
  const first = Math.max(monday(since), monday(until) - (MOST_WEEKS - 1) * WEEK_MS);
  const weeks: { start: number; own: EndedRecord[] }[] = [];
  for (let start = first; start < until; start += WEEK_MS) weeks.push({ start, own: byWeek.get(String(start)) ?? [] });
  return weeks;
}

/** Only where there is somebody to compare with. */
function slowestOf(records: readonly EndedRecord[]): Statistics['slowest'] {
  const by = new Map<string, { cluster: string; server: string; excess: number[] }>();
  for (const { cluster, servers, slowest, usualMs } of records) {
    if (servers < 2 || usualMs === null) continue;
    for (const { server, ms } of slowest) {
      if (ms <= usualMs) continue;
      const key = `${cluster}\0${server}`;
      const one = by.get(key) ?? { cluster, server, excess: [] };
      one.excess.push(ms - usualMs);
      by.set(key, one);
    }
  }
  return [...by.values()]
    .map(({ cluster, server, excess }) => ({ cluster, server, times: excess.length, slowerByMs: median(excess) ?? 0 }))
    .sort((a, b) => b.times - a.times || b.slowerByMs - a.slowerByMs)
    .slice(0, MOST_SLOW);
}

function grouped<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const own = groups.get(key(item));
    if (own === undefined) groups.set(key(item), [item]);
    else own.push(item);
  }
  return groups;
}

const rounded = (value: number): number => Math.round(value * 10_000) / 10_000;
const iso = (at: number): string => new Date(at).toISOString();
