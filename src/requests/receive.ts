// receive: an authenticated change is made durable first, then looked into; the answer says what will happen, if that is quick.
import { DeployError } from '../core/errors.ts';
import { outcomeText } from '../core/event-text.ts';
import type { Engine, Store } from '../core/ports.ts';
import type { Change, Repository } from '../core/repository.ts';
import type { HookAnswer } from '../core/views.ts';
import type { RefOutcome } from './look.ts';
import type { Lookout } from './lookout.ts';

export type Receiver = {
  readonly engine: Engine;
  readonly store: Store;
  readonly lookout: Lookout;
  readonly repository: (name: string) => Repository | undefined;
  readonly now: () => number;
};

/** A person waits at the other end of the hook: what is not decided by then, `lockstep status` tells. */
const ANSWER_WITHIN_MS = 400;

/** Resolves when the change is durable. The same delivery again gets the recorded answer. Rejects with `store` and `not-found`. */
export async function receive({ engine, store, lookout, repository, now }: Receiver, change: Change): Promise<HookAnswer> {
  const configured = repository(change.repository);
  if (configured === undefined) throw new DeployError('not-found', `no repository ${change.repository} is configured`);
  const known = await store.delivery(change.repository, change.delivery);
  if (known !== null) {
    // One that was made durable but never looked into, because the journal could not be written then, is looked into now.
    if (!known.closed) lookout.report(configured, known.change, known.receivedAt).catch(() => undefined);
    return { ...answer(change, known.closed ? known.outcomes : null), repeated: true };
  }

  const receivedAt = now();
  const record = { change, receivedAt, outcomes: [], closed: false };
  await engine.request(() => ({
    events: [{ deployment: null, event: { type: 'change-received', change } }],
    rows: { deliveries: [record] },
    result: null,
  }));
  const outcomes = lookout.report(configured, change, receivedAt);
  // Not waiting for it does not lose it: the delivery is open in the store until its outcomes are recorded.
  outcomes.catch(() => undefined);
  return answer(change, await Promise.race([outcomes, later(ANSWER_WITHIN_MS)]));
}

function later(ms: number): Promise<null> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(null), ms).unref();
  });
}

function answer(change: Change, outcomes: readonly RefOutcome[] | null): HookAnswer {
  const { delivery, repository } = change;
  if (outcomes === null) {
    return {
      delivery,
      decisions: [],
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
    lines: outcomes.map(
      ({ ref, outcome }) => `Lockstep: ${ref}${outcomeText(outcome).startsWith('→') ? ' ' : ': '}${outcomeText(outcome)}`,
    ),
  };
}
