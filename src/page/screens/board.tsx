// The lockstep board: one column per step, a barrier between each two. No server passes one before all have arrived.
import type { DeploymentView, StepView } from '../../core/views.ts';
import { duration, now } from '../live/clock.ts';
import type { UsualTimes } from '../live/history.ts';
import { watchTimings } from '../live/live-servers.ts';
import type { LiveServers } from '../live/live-servers.ts';
import { grouped, STEP_MEANINGS, toneOfStep } from '../live/words.ts';
import { Icon } from '../parts/icons.tsx';

type Props = {
  readonly view: DeploymentView;
  readonly servers: LiveServers;
  readonly usual: UsualTimes;
  readonly onServer: (name: string) => void;
};

export function Board(props: Props) {
  const { view } = props;
  const forward = view.steps.filter((step) => step.direction === 'forward');
  const back = view.steps.filter((step) => step.direction === 'back');
  return (
    <section class="board-section" aria-label="Steps">
      <ol class="board">
        {forward.map((step) => (
          <Column key={step.step} {...props} step={step} />
        ))}
      </ol>
      {back.length > 0 && (
        <>
          <h2 class="board-back">
            <Icon name="back" /> The way back
          </h2>
          <ol class="board">
            {back.map((step) => (
              <Column key={step.step} {...props} step={step} />
            ))}
          </ol>
        </>
      )}
      <p class="abort-means">
        <Icon name={view.actions?.includes('abort') === true ? 'back' : 'idle'} />
        <span>{abortMeaning(view)}</span>
      </p>
    </section>
  );
}

function Column({ view, servers, usual, onServer, step }: Props & { readonly step: StepView }) {
  const isRunning = step.state === 'running' && view.state !== 'ended';
  const times = watchTimings(servers).of(step.step, step.direction);
  const done = isRunning ? Math.min(step.total, Math.max(step.done, servers.doneIn(step.step, step.direction))) : step.done;
  const began = step.startedAt === null ? null : Date.parse(step.startedAt);
  const ended = step.finishedAt === null ? (isRunning ? now.value : null) : Date.parse(step.finishedAt);
  const took = began === null || ended === null ? null : ended - began;
  const expected = step.direction === 'forward' ? usual.get(step.step) : undefined;
  const share = step.total === 0 ? (step.state === 'done' ? 100 : 0) : Math.round((100 * done) / step.total);
  const isLast = isPointOfNoReturn(view, step);
  return (
    <li
      class={`column is-${step.state} tone-${toneOfStep(step.state)} ${isLast ? 'is-last-return' : ''}`}
      aria-current={isRunning ? 'step' : undefined}
    >
      <div class="column-head" title={STEP_MEANINGS[step.step]}>
        <Icon name={toneOfStep(step.state)} />
        <h3>{step.step}</h3>
        <span class="visually-hidden">{step.state}</span>
      </div>
      <div class="column-count">
        {step.total === 0 ? (
          <span class="column-word">{wordOf(view, step)}</span>
        ) : (
          <>
            <strong>{grouped(done)}</strong>
            <span class="muted">/{grouped(step.total)}</span>
          </>
        )}
      </div>
      <div class="bar" aria-hidden="true">
        <span style={{ width: `${share}%` }} />
      </div>
      <div class="column-facts">
        {took !== null && <span class="took">{duration(took)}</span>}
        {expected !== undefined && step.state !== 'skipped' && <span class="muted">usually {duration(expected)}</span>}
        {times.median !== null && step.total > 1 && <span class="muted">median {duration(times.median)}</span>}
        {times.slowest !== null && step.total > 1 && (
          <button class="link-button" onClick={() => onServer(servers.names[times.slowest?.server ?? 0] ?? '')}>
            slowest {servers.names[times.slowest.server]} {duration(times.slowest.ms)}
          </button>
        )}
        {isRunning && times.atWork.length > 0 && done > 0 && (
          <span class="holding">
            holds all up:{' '}
            {times.atWork.slice(0, 3).map(({ server, since }) => (
              <button key={server} class="link-button" onClick={() => onServer(servers.names[server] ?? '')}>
                {servers.names[server]} {duration(now.value - since)}
              </button>
            ))}
            {times.atWork.length > 3 && <span>+{Math.max(0, step.total - done - 3)}</span>}
          </span>
        )}
      </div>
      {isLast && (
        <span class="no-return">
          <span>no return</span>
        </span>
      )}
    </li>
  );
}

function wordOf({ result }: DeploymentView, { state }: StepView): string {
  if (state !== 'skipped') return state;
  return result === null || result === 'done' ? 'not needed' : 'not reached';
}

/** With a maintenance window the cluster decides at the end of the switch; from then on it goes forward. */
const isPointOfNoReturn = ({ purpose }: DeploymentView, { step, direction }: StepView): boolean =>
  step === 'switch' && direction === 'forward' && purpose !== 'emergency';

function abortMeaning({ state, steps, actions, previous, result }: DeploymentView): string {
  const before = previous === null ? 'what they serve now' : previous;
  const hasBegun = (name: StepView['step']): boolean =>
    steps.some((step) => step.step === name && step.direction === 'forward' && step.startedAt !== null);
  if (state === 'ended') return result === 'done' ? 'It has ended; to undo it, roll the cluster back.' : 'It has ended.';
  if (actions?.includes('abort') === true) {
    if (!hasBegun('lock')) return 'Abort now: nothing has changed for users, and nothing will. Every server keeps what it serves.';
    if (!hasBegun('switch')) return `Abort now: the maintenance page goes away; every server keeps ${before}.`;
    return `Abort now: every server goes back to ${before}, together, behind the maintenance page.`;
  }
  if (state === 'rolling-back') return `It is going back: every server returns to ${before}.`;
  if (state === 'needs-operator') return 'It waits for an operator: did the migration run?';
  return 'Past the point of no return: every server goes forward. To undo it, wait for the end and roll back.';
}
