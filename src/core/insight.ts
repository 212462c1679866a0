// The port for what the page looks at beside the state itself: times, servers, queue, commits, settings, statistics. It only reads.
import type { AccessView } from './access.ts';
import type { Actor } from './actor.ts';
import type { EndedRecord } from './ended.ts';
import type { Estimate } from './estimate.ts';
import type { Action, Direction, StepName } from './step.ts';
import type { Statistics, StatisticsQuery } from './statistics.ts';
import type { DeploymentTimes } from './times.ts';
import type { ServerView } from './views.ts';

/** All reject with DeployError `not-found`, or `repository` where a repository must be asked. */
export type Insight = {
  /** `not-found`: no such deployment, or its times were never kept. */
  times(deployment: number): Promise<TimesView>;
  /** Is there such a deployment? */
  knows(deployment: number): Promise<boolean>;
  /** What became of the deployment's servers after the event `after`, then what becomes of them, until it has ended or `signal` aborts. */
  cells(deployment: number, after: number, signal: AbortSignal): AsyncIterable<CellsView>;
  server(cluster: string, server: string): Promise<ServerDetailView>;
  queue(): QueueView;
  /** Between what the cluster serves and the head of its branch. Asks the repository, if the mirror does not have the head yet. */
  commits(cluster: string, signal: AbortSignal): Promise<CommitsView>;
  /** Between what was live when the deployment was requested and its revision. */
  changes(deployment: number, signal: AbortSignal): Promise<ChangesView>;
  configuration(cluster: string): ConfigurationView;
  /** Who may do what to the cluster, and what that means for the actor. */
  access(cluster: string, actor: Actor): AccessView;
  /** The same for a deployment's cluster, and whether the actor can approve the deployment. */
  accessToDeployment(deployment: number, actor: Actor): Promise<AccessView>;
  /** The cluster's last deployment that began and has ended; `null`: none. */
  last(cluster: string): Promise<EndedRecord | null>;
  /** `sees`: of these clusters only; `null`: of all. */
  statistics(query: StatisticsQuery, sees: ((cluster: string) => boolean) | null): Promise<Statistics>;
};

/** `GET /api/v1/deployments/:number/times`. */
export type TimesView = DeploymentTimes & {
  /** Events up to this one are in it: go on with `events?deployment=N&form=cells&after=`. */
  readonly event: number;
  /** How long each stage took in the cluster's last good deployments (the median); stages that had none are not there. */
  readonly estimate: readonly Estimate[];
};

/** One piece of the compact stream: cells, or other events, never both. */
export type CellsView = {
  /** The journal number up to which this goes. */
  readonly id: number;
  /** The course from here on, because it is the first piece or the deployment turned back; `null`: as before. */
  readonly course: readonly { readonly action: Action; readonly step: StepName; readonly direction: Direction }[] | null;
  /** Changes in order: server (-1: once for the cluster), stage (index into the course), state, milliseconds since the request. */
  readonly cells: readonly Cell[];
  /** Other events: `paused`, `resumed`, `skipped`, `abort-requested`, … The deployment itself is to be asked for again. */
  readonly others: readonly string[];
  readonly ended: boolean;
};

/** State: 1 began, 2 finished, 3 failed. */
export type Cell = readonly [server: number, stage: number, state: 1 | 2 | 3, ms: number];

/** `GET /api/v1/servers/:name/:server`. */
export type ServerDetailView = ServerView & {
  cluster: string;
  host: string;
  user: string | null;
  path: string;
  transport: string;
  behind: boolean;
  drift: { finding: string; at: string } | null;
  /** Releases that lie on it, as the daemon knows, newest first. */
  releases: { id: string; revision: string; state: string; current: boolean }[];
  /** When the server last answered, and what it said then; `null`: not since the daemon started. */
  contact: { at: string; freeBytes: number; freeInodes: number } | null;
  /** Its last deployments, newest first. */
  deployments: {
    number: number;
    requestedAt: string;
    steps: { action: Action; direction: Direction; startedMs: number; tookMs: number; failed: boolean }[];
  }[];
};

/** `GET /api/v1/queue`: everything that does not go on by itself, or not yet. */
export type QueueView = {
  waiting: QueueEntry[];
  running: { deployment: number; cluster: string; state: string; since: string; requestedBy: string }[];
};

export type QueueEntry = {
  /** `null`: no deployment yet; the cluster is held, or a server is behind. */
  deployment: number | null;
  cluster: string;
  /** For example `deployment 41 of production`, `ann, who locked production: moving the database`. */
  waitsFor: string;
  kind: 'deployment' | 'lock' | 'pause' | 'operator' | 'hold' | 'server' | 'approval' | 'time';
  since: string | null;
  revision: string | null;
  requestedBy: string | null;
};

export type CommitView = { revision: string; author: string; message: string; at: string };

/** `GET /api/v1/clusters/:name/commits`: newest first, at most 50. */
export type CommitsView = {
  cluster: string;
  repository: string;
  branch: string;
  /** What the cluster serves; `null`: nothing yet. */
  base: string | null;
  /** `null`: the branch does not exist. */
  head: string | null;
  commits: CommitView[];
  /** How many there are in all; `null`: more than could be counted. */
  total: number | null;
  /** The head is no descendant of what is live: the branch was rewritten, or goes back. */
  diverged: boolean;
};

export type FileChangeView = { path: string; change: 'added' | 'changed' | 'deleted' };

/** `GET /api/v1/deployments/:number/changes`: at most 50 commits and 500 files. */
export type ChangesView = {
  deployment: number;
  base: string | null;
  head: string;
  commits: CommitView[];
  totalCommits: number | null;
  files: FileChangeView[];
  totalFiles: number | null;
  diverged: boolean;
};

/** `GET /api/v1/clusters/:name/configuration`: what is in force. Secrets are named by where they are, never by what they are. */
export type ConfigurationView = {
  cluster: string;
  /** SHA-256 (hex) of the configuration file and the pages it names. */
  hash: string;
  loadedAt: string;
  /** What is wrong with the file now, if it is another than the one in force. */
  problem: string | null;
  branch: { repository: string; branch: string; url: string; type: string; build: Record<string, unknown> } | null;
  settings: Record<string, unknown>;
};
