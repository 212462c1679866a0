// What came of a delivery, as its sender is answered and as `lockstep deliveries` shows it.
import { outcomeText } from '../core/event-text.ts';
import type { DeliveryRecord } from '../core/records.ts';
import type { Change } from '../core/repository.ts';
import type { DeliveryView, HookAnswer } from '../core/views.ts';
import type { RefOutcome } from './look.ts';

/** `outcomes` null: they are not known yet. */
export function answerOf(change: Change, outcomes: readonly RefOutcome[] | null): HookAnswer {
  const { delivery, repository } = change;
  if (outcomes === null) {
    return {
      delivery,
      decisions: change.refs.map(({ ref }) => ({ ref, action: 'pending', reason: PENDING, deployment: null, cluster: null })),
      lines: [`Lockstep: the change of ${repository} is recorded and being looked into; see: lockstep status`],
    };
  }
  return {
    delivery,
    decisions: outcomes.map(({ ref, outcome }) => ({
      ref,
      action: outcome.kind,
      reason: outcomeText(outcome),
      deployment: 'number' in outcome ? outcome.number : null,
      cluster: 'cluster' in outcome ? outcome.cluster : null,
    })),
    lines: outcomes.map((outcome) => `Lockstep: ${sentence(outcome)}`),
  };
}

export function deliveryView({ change, receivedAt, outcomes, closed }: DeliveryRecord): DeliveryView {
  const { delivery, repository, source, actor, replayedBy } = change;
  const { decisions } = answerOf(change, closed ? outcomes : null);
  return {
    id: delivery,
    repository,
    source,
    actor,
    receivedAt: new Date(receivedAt).toISOString(),
    replayedBy: replayedBy ?? null,
    state: closed ? 'decided' : 'open',
    summary: closed ? summary(outcomes) : `${PENDING}; see again in a moment`,
    decisions: decisions.map((decision, i) => ({ ...decision, revision: (closed ? outcomes[i]?.revision : null) ?? null })),
  };
}

const PENDING = 'recorded and being looked into';
const MOST_SENTENCES = 3;

function summary(outcomes: readonly RefOutcome[]): string {
  const told = outcomes.slice(0, MOST_SENTENCES).map(sentence);
  if (outcomes.length > MOST_SENTENCES) told.push(`and ${outcomes.length - MOST_SENTENCES} more`);
  return told.length === 0 ? 'nothing moved' : told.join('; ');
}

/** `servers/demo → demo: deployment 42`, `refs/tags/v1: ignored, …`. */
function sentence({ ref, outcome }: RefOutcome): string {
  const text = outcomeText(outcome);
  return `${ref}${text.startsWith('→') ? ' ' : ': '}${text}`;
}
