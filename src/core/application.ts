// The port between the doors (HTTP, and through it the commands and the page) and the daemon: everything that can be asked or requested.
import type { Actor } from './actor.ts';
import type { DriftSettings } from './cluster.ts';
import type { AuditEntry, AuditMark, AuditQuery, AuditVerdict } from './audit.ts';
import type { Forge } from './forge.ts';
import type { Insight } from './insight.ts';
import type { Change } from './repository.ts';
import type { DeliveryQuery, HistoryQuery } from './ports.ts';
import type {
  ClusterView,
  DeliveryView,
  DeploymentView,
  DriftView,
  EventView,
  HookAnswer,
  NoticesView,
  OverviewView,
  PastReleaseView,
  PlanView,
} from './views.ts';

/** A request that changes something was accepted: `message` is one line for the person who asked. */
export type Accepted = { readonly message: string; readonly deployment: number | null };

/**
 * Requests reject with DeployError: `not-found` (no such cluster or deployment), `conflict` (not possible in this state, says why),
 * `refused`, `repository`, `store` (the journal cannot be written: nothing was accepted).
 * `actor` is who asks; whether they may is the door's to decide, before.
 */
export type Application = {
  overview(): Promise<OverviewView>;
  /** `null`: no such cluster. Clusters of a pattern exist once they were deployed or their branch exists. */
  cluster(name: string): Promise<ClusterView | null>;
  /** Newest first. */
  deployments(query: HistoryQuery): Promise<readonly DeploymentView[]>;
  deployment(number: number): Promise<DeploymentView | null>;
  /** What a deployment would do, without doing it. `revision` null: the head of the cluster's branch. */
  plan(cluster: string, revision: string | null, signal: AbortSignal): Promise<PlanView>;
  /** `drift`: what to do about files that were changed on servers, instead of what the configuration says. */
  deploy(
    cluster: string,
    request: { revision: string | null; force: boolean; drift: DriftSettings['onDeploy'] | null; actor: Actor },
    signal: AbortSignal,
  ): Promise<Accepted>;
  /** Releases that were live on the cluster, newest first. */
  releases(cluster: string): Promise<readonly PastReleaseView[]>;
  /**
   * Goes back to a release that was live. `to`: its name or revision, or the beginning of either; `null`: the last good one before the live
   * one. `emergency`: switch everywhere at once, without maintenance page and verification. Rejects with `conflict` and changes nothing when
   * there is nothing to go to.
   */
  rollback(cluster: string, request: { to: string | null; emergency: boolean; actor: Actor }): Promise<Accepted>;
  /** Compares every server with what the daemon put there, contents included. */
  drift(cluster: string, signal: AbortSignal): Promise<DriftView>;
  releaseHold(cluster: string, actor: Actor): Promise<Accepted>;
  abort(deployment: number, actor: Actor): Promise<Accepted>;
  /** Nothing new begins until it is resumed. Possible until users could notice something. */
  pause(deployment: number, actor: Actor): Promise<Accepted>;
  resume(deployment: number, actor: Actor): Promise<Accepted>;
  /** Somebody else lets a deployment begin that waits for it. Rejects with `refused`, also when it is their own. */
  approve(deployment: number, actor: Actor): Promise<Accepted>;
  /** It never begins. `reason` may be empty. */
  reject(deployment: number, actor: Actor, reason: string): Promise<Accepted>;
  /** Leaves a server out of a running deployment; it catches up afterwards. Possible before the lock. */
  skip(deployment: number, server: string, actor: Actor): Promise<Accepted>;
  /** The same again, for a deployment that has ended. `server`: only this one, which was left behind, and now. */
  retry(deployment: number, server: string | null, actor: Actor, signal: AbortSignal): Promise<Accepted>;
  /** An operator settles a migration of which nobody knows whether it ran. Built-in ones are settled in their database first: `unreachable`. */
  settleMigration(deployment: number, done: boolean, actor: Actor): Promise<Accepted>;
  lock(cluster: string, actor: Actor, reason: string): Promise<Accepted>;
  unlock(cluster: string, actor: Actor): Promise<Accepted>;
  readonly insight: Insight;
  /** Takes an authenticated change. Resolves when it is durable and, if that is quick, decided; rejects with `store` when it is not. */
  receive(change: Change): Promise<HookAnswer>;
  /** What was received, newest first, with what came of it. */
  deliveries(query: DeliveryQuery): Promise<readonly DeliveryView[]>;
  /** Looks at the repository again as if the delivery had just come. Rejects with `not-found`, and as `receive`. */
  replay(repository: string, id: string, actor: Actor): Promise<HookAnswer>;
  audit(query: AuditQuery): Promise<readonly AuditEntry[]>;
  /** `expected`: an entry that was seen earlier and kept elsewhere. */
  verifyAudit(expected: AuditMark | null): Promise<AuditVerdict>;
  /** Who is told of deployments, and what did not arrive. */
  notices(): Promise<NoticesView>;
  /** Sends a notice that waits or was given up now. Rejects with `not-found`. */
  retryNotice(id: number): Promise<Accepted>;
  /** Sends a notice of nothing to a target and waits for its answer. Rejects with `not-found`, `configuration`, or `conflict`: it was not taken. */
  testNotice(target: string): Promise<Accepted>;
  /**
   * The deployment's log: build output, events and command outputs as readable lines, from the beginning.
   * With `follow` it goes on until the deployment has ended. Rejects with `not-found`.
   */
  log(deployment: number, options: { follow: boolean; signal: AbortSignal }): AsyncIterable<string>;
  /** Events with numbers above `after`, then new ones as they become durable, until `signal` aborts. */
  events(after: number, signal: AbortSignal): AsyncIterable<readonly EventView[]>;
  /** Number of the newest durable event. */
  lastEvent(): number;
  /** `null`: ready to accept changes; otherwise why not. */
  unreadiness(): string | null;
  /** Who may knock for a repository; `null`: there is none of that name. */
  door(repository: string): { readonly forge: Forge | null; readonly sources: readonly string[] } | null;
  /** Hook secrets in force for a repository (`whsec_…`), newest first; empty: the door is closed. */
  secrets(repository: string): Promise<readonly string[]>;
};
