// What is known of a running deployment at this moment: the last view, moved on by the events that came since.
import type { DeploymentView, EventView, StepView } from '../core/views.ts';
import { groupFailures } from './same-failure.ts';
import type { FailureGroup } from './same-failure.ts';

export type ProgressState = {
  apply(view: DeploymentView): void;
  note(event: EventView): void;
  /** `null` before the first view. */
  view(): DeploymentView | null;
  /** The steps with the servers counted that finished since the last view. */
  steps(): readonly StepView[];
  /** Servers at work in the running step, the one that takes longest first. `since`: milliseconds since 1970. */
  working(): readonly { readonly server: string; readonly since: number }[];
  /** Failures of servers, grouped. */
  failures(): readonly FailureGroup[];
};

export function createProgressState(): ProgressState {
  let current: DeploymentView | null = null;
  let running: StepView | null = null;
  /** Servers that finished the running step since the last view: a guess that the next view corrects. */
  let finished = 0;
  let failures: readonly FailureGroup[] = [];
  const atWork = new Map<string, number>();

  return {
    apply(view) {
      const next = runningStep(view);
      if (next === null || running === null || next.step !== running.step || next.direction !== running.direction) atWork.clear();
      current = view;
      running = next;
      finished = 0;
      failures = groupFailures(failuresOf(view));
    },
    note(event) {
      if (event.server === null || event.step === null) return;
      if (event.type === 'started') {
        atWork.delete(event.server);
        atWork.set(event.server, Date.now());
      } else if (event.type === 'finished' || event.type === 'failed') {
        atWork.delete(event.server);
        if (event.type === 'finished' && event.step === running?.step) finished += 1;
      }
    },
    view: () => current,
    steps() {
      return (current?.steps ?? []).map((step) =>
        step === running ? { ...step, done: Math.min(step.total, step.done + finished) } : step,
      );
    },
    // A Map keeps the order of insertion: who began first comes first.
    working: () => [...atWork].map(([server, since]) => ({ server, since })),
    failures: () => failures,
  };
}

/** The step that runs now; of several (going back) the last. */
export function runningStep(view: DeploymentView): StepView | null {
  return view.steps.findLast((step) => step.state === 'running') ?? null;
}

export function* failuresOf(view: DeploymentView | null): Generator<{ server: string; message: string }> {
  for (const server of view?.servers ?? []) {
    if (server.error !== null) yield { server: server.name, message: server.error };
  }
}
