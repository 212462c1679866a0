// One deployment as it is now: its view, asked for at every turn; its servers, moved on by each event in between; its log, as it grows.
import { signal } from '@preact/signals';
import type { Signal } from '@preact/signals';
import type { DeploymentView, EventView } from '../../core/views.ts';
import { stateIn } from '../../core/server-state.ts';
import { get, messageOf } from './api.ts';
import { listen } from './event-stream.ts';
import { parseEvent } from './log-lines.ts';
import { createThrottle } from './throttle.ts';
import { watch } from './watch.ts';
import { SERVER_STATES } from './words.ts';

export type LiveDeployment = {
  readonly view: Signal<DeploymentView | null>;
  readonly problem: Signal<string | null>;
  readonly servers: LiveServers;
  close(): void;
};

/** States by index, as bytes: five thousand servers change here without anything being drawn again but a canvas. */
export type LiveServers = {
  names: readonly string[];
  indexOf: ReadonlyMap<string, number>;
  /** Indexes into SERVER_STATES. */
  states: Uint8Array;
  /** Rises with every change of `states`. */
  readonly version: Signal<number>;
  /** Servers that have finished the step that runs, since the view was asked for. */
  finished: number;
};

/** The states; whoever asks for them while drawing is drawn again when they change. */
export function watchStates(servers: LiveServers): Uint8Array {
  watch(servers.version);
  return servers.states;
}

const CODES = new Map(SERVER_STATES.map((state, i) => [state, i]));
/** While it runs the whole view is asked for so often, even if nothing but servers moves: what was counted here may be wrong. */
const TRUTH_MS = 5_000;

export function openDeployment(number: number): LiveDeployment {
  const view = signal<DeploymentView | null>(null);
  const problem = signal<string | null>(null);
  const servers: LiveServers = { names: [], indexOf: new Map(), states: new Uint8Array(0), version: signal(0), finished: 0 };
  const controller = new AbortController();

  async function refresh(): Promise<void> {
    try {
      adopt(await get<DeploymentView>(`deployments/${number}`, controller.signal));
      problem.value = null;
    } catch (error) {
      if (!controller.signal.aborted) problem.value = messageOf(error);
    }
  }

  function adopt(fresh: DeploymentView): void {
    if (fresh.servers.length !== servers.names.length) {
      servers.names = fresh.servers.map((server) => server.name);
      servers.indexOf = new Map(servers.names.map((name, i) => [name, i]));
      servers.states = new Uint8Array(fresh.servers.length);
    }
    fresh.servers.forEach((server, i) => (servers.states[i] = CODES.get(server.state) ?? 0));
    servers.finished = 0;
    servers.version.value += 1;
    view.value = fresh;
  }

  const small = createThrottle(refresh, 150);
  const large = createThrottle(refresh, 1_000);
  const refreshSoon = (): void => (servers.names.length > 500 ? large() : small());

  function onEvents(events: readonly EventView[]): void {
    let hasMoved = false;
    for (const event of events) {
      if (event.deployment !== number) continue;
      const parsed = event.server === null ? null : parseEvent(event.text, servers.indexOf);
      if (parsed === null || parsed.server < 0 || event.type === 'failed') refreshSoon();
      if (parsed === null || parsed.server < 0) continue;
      const state =
        parsed.verb === 'failed' ? 'failed' : stateIn(parsed.action, parsed.direction, parsed.verb === 'started' ? 'running' : 'done');
      if (state !== null) servers.states[parsed.server] = CODES.get(state) ?? 0;
      if (parsed.verb === 'finished') servers.finished += 1;
      hasMoved = true;
      // The last one at a barrier opens the next step.
      if (remaining(view.peek(), servers.finished) <= 0) refreshSoon();
    }
    if (hasMoved) servers.version.value += 1;
  }

  const unlisten = listen({ onResync: () => void refresh(), onEvents });
  const truth = setInterval(() => {
    if (view.peek()?.state !== 'ended' && !document.hidden) refreshSoon();
  }, TRUTH_MS);
  void refresh();

  return {
    view,
    problem,
    servers,
    close() {
      clearInterval(truth);
      controller.abort();
      unlisten();
    },
  };
}

function remaining(view: DeploymentView | null, finished: number): number {
  const running = view?.steps.find((step) => step.state === 'running');
  return running === undefined ? 0 : running.total - running.done - finished;
}
