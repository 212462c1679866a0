// The audit: who did what, from where, and what was refused. Append-only; each entry's hash covers the one before it.
import { actorText } from './actor.ts';
import type { Actor } from './actor.ts';
import type { Deployment } from './deployment.ts';
import { eventView } from './event-text.ts';
import type { Purpose } from './deployment.ts';
import type { Recorded } from './event.ts';

/** What somebody did or tried. People and their tokens have the last five. */
export type AuditAction =
  | 'deploy'
  | 'rollback'
  | 'emergency'
  | 'catch-up'
  | 'abort'
  | 'pause'
  | 'resume'
  | 'skip-server'
  | 'skip-head'
  | 'settle'
  | 'approve'
  | 'reject'
  | 'expire'
  | 'lock'
  | 'unlock'
  | 'release-hold'
  | 'refuse'
  | 'start'
  | 'configure'
  | 'sign-in'
  | 'sign-out'
  | 'sign-in-refused'
  | 'token'
  | 'user';

/** What is known of an action before it has its place in the chain. */
export type AuditNote = {
  /** As people read it; `lockstep`: the daemon by itself. */
  readonly actor: string;
  readonly kind: Actor['kind'] | 'daemon' | 'unknown';
  /** Where the request came from; `null`: from nowhere that is known. */
  readonly address: string | null;
  readonly action: AuditAction;
  readonly cluster: string | null;
  readonly deployment: number | null;
  /** What changed, in one line. Never a secret. */
  readonly text: string;
};

/** `at`: milliseconds since 1970. */
export type TimedNote = AuditNote & { readonly at: number };

/** `number` rises by one. `hash`: SHA-256, in hex, of the hash before (of the first: 64 zeros), a line feed, and `canonical` of the rest. */
export type AuditEntry = TimedNote & { readonly number: number; readonly hash: string };

/** Entries with numbers between `after` and `before` (both exclusive), not older than `since` (milliseconds since 1970). */
export type AuditQuery = {
  readonly after?: number;
  readonly before?: number;
  readonly since?: number;
  readonly cluster?: string;
  readonly order: 'newest' | 'oldest';
  readonly limit: number;
};

/** The newest entry, to be kept where nobody who could write to the store can: it shows an end that was cut off. */
export type AuditMark = { readonly number: number; readonly hash: string };

/** `problem`: what does not fit, and from which entry on; `null`: every entry is as it was written. */
export type AuditVerdict = { readonly entries: number; readonly newest: AuditMark | null; readonly problem: string | null };

export const FIRST_HASH = '0'.repeat(64);

/** The port for what is no event of the journal: sign-ins, tokens, users, refusals at the door. Resolves when it is durable. */
export type Audit = {
  record(note: AuditNote): Promise<void>;
};

/** Who acts, for a note. `null`: nobody is known. */
export function auditedActor(actor: Actor | null): Pick<AuditNote, 'actor' | 'kind' | 'address'> {
  if (actor === null) return { actor: 'unknown', kind: 'unknown', address: null };
  return { actor: actorText(actor), kind: actor.kind, address: actor.address };
}

/** What an event is in the audit; `null`: nobody's doing. `actor` null: the daemon by itself, or the event says who. */
export function auditNoteOf(recorded: Recorded, deployment: Deployment | null, actor: Actor | null): TimedNote | null {
  const found = actionOf(recorded);
  if (found === null) return null;
  const { cluster, text, deployment: number } = eventView(recorded, deployment);
  const by = found.by === null ? { actor: 'lockstep', kind: 'daemon' as const } : { actor: found.by, kind: 'unknown' as const };
  const who = actor === null ? { ...by, address: null } : auditedActor(actor);
  return { ...who, at: recorded.at, action: found.action, cluster: cluster ?? outcomeCluster(recorded), deployment: number, text };
}

const outcomeCluster = ({ event }: Recorded): string | null =>
  event.type === 'outcome-recorded' && event.outcome.kind === 'refused' ? (event.outcome.cluster ?? null) : null;

const PURPOSES: Readonly<Record<Purpose, AuditAction>> = {
  deploy: 'deploy',
  'roll-back': 'rollback',
  emergency: 'emergency',
  'catch-up': 'catch-up',
};

/** `by` null: the daemon. */
function actionOf({ event }: Recorded): { readonly action: AuditAction; readonly by: string | null } | null {
  switch (event.type) {
    case 'requested':
      return { action: PURPOSES[event.purpose], by: event.purpose === 'catch-up' ? null : event.requestedBy };
    case 'abort-requested':
      return { action: 'abort', by: event.by };
    case 'approved':
      return { action: 'approve', by: event.by };
    case 'rejected':
      return { action: 'reject', by: event.by };
    case 'approval-expired':
      return { action: 'expire', by: null };
    case 'paused':
      return { action: 'pause', by: event.by };
    case 'resumed':
      return { action: 'resume', by: event.by };
    case 'skipped':
      return { action: 'skip-server', by: event.by };
    case 'settled':
      return { action: 'settle', by: event.by };
    case 'cluster-locked':
      return { action: 'lock', by: event.by };
    case 'cluster-unlocked':
      return { action: 'unlock', by: event.by };
    case 'hold-released':
      return { action: 'release-hold', by: event.by };
    case 'head-skipped':
      return { action: 'skip-head', by: null };
    case 'outcome-recorded':
      return event.outcome.kind === 'refused' ? { action: 'refuse', by: null } : null;
    case 'daemon-started':
      return { action: 'start', by: null };
    case 'configuration-loaded':
      return { action: 'configure', by: null };
    default:
      return null;
  }
}
