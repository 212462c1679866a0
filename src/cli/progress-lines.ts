// Progress for pipes and logs: one plain line for what matters (a step begins or ends, failures, the end), no escape codes.
import { visibleLine } from '../core/escape.ts';
import type { DeploymentView, EventView, StepView } from '../core/views.ts';
import { headline, stepName } from './deployment-words.ts';
import type { Watcher } from './follow.ts';
import { failuresOf } from './progress-state.ts';
import { failureLine, groupFailures } from './same-failure.ts';
import { waitWords } from './wait-words.ts';
import { between, count, duration } from './words.ts';

/** `print` gets one line without newline. Lines follow from the views alone, so none is lost when the connection was. */
export function createProgressLines(print: (line: string) => void): Watcher {
  const told = new Map<string, StepView['state']>();
  /** How many servers a failure had when it was told. */
  const toldFailures = new Map<string, number>();
  let hasHeadline = false;
  let toldProblem: string | null = null;
  let toldState: string | null = null;
  let isLost = false;

  function tellFailures(view: DeploymentView, isFinal: boolean): void {
    for (const group of groupFailures(failuresOf(view))) {
      const before = toldFailures.get(group.key) ?? 0;
      const now = group.servers.length;
      // Told when it is new, again when it has doubled, and at the end: a thousand servers that fail one by one are ten lines.
      if (before > 0 && now < before * 2 && !(isFinal && now > before)) continue;
      toldFailures.set(group.key, now);
      print(`failed: ${failureLine(group)}`);
    }
  }

  return {
    view(view) {
      // Author and message are known only when the revision has been looked at.
      if (!hasHeadline && (view.author !== null || view.state === 'ended' || view.steps.some((step) => step.state !== 'waiting'))) {
        hasHeadline = true;
        print(headline(view));
      }
      if (view.state === 'waiting' && toldState !== 'waiting') print(`deployment ${view.number} ${waitWords(view.waitsFor)}`);
      toldState = view.state;
      for (const step of view.steps) {
        const name = stepName(step);
        const before = told.get(name) ?? 'waiting';
        if (before === step.state) continue;
        told.set(name, step.state);
        if (step.state === 'running') print(`${name} began${step.total > 1 ? ` (${count(step.total, 'server')})` : ''}`);
        else if (step.state === 'done' || step.state === 'failed') print(endLine(name, step));
      }
      tellFailures(view, view.state === 'ended');
      const problem = view.problem?.message ?? null;
      if (problem !== null && problem !== toldProblem && view.state !== 'ended') {
        toldProblem = problem;
        print(`${view.state}: ${visibleLine(problem)}`);
        if (view.state === 'needs-operator') {
          print(`settle it: lockstep migration mark-done ${view.number} | lockstep migration mark-not-done ${view.number}`);
        }
      }
    },
    event(event: EventView) {
      if (event.type === 'abort-requested') print(visibleLine(event.text));
    },
    connection(problem) {
      if (problem !== null && !isLost) print(`${visibleLine(problem)} Trying again; the deployment does not depend on it.`);
      if (problem === null && isLost) print('the daemon answers again');
      isLost = problem !== null;
    },
  };
}

function endLine(name: string, step: StepView): string {
  const took = between(step.startedAt, step.finishedAt);
  const time = took === null || step.finishedAt === null ? '' : ` after ${duration(took)}`;
  return `${name} ${step.state}${step.total === 0 ? '' : ` ${step.done}/${step.total}`}${time}`;
}
