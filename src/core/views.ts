// What the API, the commands and the page show. JSON shapes of the contract; times are ISO 8601 strings.
import type { ClusterState } from './cluster.ts';
import type { Purpose, Result } from './deployment.ts';
import type { Finding } from './drift.ts';
import type { Problem } from './errors.ts';
import type { ReleaseState } from './records.ts';
import type { ServerState } from './server.ts';
import type { StepName } from './step.ts';

export type ServerView = {
  name: string;
  state: ServerState;
  /** Release that the server serves as far as the daemon knows. */
  release: string | null;
  error: string | null;
};

export type ReleaseView = {
  id: string;
  revision: string;
  author: string;
  message: string;
  /** When it became live. */
  live: string;
};

/** One row of `releases CLUSTER`. */
export type PastReleaseView = ReleaseView & {
  /** `live`: served now; `good`: can be gone back to; `bad`: was rolled back from; `failed`, `sealed`: never became the cluster's. */
  state: ReleaseState;
  /** Why it is `failed`, or never became the cluster's. */
  reason: string | null;
  branch: string;
  /** Number of the deployment that brought it. */
  deployment: number;
  /** On how many servers it lies. */
  present: number;
  /** Names of the servers that lack it. */
  missing: readonly string[];
};

/** What a deployment that has not begun waits for, besides its turn. */
export type WaitView =
  | {
      kind: 'time';
      /** When it may begin at the earliest. */
      until: string;
      /** One line: `waits until 2026-11-22 22:00 UTC`. */
      text: string;
    }
  | {
      kind: 'approval';
      /** When it is given up. */
      until: string;
      /** One line: `waits for approval (0 of 1)`. */
      text: string;
      needed: number;
      approvedBy: readonly string[];
      /** Who may approve, as the configuration says it. */
      by: readonly string[];
    };

export type ClusterView = {
  cluster: string;
  environment: string;
  state: ClusterState;
  release: ReleaseView | null;
  /** Reason of the hold, or null. */
  held: string | null;
  /** Who locked it and why, or null. */
  locked: string | null;
  /** Number of the running deployment, else of the last one. */
  deployment: number | null;
  /** Number of the deployment that waits its turn. */
  waiting: number | null;
  /** What that one waits for besides its turn, or null. */
  waitsFor: WaitView | null;
  /** The head of its branch is not deployed because who committed or pushed it said so: which, and why; or null. */
  skipped: string | null;
  branches: { repository: string; branch: string }[];
  /** Head of the branch as the daemon last saw it, and how many commits it is ahead of what is live; `null`: not counted yet, or unknown. */
  head?: { revision: string; ahead: number | null } | null;
  /** Servers that were seen to differ from what they were given. */
  drifted: { server: string; finding: string; at: string }[];
  servers: ServerView[];
  /** Servers that left the configuration: they keep what they serve, and nothing is done there. */
  removed: string[];
};

export type StepView = {
  step: StepName;
  state: 'waiting' | 'running' | 'done' | 'failed' | 'skipped';
  direction: 'forward' | 'back';
  startedAt: string | null;
  finishedAt: string | null;
  done: number;
  total: number;
};

export type DeploymentServerView = ServerView & { bytes: number; carrier: string | null; warning: string | null };

/** A request that would be accepted in this state. `skip`: of at least one server. */
export type DeploymentAction = 'abort' | 'pause' | 'resume' | 'skip' | 'settle';

export type DeploymentView = {
  number: number;
  cluster: string;
  repository: string;
  purpose: Purpose;
  branch: string;
  revision: string;
  author: string | null;
  message: string | null;
  release: string | null;
  previous: string | null;
  artifact: string | null;
  state: ClusterState | 'waiting' | 'ended';
  result: Result | null;
  /** Why it was requested; for an ended one that is not `done`: what went wrong. */
  reason: string;
  problem: Problem | null;
  requestedBy: string;
  requestedAt: string;
  /** Set as long as it has not begun and waits for more than its turn. */
  waitsFor: WaitView | null;
  endedAt: string | null;
  supersededBy: number | null;
  /** What can be asked of it now; missing: nothing. */
  actions?: readonly DeploymentAction[];
  steps: StepView[];
  servers: DeploymentServerView[];
};

/** `GET /api/v1/clusters`: everything an overview shows. */
export type OverviewView = {
  version: string;
  clusters: ClusterView[];
  /** What is wrong with the configuration file now; the older configuration is in force. */
  configurationProblem: string | null;
  /** Set when the store cannot write: nothing new is accepted. */
  storeProblem: string | null;
};

/** One message of `GET /api/v1/events`: `id` is the journal number. */
export type EventView = {
  id: number;
  at: string;
  deployment: number | null;
  cluster: string | null;
  type: string;
  /** One readable line without the time, for example `upload finished on web3 (delta, 12 kB)`. */
  text: string;
  step: StepName | null;
  server: string | null;
};

/** Answer of `POST /hooks/:repository`. */
export type HookAnswer = {
  delivery: string;
  decisions: { ref: string; action: string; reason: string; deployment: number | null; cluster: string | null }[];
  /** One line per ref for the person who pushed. */
  lines: string[];
  /** The delivery had been received before: this is what was answered then. */
  repeated?: boolean;
};

/** A delivery of a hook or webhook, and what came of it. */
export type DeliveryView = {
  id: string;
  repository: string;
  /** `hook`: our own; else the forge. */
  source: string;
  actor: string | null;
  receivedAt: string;
  /** Who asked that it be looked into once more. */
  replayedBy: string | null;
  /** `open`: it is being looked into. */
  state: 'open' | 'decided';
  /** Why something happened or not, in one sentence. */
  summary: string;
  decisions: { ref: string; action: string; reason: string; deployment: number | null; cluster: string | null; revision: string | null }[];
  /** Who asked for the list may replay it; left out where nobody in particular asks. */
  replayable?: boolean;
};

/** `POST /api/v1/clusters/:name/drift`: every server compared with what the daemon put there. */
export type DriftView = {
  cluster: string;
  /** What the cluster serves by the record. */
  release: string | null;
  /** Why nothing was compared, or null. */
  skipped: string | null;
  /** Drift was found, or a server could not be looked at. */
  drift: boolean;
  servers: DriftServerView[];
};

export type DriftServerView = {
  name: string;
  findings: Finding[];
  /** What the server said of itself; null: it could not be reached. */
  facts: { current: string | null; freeBytes: number; freeInodes: number; skewMs: number; rsync: string | null; agent: string } | null;
};

/** `plan CLUSTER`: what a deployment would do now. */
export type PlanView = {
  cluster: string;
  repository: string;
  branch: string;
  revision: string;
  author: string;
  message: string;
  /** What the cluster serves now. */
  live: ReleaseView | null;
  /** Whether the revision's artifact is sealed already, so that no build is needed. */
  built: boolean;
  steps: { step: StepName; what: string }[];
  servers: string[];
  /** What would happen to a request now: `deploy`, or why nothing: `already live`, `locked by …`. */
  verdict: string;
};

/** A notice that was not delivered: it waits, or was given up. */
export type UndeliveredView = {
  id: number;
  target: string;
  state: string;
  /** One line. */
  summary: string;
  createdAt: string;
  attempts: number;
  /** When it is tried again; null: not before somebody asks for it. */
  nextAt: string | null;
  error: string | null;
};

/** `notices`: who is told, and what did not arrive, newest first. */
export type NoticesView = {
  targets: {
    name: string;
    kind: string;
    waiting: number;
    dead: number;
    /** Since the daemon started. */
    deliveredAt: string | null;
    /** Why the last attempt failed, or null. */
    problem: string | null;
  }[];
  notices: UndeliveredView[];
};
