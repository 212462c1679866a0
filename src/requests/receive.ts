// receive: an authenticated change is made durable first, then looked into; the answer says what will happen, if that is quick.
import type { Decision } from '../core/decide.ts';
import { DeployError } from '../core/errors.ts';
import type { Engine, Store } from '../core/ports.ts';
import type { DeliveryRecord } from '../core/records.ts';
import type { Change, Repository } from '../core/repository.ts';
import type { HookAnswer } from '../core/views.ts';
import { answerOf } from './delivery-view.ts';
import type { RefOutcome } from './look.ts';
import type { Lookout } from './lookout.ts';

export type Receiver = {
  readonly engine: Engine;
  readonly store: Store;
  readonly lookout: Lookout;
  readonly repository: (name: string) => Repository | undefined;
  readonly now: () => number;
};

/** A person waits at the other end of our own hook, a queue at that of a forge. What is not decided by then, `lockstep deliveries` tells. */
const HOOK_WITHIN_MS = 600;
const FORGE_WITHIN_MS = 400;
const REPLAY_WITHIN_MS = 10_000;

/** Resolves when the change is durable. The same delivery again gets the recorded answer. Rejects with `store` and `not-found`. */
export async function receive(receiver: Receiver, change: Change): Promise<HookAnswer> {
  const { store, lookout, now } = receiver;
  const configured = configuredOf(receiver, change.repository);
  const known = await store.delivery(change.repository, change.delivery);
  if (known !== null) {
    // One that was made durable but never looked into, because the journal could not be written then, is looked into now.
    if (!known.closed) lookout.report(configured, known.change, known.receivedAt).catch(() => undefined);
    return { ...answerOf(known.change, known.closed ? known.outcomes : null), repeated: true };
  }
  const withinMs = change.source === 'hook' ? HOOK_WITHIN_MS : FORGE_WITHIN_MS;
  return record(receiver, configured, change, now(), withinMs);
}

/** The delivery again, whatever came of it. Its new outcomes take the place of the old ones; the journal has both. */
export async function replay(receiver: Receiver, name: string, id: string, by: string): Promise<HookAnswer> {
  const configured = configuredOf(receiver, name);
  const known = await receiver.store.delivery(name, id);
  if (known === null) {
    throw new DeployError(
      'not-found',
      `there is no delivery ${JSON.stringify(id)} of ${name}; see: lockstep deliveries --repository ${name}`,
    );
  }
  return record(receiver, configured, { ...known.change, replayedBy: by }, known.receivedAt, REPLAY_WITHIN_MS);
}

function configuredOf({ repository }: Receiver, name: string): Repository {
  const configured = repository(name);
  if (configured === undefined) throw new DeployError('not-found', `no repository ${name} is configured`);
  return configured;
}

async function record(
  { engine, lookout }: Receiver,
  configured: Repository,
  change: Change,
  receivedAt: number,
  withinMs: number,
): Promise<HookAnswer> {
  const { ignored } = change;
  if (ignored !== undefined) return answerOf(change, await engine.request(() => recordIgnored(change, ignored, receivedAt)));
  const open: DeliveryRecord = { change, receivedAt, outcomes: [], closed: false };
  await engine.request(() => ({
    events: [{ deployment: null, event: { type: 'change-received', change } }],
    rows: { deliveries: [open] },
    result: null,
  }));
  const outcomes = lookout.report(configured, change, receivedAt);
  // Not waiting for it does not lose it: the delivery is open in the store until its outcomes are recorded.
  outcomes.catch(() => undefined);
  return answerOf(change, await Promise.race([outcomes, later(withinMs)]));
}

/** Nobody asks the repository about what was no push. */
function recordIgnored(change: Change, reason: string, receivedAt: number): Decision<readonly RefOutcome[]> {
  const { delivery, repository } = change;
  const outcome: RefOutcome = { ref: '(none)', revision: null, outcome: { kind: 'ignored', reason } };
  return {
    events: [
      { deployment: null, event: { type: 'change-received', change } },
      { deployment: null, event: { type: 'outcome-recorded', delivery, repository, ...outcome } },
    ],
    rows: { deliveries: [{ change, receivedAt, outcomes: [outcome], closed: true }] },
    result: [outcome],
  };
}

function later(ms: number): Promise<null> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(null), ms).unref();
  });
}
