// A look at a repository: a hook, the poller or the start says that something may have changed; the repository itself says what.
import type { Actor } from '../core/actor.ts';
import type { Cluster } from '../core/cluster.ts';
import type { Configuration } from '../core/configuration.ts';
import { decideDeploy } from '../core/decide.ts';
import type { Decision, Fresh } from '../core/decide.ts';
import { DeployError } from '../core/errors.ts';
import { clusterCollision, clustersFor } from '../core/mapping.ts';
import type { Mapping } from '../core/mapping.ts';
import { NO_RULES, refusalOf } from '../core/permission.ts';
import type { Engine, Store, VersionControl } from '../core/ports.ts';
import type { HeadRecord } from '../core/records.ts';
import type { Change, Commit, Outcome, Repository } from '../core/repository.ts';
import { isStranger } from '../core/same-repository.ts';
import { clusterOf } from '../core/state.ts';
import type { State } from '../core/state.ts';
import { hintedBranches } from './hints.ts';
import { pusherOf, pusherOfHead } from './pusher.ts';
import { LOOK_LIMIT_MS } from './sight.ts';
import type { Sight, SightTools } from './sight.ts';
import { signatureProblem } from './signed.ts';
import { understoodCommands, wishesOf } from './wishes.ts';
import type { Wishes } from './wishes.ts';

export type LookTools = SightTools & { readonly engine: Engine; readonly store: Store };

/** One ref of a change with what came of it. */
export type RefOutcome = { readonly ref: string; readonly revision: string | null; readonly outcome: Outcome };

/** A ref whose outcome can be decided: everything that had to be asked has been asked. */
type Candidate = {
  readonly ref: string;
  readonly revision: string | null;
  /** Decided on the state at the engine's turn; one outcome per cluster. */
  readonly decide: (view: State) => Decision<Outcome>[];
  readonly head: HeadRecord | null;
};

/**
 * Records, in one transaction, one outcome for each branch that has moved and for each ref that `change` names.
 * Never rejects because of the repository: then the outcome is `failed`. Rejects with `store`.
 */
export async function look(
  tools: LookTools,
  repository: Repository,
  sight: Sight,
  change: Change,
  receivedAt: number,
): Promise<readonly RefOutcome[]> {
  const candidates = await candidatesOf(tools, repository, sight, change, receivedAt);
  if (candidates.length === 0) return [];
  const outcomes = await tools.engine.request((state) => decideAll(state, candidates, change, receivedAt));
  for (const { head } of candidates) if (head !== null) tools.heads.set(head);
  return outcomes;
}

function decideAll(state: State, candidates: readonly Candidate[], change: Change, receivedAt: number): Decision<readonly RefOutcome[]> {
  const events: Fresh[] = [];
  const outcomes: RefOutcome[] = [];
  // Numbers are given one after the other, although the engine applies the events only afterwards: each decision counts on in the view.
  const view: State = { ...state };
  for (const { ref, revision, decide } of candidates) {
    for (const decision of decide(view)) {
      events.push(...decision.events);
      outcomes.push({ ref, revision, outcome: decision.result });
    }
  }
  for (const { ref, revision, outcome } of outcomes) {
    const { delivery, repository } = change;
    events.push({ deployment: null, event: { type: 'outcome-recorded', delivery, repository, ref, revision, outcome } });
  }
  const heads = candidates.flatMap(({ head }) => (head === null ? [] : [head]));
  const deliveries = isHook(change) ? [{ change, receivedAt, outcomes, closed: true }] : [];
  const actor = pusherOf(change);
  return { events, rows: { heads, deliveries }, result: outcomes, ...(actor !== null && { actor }) };
}

/** Deliveries are kept for hooks only; what the poller finds is in the journal. */
export const isHook = (change: Change): boolean => change.source !== 'poll' && change.source !== 'start';

async function candidatesOf(
  tools: LookTools,
  repository: Repository,
  sight: Sight,
  change: Change,
  receivedAt: number,
): Promise<Candidate[]> {
  const { heads: known } = tools;
  const configuration = tools.configuration();
  const strangers = strangersIn(repository, change);
  if ('problem' in sight) {
    const hinted = hintedBranches(change, known.of(repository.name));
    return isHook(change) ? [...failedToAsk(change, hinted, sight.problem), ...strangers] : [];
  }

  const { heads } = sight;
  const signal = AbortSignal.timeout(LOOK_LIMIT_MS);
  const versionControl = tools.versionControl(repository);
  const mapped = [...heads].filter(([branch]) => 'rule' in clustersFor(configuration, repository.name, branch));
  const moved = mapped.filter(([branch, revision]) => known.get(repository.name, branch) !== revision).map(([branch]) => branch);
  const gone = known.of(repository.name).filter((branch) => !heads.has(branch));
  const hinted = isHook(change) ? hintedBranches(change, [...mapped.map(([branch]) => branch), ...gone]) : [];
  // Where it matters who pushed, a head that this push does not name is left to its own notice, or to the poll.
  const isOwn = isHook(change) && change.refs.length > 0 && hasRules(configuration);
  const refs = [...new Set([...hinted, ...moved.filter((branch) => !isOwn || hinted.includes(branch)), ...gone])];
  const candidates: Candidate[] = [];
  for (const ref of refs) {
    const context = { configuration, repository, versionControl, change, receivedAt, signal, before: candidates };
    candidates.push(await candidateOf(tools, context, ref, heads.get(ref) ?? null, moved.includes(ref)));
  }
  candidates.push(...strangers);
  return candidates.length === 0 && isHook(change)
    ? [ignored('(none)', null, 'the change touches no branch that feeds a cluster')]
    : candidates;
}

const hasRules = ({ permissions = NO_RULES }: Configuration): boolean => permissions.rules.length > 0;

/** A webhook of another repository that has our address. What it told was only a hint, so looking does no harm; but it will not help either. */
function strangersIn({ name, url }: Repository, { about = [] }: Change): Candidate[] {
  if (!isStranger(url, about)) return [];
  const reason = `the delivery is about ${about[0] ?? ''}, but ${name} is ${url}; is the webhook of another repository sent to this address?`;
  return [ignored('(repository)', null, reason)];
}

type Context = {
  readonly configuration: Configuration;
  readonly repository: Repository;
  readonly versionControl: VersionControl;
  readonly change: Change;
  readonly receivedAt: number;
  readonly signal: AbortSignal;
  /** What this look has found so far: two new branches may want the same cluster. */
  readonly before: readonly Candidate[];
};

async function candidateOf(tools: LookTools, context: Context, ref: string, revision: string | null, isNew: boolean): Promise<Candidate> {
  const { configuration, repository } = context;
  if (ref.startsWith('refs/') && revision === null) return ignored(ref, null, `only branches deploy, and this is ${kindOf(ref)}`);
  const mapping = clustersFor(configuration, repository.name, ref);
  if ('reason' in mapping) return ignored(ref, revision, mapping.reason);
  if (revision === null) {
    const wasKnown = typeof tools.heads.get(repository.name, ref) === 'string';
    const head = wasKnown ? { repository: repository.name, branch: ref, revision: null } : null;
    return { ...ignored(ref, null, 'the branch does not exist (any more); its servers keep what they serve'), head };
  }
  const head = isNew ? { repository: repository.name, branch: ref, revision } : null;
  const met = context.before.map((one) => ({ repository: repository.name, branch: one.ref }));
  const collision = clusterCollision(configuration, [...tools.heads.branches(), ...met], { repository: repository.name, branch: ref });
  if (collision !== null) return { ...refused(ref, revision, collision), head };
  const found = await commitOf(tools, context, mapping, ref, revision);
  if ('problem' in found) return { ...failed(ref, revision, found.problem), head: null };
  const wishes = wishesOf(mapping.rule, ref, found.commit, context.change, context.receivedAt);
  const pusher = pusherOfHead(repository, context.change, ref, revision, found.commit);
  if (wishes.problem !== null) return { ...refused(ref, revision, wishes.problem), head };
  const exceptions = await Promise.all(
    mapping.clusters.map(async (cluster) => {
      const skipped = skippedBecause(tools, cluster, ref, revision, wishes.skip);
      if (skipped !== null) return skipped;
      const refusal = await refusalOfHead(context, cluster, ref, revision, pusher);
      if (refusal !== null) return refusal;
      return isNew ? forcePushRefusal(tools, context, cluster, ref, revision) : failedBefore(tools, cluster, revision);
    }),
  );
  return deployment(context, mapping, ref, revision, head, exceptions, isNew ? wishes : { ...wishes, fromScratch: false });
}

/** The commit, where somebody may have written a command into its message; what every cluster serves already has been decided. */
async function commitOf(
  tools: LookTools,
  context: Context,
  { clusters, rule }: Mapping,
  ref: string,
  revision: string,
): Promise<{ readonly commit: Commit | null } | { readonly problem: string }> {
  const isLive = clusters.every((cluster) => clusterOf(tools.engine.state, cluster.name).record.releases[0]?.revision === revision);
  const isAuthorNeeded = context.repository.type === 'svn' && hasRules(context.configuration);
  if (isLive || (understoodCommands(rule).length === 0 && !isAuthorNeeded)) return { commit: null };
  try {
    return { commit: await context.versionControl.commit(ref, revision, context.signal) };
  } catch (error) {
    if (!(error instanceof DeployError)) throw error;
    return { problem: error.message };
  }
}

/** May who pushed this head deploy it here, and is it signed? What is live already is not asked about. */
async function refusalOfHead(
  { configuration, versionControl, signal }: Context,
  cluster: Cluster,
  ref: string,
  revision: string,
  pusher: Actor | null,
): Promise<Outcome | null> {
  const how = `to deploy it all the same: lockstep deploy ${cluster.name}`;
  const reason = refusalOf(configuration.permissions ?? NO_RULES, pusher, 'deploy', cluster.name);
  if (reason !== null) return { kind: 'refused', cluster: cluster.name, reason: `${reason}; ${how}` };
  try {
    const problem = await signatureProblem(versionControl, cluster, ref, revision, signal);
    return problem === null ? null : { kind: 'refused', cluster: cluster.name, reason: problem };
  } catch (error) {
    if (!(error instanceof DeployError)) throw error;
    return { kind: 'failed', reason: error.message };
  }
}

/** What was skipped once stays so when it is told of again; who wants it all the same says so. */
function skippedBecause({ engine }: LookTools, cluster: Cluster, ref: string, revision: string, skip: string | null): Outcome | null {
  const { skipped } = clusterOf(engine.state, cluster.name).record;
  if (skip === null) return skipped?.revision === revision ? { kind: 'skipped', cluster: cluster.name, reason: skipped.reason } : null;
  const how = `to deploy it all the same: lockstep deploy ${cluster.name}`;
  return { kind: 'skipped', cluster: cluster.name, reason: `${short(revision)} of ${ref} is not deployed: ${skip}; ${how}` };
}

/** `refs/tags/v1`: what it is, for people. */
const kindOf = (ref: string): string => (ref.startsWith('refs/tags/') ? 'a tag' : 'no branch');

/** `exceptions`: for each cluster an outcome that stands against a deployment, or `null`. */
function deployment(
  { repository, change }: Context,
  { clusters, rule }: Mapping,
  ref: string,
  revision: string,
  head: HeadRecord | null,
  exceptions: readonly (Outcome | null)[],
  { fromScratch, notBefore }: Wishes,
): Candidate {
  const requestedBy = change.actor ?? change.source;
  const build = fromScratch ? { ...rule.build, fromScratch } : rule.build;
  const order = { repository, branch: ref, revision, build, requestedBy, reason: change.source };
  const wish = { ...(notBefore !== null && { notBefore }), ...(fromScratch && { anew: true }) };
  const decide = (view: State): Decision<Outcome>[] =>
    clusters.map((cluster, i) => {
      const exception = exceptions[i];
      if (exception !== undefined && exception !== null) return exceptional(view, exception, ref, revision);
      // A hold is stronger than a message that was written before it.
      const force = fromScratch && clusterOf(view, cluster.name).record.held?.revision !== revision;
      const decision = decideDeploy(view, { ...order, ...wish, cluster, force });
      if (decision.result.kind === 'deployment') view.lastDeployment = decision.result.number;
      return decision;
    });
  // A repository that could not answer now is asked again: the head has not been dealt with.
  const isOpen = exceptions.some((exception) => exception?.kind === 'failed');
  return { ref, revision, decide, head: isOpen ? null : head };
}

/** A head that is skipped is marked in its cluster, once. */
function exceptional(view: State, outcome: Outcome, branch: string, revision: string): Decision<Outcome> {
  if (outcome.kind !== 'skipped' || clusterOf(view, outcome.cluster).record.skipped?.revision === revision) {
    return { events: [], result: outcome };
  }
  const { cluster, reason } = outcome;
  return { events: [{ deployment: null, event: { type: 'head-skipped', cluster, branch, revision, reason } }], result: outcome };
}

/** A head that was dealt with and whose deployment did not succeed is not tried again by another notice of the same head. */
async function failedBefore({ engine, store }: LookTools, cluster: Cluster, revision: string): Promise<Outcome | null> {
  const last = clusterOf(engine.state, cluster.name).record.lastDeployment;
  const view = last === null ? null : (await store.deployment(last))?.view;
  if (view === undefined || view === null || view.revision !== revision || view.result === 'done' || view.result === null) return null;
  const reason = `deployment ${view.number} of this revision ended as ${view.result}; try again with: lockstep deploy ${cluster.name}`;
  return { kind: 'ignored', reason };
}

/** Where the cluster forbids it, a head that does not descend from what is live is refused. */
async function forcePushRefusal(
  tools: LookTools,
  context: Context,
  cluster: Cluster,
  ref: string,
  revision: string,
): Promise<Outcome | null> {
  if (cluster.forcePush) return null;
  const live = clusterOf(tools.engine.state, cluster.name).record.releases[0];
  if (live === undefined || live.repository !== context.repository.name || live.branch !== ref || live.revision === revision) return null;
  try {
    await context.versionControl.commit(ref, revision, context.signal);
    if (await context.versionControl.isAncestor(live.revision, revision, context.signal)) return null;
  } catch (error) {
    if (!(error instanceof DeployError)) throw error;
    return { kind: 'failed', reason: error.message };
  }
  const how = `to deploy it all the same: lockstep deploy ${cluster.name}, or set "forcePush": true for ${cluster.name}`;
  return {
    kind: 'refused',
    reason: `${short(revision)} does not descend from ${short(live.revision)}, which ${cluster.name} serves; ${how}`,
  };
}

const short = (revision: string): string => (revision.length > 12 ? revision.slice(0, 8) : revision);

function ignored(ref: string, revision: string | null, reason: string): Candidate {
  return { ref, revision, head: null, decide: () => [{ events: [], result: { kind: 'ignored', reason } }] };
}

function refused(ref: string, revision: string, reason: string): Candidate {
  return { ref, revision, head: null, decide: () => [{ events: [], result: { kind: 'refused', reason } }] };
}

function failed(ref: string, revision: string, reason: string): Candidate {
  return { ref, revision, head: null, decide: () => [{ events: [], result: { kind: 'failed', reason } }] };
}

function failedToAsk(change: Change, hinted: readonly string[], reason: string): Candidate[] {
  const refs = hinted.length > 0 ? hinted : [change.repository];
  const why = `${reason}; it is asked again by the next poll`;
  return refs.map((ref) => ({ ref, revision: null, head: null, decide: () => [{ events: [], result: { kind: 'failed', reason: why } }] }));
}
