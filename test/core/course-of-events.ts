// Drives a deployment through the pure core with answers in any order, and keeps its journal.
import { apply } from '../../src/core/apply.ts';
import { decideBegin } from '../../src/core/decide-queue.ts';
import { decideDeploy } from '../../src/core/decide.ts';
import type { Fresh } from '../../src/core/decide.ts';
import type { Cluster } from '../../src/core/cluster.ts';
import type { Deployment } from '../../src/core/deployment.ts';
import type { Recorded } from '../../src/core/event.ts';
import { next } from '../../src/core/next.ts';
import type { Effect } from '../../src/core/next.ts';
import type { State } from '../../src/core/state.ts';
import { isAbortable, isSkippable } from '../../src/core/steerable.ts';
import { sampleRequest } from '../lab/samples.ts';

export type Chance = {
  /** A number from 0 up to, not including, `below`. */
  pick(below: number): number;
  /** Should this effect fail? `null`: no. */
  failure(effect: Effect): 'unreachable' | 'command' | 'ambiguous' | null;
  /** Should an operator abort now? */
  abort(): boolean;
  /** Should an operator leave a server out now? */
  skip?(): boolean;
};

export type Run = { readonly deployment: Deployment; readonly journal: readonly Recorded[] };

export function newState(): State {
  return { clusters: new Map(), deployments: new Map(), lastDeployment: 0 };
}

/** `watch` is called after every event, with the state that it led to. */
export function deploy(cluster: Cluster, chance: Chance, watch: (recorded: Recorded, deployment: Deployment) => void): Run {
  const state = newState();
  const journal: Recorded[] = [];
  let deployment: Deployment | null = null;
  const record = (fresh: Fresh): void => {
    const recorded = { number: journal.length + 1, at: 1_000 + journal.length, ...fresh } as Recorded;
    deployment = apply(state, recorded) ?? deployment;
    journal.push(recorded);
    if (deployment !== null) watch(recorded, deployment);
  };
  decideDeploy(state, sampleRequest(cluster, 'a'.repeat(40))).events.forEach(record);
  decideBegin(state, 0).forEach(record);
  const one = deployment as Deployment | null;
  if (one === null) throw new Error('no deployment');

  const inFlight: Effect[] = [];
  for (let steps = 0; one.state !== 'ended' && one.state !== 'needs-operator'; steps++) {
    for (const effect of next(one)) {
      record({ deployment: one.number, event: { type: 'started', stage: effect.stage, server: effect.server } });
      inFlight.push(effect);
    }
    const at = chance.pick(inFlight.length);
    const effect = inFlight[at];
    if (effect === undefined) throw new Error(`stuck: nothing in flight in state ${one.state} at stage ${one.at}`);
    inFlight[at] = inFlight[inFlight.length - 1] as Effect;
    inFlight.pop();
    record(answer(effect, chance.failure(effect)));
    const skipped = chance.skip?.() === true ? chance.pick(one.members.length) : -1;
    if (isSkippable(one, skipped)) record({ deployment: one.number, event: { type: 'skipped', server: skipped, by: 'yuri' } });
    if (chance.abort() && isAbortable(one)) record({ deployment: one.number, event: { type: 'abort-requested', by: 'yuri' } });
  }
  return { deployment: one, journal };
}

export function answer(effect: Effect, failure: 'unreachable' | 'command' | 'ambiguous' | null): Fresh {
  const { deployment, stage, server } = effect;
  if (failure !== null) {
    const problem = { code: failure, message: `${effect.action} failed`, detail: null };
    return { deployment, event: { type: 'failed', stage, server, problem } };
  }
  const facts =
    effect.action === 'build'
      ? { artifact: 'b'.repeat(64), release: 'new' }
      : effect.action === 'schedule'
        ? { current: 'old' }
        : effect.action === 'switch'
          ? { current: 'old' }
          : {};
  return { deployment, event: { type: 'finished', stage, server, facts } };
}
