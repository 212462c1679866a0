// Loading: the state as the journal has it. Clusters come from their projection, unfinished deployments from their events.
import { evolve, requested } from '../core/evolve.ts';
import type { Store } from '../core/ports.ts';
import { clusterOf } from '../core/state.ts';
import type { State } from '../core/state.ts';

const PAGE = 10_000;

/** Reads what is needed to go on, whatever the moment at which the daemon died. Cost: the events of unfinished deployments only. */
export async function loadState(store: Store): Promise<State> {
  const state: State = { clusters: new Map(), deployments: new Map(), lastDeployment: await store.lastDeployment() };
  for (const record of await store.clusters()) state.clusters.set(record.name, { record, running: null, waiting: null });
  for (const { number, cluster } of await store.unfinished()) {
    await loadDeployment(store, state, number);
    const status = clusterOf(state, cluster);
    if (state.deployments.get(number)?.state === 'waiting') status.waiting = number;
    else status.running = number;
  }
  return state;
}

async function loadDeployment(store: Store, state: State, number: number): Promise<void> {
  for (let after = 0; ; ) {
    const page = await store.events({ after, limit: PAGE, deployment: number });
    for (const recorded of page) {
      if (recorded.deployment === null) continue;
      const deployment = state.deployments.get(number);
      if (recorded.event.type === 'requested') state.deployments.set(number, requested(number, recorded.at, recorded.event));
      else if (deployment !== undefined) evolve(deployment, recorded.event, recorded.at);
      after = recorded.number;
    }
    if (page.length < PAGE) return;
  }
}
