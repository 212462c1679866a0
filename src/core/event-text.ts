// One readable line per event, for the log, the event stream and the commands.
import { carrierText } from './carrier.ts';
import type { Deployment } from './deployment.ts';
import type { Facts, Recorded } from './event.ts';
import type { Outcome } from './repository.ts';
import type { StepName } from './step.ts';
import type { EventView } from './views.ts';

/** `deployment`: the state of the deployment that the event belongs to, after the event; `null` for others. */
export function eventView(recorded: Recorded, deployment: Deployment | null): EventView {
  const { event } = recorded;
  const stage = 'stage' in event ? deployment?.course[event.stage] : undefined;
  const server = 'stage' in event && event.server !== null ? (deployment?.cluster.servers[event.server]?.name ?? null) : null;
  const step: StepName | null = stage?.step ?? null;
  const skipped = event.type === 'skipped' ? (deployment?.cluster.servers[event.server]?.name ?? 'a server') : '';
  const what = stage === undefined ? 'a step' : stage.direction === 'back' ? `${stage.action} (going back)` : stage.action;
  const where = server === null ? '' : ` on ${server}`;
  return {
    id: recorded.number,
    at: new Date(recorded.at).toISOString(),
    deployment: recorded.deployment,
    cluster: deployment?.cluster.name ?? ('cluster' in event && typeof event.cluster === 'string' ? event.cluster : null),
    type: event.type,
    text: textOf(recorded, what, where, skipped),
    step,
    server: server ?? (event.type === 'drift-found' || event.type === 'drift-ended' ? event.server : null),
  };
}

function textOf(recorded: Recorded, what: string, where: string, skipped: string): string {
  const { event } = recorded;
  switch (event.type) {
    case 'requested':
      return event.target === undefined
        ? `requested by ${event.requestedBy} (${event.reason}): ${event.branch} at ${event.revision} → ${event.cluster.name}`
        : event.purpose === 'catch-up'
          ? `${event.reason} with ${event.cluster.name}: ${event.target.id}`
          : `roll back of ${event.cluster.name} to ${event.target.id} requested by ${event.requestedBy}`;
    case 'superseded':
      return `superseded by ${event.by}`;
    case 'began':
      return 'began';
    case 'started':
      return `${what} started${where}`;
    case 'finished':
      return `${what} finished${where}${factsText(event.facts)}`;
    case 'failed':
      return `${what} failed${where}: ${event.problem.message}`;
    case 'abort-requested':
      return `abort requested by ${event.by}`;
    case 'approved':
      return `approved by ${event.by}`;
    case 'rejected':
      return `rejected by ${event.by}${event.reason === '' ? '' : `: ${event.reason}`}`;
    case 'approval-expired':
      return 'not approved in time';
    case 'paused':
      return `paused by ${event.by}`;
    case 'resumed':
      return `resumed by ${event.by}`;
    case 'skipped':
      return `${skipped} skipped by ${event.by}`;
    case 'settled':
      return `migration settled by ${event.by} as ${event.done ? 'done' : 'not done'}`;
    case 'daemon-started':
      return `daemon ${event.version} started with epoch ${event.epoch}`;
    case 'configuration-loaded':
      return event.problem === null ? 'configuration loaded' : `configuration not loaded: ${event.problem}`;
    case 'change-received':
      return event.change.replayedBy === undefined
        ? `${event.change.source}: change of ${event.change.repository} received`
        : `${event.change.source}: change of ${event.change.repository} is looked into again, asked by ${event.change.replayedBy}`;
    case 'outcome-recorded':
      return `${event.repository} ${event.ref}: ${outcomeText(event.outcome)}`;
    case 'cluster-locked':
      return `${event.cluster} locked by ${event.by}: ${event.reason}`;
    case 'head-skipped':
      return `${event.cluster}: ${event.reason}`;
    case 'hold-released':
      return `hold of ${event.cluster} released by ${event.by}`;
    case 'cluster-unlocked':
      return `${event.cluster} unlocked by ${event.by}`;
    case 'drift-found':
      return `drift on ${event.server} of ${event.cluster}: ${event.finding}`;
    case 'drift-ended':
      return `no drift any more on ${event.server} of ${event.cluster}`;
    default:
      return event satisfies never;
  }
}

function factsText(facts: Facts): string {
  const parts: string[] = [];
  if (facts.carrier === 'present') parts.push('was there already');
  else if (facts.carrier !== undefined) parts.push(`${carrierText(facts.carrier)}, ${facts.bytes ?? 0} bytes`);
  if (facts.release !== undefined) parts.push(`release ${facts.release}`);
  if (facts.warning !== undefined) parts.push(`warning: ${facts.warning}`);
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

/** `→ production: deployment 42`, or why nothing. */
export function outcomeText(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'deployment':
      return `→ ${outcome.cluster}: deployment ${outcome.number}`;
    case 'already-live':
      return `→ ${outcome.cluster}: already live as ${outcome.release}`;
    case 'already-requested':
      return `→ ${outcome.cluster}: deployment ${outcome.number} brings it already`;
    case 'skipped':
      return `→ ${outcome.cluster}: skipped, ${outcome.reason}`;
    case 'held':
      return `→ ${outcome.cluster}: held, ${outcome.reason}`;
    case 'ignored':
      return `ignored, ${outcome.reason}`;
    case 'refused':
      return `refused, ${outcome.reason}`;
    case 'failed':
      return `failed, ${outcome.reason}`;
    default:
      return outcome satisfies never;
  }
}
