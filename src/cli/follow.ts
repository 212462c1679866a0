// Follows one deployment to its end: events say when to look, the deployment's view says what is.
import type { DeploymentView, EventView } from '../core/views.ts';
import type { Api } from './api.ts';
import { interrupted } from './client.ts';
import { eventStream, STREAM_TIMING } from './event-stream.ts';
import type { StreamTiming } from './event-stream.ts';
import { ApiFailure, EXIT, tellOf } from './failure.ts';
import { runningStep } from './progress-state.ts';

export type Watcher = {
  view(view: DeploymentView): void;
  /** An event of this deployment. */
  event(event: EventView): void;
  /** The connection was lost (why) or is there again (null). */
  connection(problem: string | null): void;
};

/** While events stream in, the view is fetched at most this often; at the change of a step at once. */
const REFRESH_MS = 1000;
const SOON_MS = 50;

/**
 * Resolves with the view of the ended deployment. Rejects with `not-found` (exit 1), with exit 3 when no daemon answers at the beginning
 * or for a long time, or with an interruption when `signal` aborts. A daemon that is restarted meanwhile is waited for.
 */
export async function follow(
  api: Api,
  number: number,
  watcher: Watcher,
  signal: AbortSignal,
  timing: StreamTiming = STREAM_TIMING,
): Promise<DeploymentView> {
  const first = await api.deployment(number, signal);
  watcher.view(first);
  if (first.state === 'ended') return first;

  const ended = new AbortController();
  /** Servers that have not finished the running step, as far as is known: with the last one, the step changes. */
  let left = leftIn(first);
  const end: { view: DeploymentView | null; failure: unknown } = { view: null, failure: null };
  const refresh = createRefresh(async () => {
    try {
      const view = await api.deployment(number, ended.signal);
      watcher.view(view);
      left = leftIn(view);
      if (view.state !== 'ended') return 'seen';
      end.view = view;
      ended.abort();
      return 'seen';
    } catch (error) {
      if (ended.signal.aborted) return 'seen';
      // No answer: the event stream notices too, and its return leads to a new look.
      if (!(error instanceof ApiFailure)) return tellOf(error).exit === EXIT.unreachable ? 'seen' : stop(error);
      return error.status >= 500 ? 'again' : stop(error);
    }
  });
  const stop = (error: unknown): 'seen' => {
    end.failure = error;
    ended.abort();
    return 'seen';
  };

  try {
    let step: string | null = null;
    for await (const message of eventStream(api.client, AbortSignal.any([signal, ended.signal]), timing)) {
      if (message.kind === 'open') watcher.connection(null);
      if (message.kind === 'lost') {
        watcher.connection(message.message);
        continue;
      }
      if (message.kind !== 'events') {
        refresh.ask(SOON_MS);
        continue;
      }
      for (const event of message.events) {
        if (event.deployment !== number) continue;
        watcher.event(event);
        const isLast = event.type === 'finished' && --left === 0;
        const isRoutine = event.server !== null && event.step === step && event.type !== 'failed' && !isLast;
        step = event.step;
        refresh.ask(isRoutine ? REFRESH_MS : SOON_MS);
      }
    }
  } catch (error) {
    if (end.view !== null) return end.view;
    throw end.failure ?? error;
  } finally {
    ended.abort();
    refresh.stop();
  }
  throw interrupted();
}

function leftIn(view: DeploymentView): number {
  const step = runningStep(view);
  return step === null ? 0 : step.total - step.done;
}

type Refresh = {
  /** Look within so many ms. */
  ask(withinMs: number): void;
  stop(): void;
};

/** Runs `look` when asked, one at a time, and once more if it was asked meanwhile: what is seen last is never older than the last event. */
function createRefresh(look: () => Promise<'seen' | 'again'>): Refresh {
  let timer: NodeJS.Timeout | null = null;
  let dueAt = Infinity;
  let isLooking = false;
  let waitingMs: number | null = null;
  let isStopped = false;

  function ask(withinMs: number): void {
    if (isStopped) return;
    if (isLooking) {
      waitingMs = Math.min(waitingMs ?? Infinity, withinMs);
      return;
    }
    const at = Date.now() + withinMs;
    if (timer !== null && dueAt <= at) return;
    if (timer !== null) clearTimeout(timer);
    dueAt = at;
    timer = setTimeout(() => void run(), withinMs);
  }

  async function run(): Promise<void> {
    timer = null;
    isLooking = true;
    const outcome = await look();
    isLooking = false;
    if (outcome === 'again') waitingMs = Math.min(waitingMs ?? Infinity, REFRESH_MS);
    if (waitingMs !== null) {
      const next = waitingMs;
      waitingMs = null;
      ask(next);
    }
  }

  return {
    ask,
    stop() {
      isStopped = true;
      if (timer !== null) clearTimeout(timer);
    },
  };
}
