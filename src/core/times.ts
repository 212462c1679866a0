// When each server began and finished each stage of a deployment: what the board, its estimates and a server's history are made of.
import type { Deployment, StageProgress } from './deployment.ts';
import type { Action, Direction, Stage, StepName } from './step.ts';

/** One stage of the course. All times are whole milliseconds. */
export type StageTimes = {
  readonly action: Action;
  readonly step: StepName;
  readonly direction: Direction;
  readonly scope: Stage['scope'];
  readonly state: StageProgress['state'];
  /** After the deployment was requested; -1: it has not begun, or not ended. */
  readonly startedMs: number;
  readonly finishedMs: number;
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  /**
   * By server, in the order of `servers` (one number for the scope `cluster`): when it began, after the stage's start; -1: it has not.
   * A list may be shorter than `servers`: what is missing at its end is -1.
   */
  readonly began: readonly number[];
  /** By server: how long it took; -1: it has not finished. A server's arrival at the barrier is the sum of both. */
  readonly took: readonly number[];
  /** Indices of servers that failed here. */
  readonly failures: readonly number[];
};

export type DeploymentTimes = {
  readonly deployment: number;
  readonly cluster: string;
  /** Milliseconds since 1970. */
  readonly requestedAt: number;
  /** Names of the servers; elsewhere they are indices into this list. */
  readonly servers: readonly string[];
  readonly stages: readonly StageTimes[];
};

export function timesOf(deployment: Deployment): DeploymentTimes {
  return {
    deployment: deployment.number,
    cluster: deployment.cluster.name,
    requestedAt: deployment.requestedAt,
    servers: deployment.cluster.servers.map((server) => server.name),
    stages: deployment.course.map((stage) => stageTimes(stage, deployment.requestedAt)),
  };
}

function stageTimes(stage: StageProgress, requestedAt: number): StageTimes {
  const { action, step, direction, scope, state, startedAt, finishedAt, total, done, failed } = stage;
  const since = (at: number | null): number => (at === null ? -1 : at - requestedAt);
  return {
    action,
    step,
    direction,
    scope,
    state,
    startedMs: since(startedAt),
    finishedMs: since(finishedAt),
    total,
    done,
    failed,
    began: Array.from(stage.starts, (at: number | undefined) => (at === undefined ? -1 : at - (startedAt ?? at))),
    took: Array.from(stage.starts, (at: number | undefined, i) => {
      const end = stage.ends[i];
      return at === undefined || end === undefined ? -1 : end - at;
    }),
    failures: [...stage.failures],
  };
}

/** The middle one of some numbers, of an even number of them the mean of the two in the middle; `null`: there are none. */
export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const [low, high] = [sorted[half - 1], sorted[half]];
  if (high === undefined) return null;
  return sorted.length % 2 === 1 || low === undefined ? high : (low + high) / 2;
}
