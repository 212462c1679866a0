// Loading: the state as the journal has it. Clusters come from their projection, unfinished deployments from their events.
import type { Deployment } from '../core/deployment.ts';
import { evolve } from '../core/evolve.ts';
import type { Store } from '../core/ports.ts';
import { requested } from '../core/requested.ts';
import { clusterOf } from '../core/state.ts';
import type { State } from '../core/state.ts';

const PAGE = 10_000;

/** Reads what is needed to go on, whatever the moment at which the daemon died. Cost: the events of unfinished deployments only. */
export async function loadState(store: Store): Promise<State> {
  const state: State = { clusters: new Map(), deployments: new Map(), lastDeployment: await store.lastDeployment() };
  for (const record of await store.clusters()) state.clusters.set(record.name, { record, running: null, waiting: null });
  for (const { number, cluster } of await store.unfinished()) {
    const deployment = await replay(store, number);
    if (deployment === null) continue;
    state.deployments.set(number, deployment);
    const status = clusterOf(state, cluster);
    if (deployment.state === 'waiting') status.waiting = number;
    else status.running = number;
  }
  return state;
}

/** A deployment as its events have it; `null`: there are none. */
export async function replay(store: Store, number: number): Promise<Deployment | null> {
  let deployment: Deployment | null = null;
  for (let after = 0; ;) {
    const page = await store.events({ after, limit: PAGE, deployment: number });
    for (const recorded of page) {
      after = recorded.number;
      if (recorded.deployment === null) continue;
      if (recorded.event.type === 'requested') deployment = requested(number, recorded.at, recorded.event);
      else if (deployment !== null) evolve(deployment, recorded.event, recorded.at);
    }
    if (page.length < PAGE) return deployment;
  }
}
