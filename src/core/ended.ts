// What is kept of an ended deployment for statistics and estimates: a small record, made once, so that nobody replays the journal for a chart.
import type { Deployment, Purpose, Result, StageProgress } from './deployment.ts';
import type { Action, Direction } from './step.ts';
import { median } from './times.ts';

/** Times are milliseconds since 1970. */
export type EndedRecord = {
  readonly deployment: number;
  readonly cluster: string;
  readonly environment: string;
  readonly purpose: Purpose;
  readonly result: Result;
  readonly revision: string;
  readonly release: string | null;
  /** What the cluster served when it began. */
  readonly previous: string | null;
  readonly servers: number;
  readonly requestedAt: number;
  /** When it left the queue. */
  readonly beganAt: number | null;
  readonly endedAt: number;
  /** When the revision was committed; `null`: unknown. */
  readonly committedAt: number | null;
  /** The first lock (without a maintenance window: the first switch) and the last unlock, on whichever way. */
  readonly lockedAt: number | null;
  readonly unlockedAt: number | null;
  /** When all servers served the release to users; `null`: they never did. */
  readonly liveAt: number | null;
  /** How long each stage was open. */
  readonly stages: readonly { readonly action: Action; readonly direction: Direction; readonly ms: number }[];
  /** The slowest servers from `schedule` to `unlock`, slowest first, and what was usual in this deployment. */
  readonly slowest: readonly { readonly server: string; readonly ms: number }[];
  readonly usualMs: number | null;
};

const MOST_SLOW = 5;
const COUNTED: readonly Action[] = ['schedule', 'upload', 'lock', 'switch', 'unlock'];

/** `null`: it has not ended, or it never began (superseded, or aborted in the queue). */
export function endedRecord(deployment: Deployment): EndedRecord | null {
  const { cluster, course, endedAt, result, commit } = deployment;
  const beganAt = course.find((stage) => stage.startedAt !== null)?.startedAt ?? null;
  if (endedAt === null || result === null || beganAt === null) return null;
  const noticeable = course.filter(({ action }) => action === (cluster.maintenance === null ? 'switch' : 'lock'));
  const unlocks = course.filter(({ action, finishedAt }) => action === 'unlock' && finishedAt !== null);
  const lockedAt = noticeable.find((stage) => stage.startedAt !== null)?.startedAt ?? null;
  const forward = course.find(({ action, direction, state }) => action === 'unlock' && direction === 'forward' && state === 'done');
  return {
    deployment: deployment.number,
    cluster: cluster.name,
    environment: cluster.environment,
    purpose: deployment.purpose,
    result,
    revision: deployment.revision,
    release: deployment.release,
    previous: deployment.shelf.good[0] ?? null,
    servers: cluster.servers.length,
    requestedAt: deployment.requestedAt,
    beganAt,
    endedAt,
    committedAt: commit === null || commit.time === 0 ? null : commit.time,
    lockedAt,
    unlockedAt: lockedAt === null ? null : (unlocks.at(-1)?.finishedAt ?? null),
    liveAt: forward?.finishedAt ?? null,
    stages: course.flatMap(({ action, direction, startedAt, finishedAt }) =>
      startedAt === null || finishedAt === null ? [] : [{ action, direction, ms: finishedAt - startedAt }],
    ),
    ...slowestOf(deployment),
  };
}

function slowestOf({ cluster, course }: Deployment): Pick<EndedRecord, 'slowest' | 'usualMs'> {
  const stages = course.filter(({ action, direction }) => direction === 'forward' && COUNTED.includes(action));
  const times = cluster.servers.map((server, i) => ({ server: server.name, ms: stages.reduce((sum, stage) => sum + took(stage, i), 0) }));
  return {
    slowest: [...times].sort((a, b) => b.ms - a.ms).slice(0, MOST_SLOW),
    usualMs: median(times.map(({ ms }) => ms)),
  };
}

function took({ starts, ends }: StageProgress, server: number): number {
  const [start, end] = [starts[server], ends[server]];
  return start === undefined || end === undefined ? 0 : end - start;
}
