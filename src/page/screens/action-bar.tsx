// What can be done about a deployment now: only that, each with a question that says what it means.
import type { DeploymentView } from '../../core/views.ts';
import { post } from '../live/api.ts';
import { clusterPath } from '../live/location.ts';
import { plural } from '../live/words.ts';
import { askFirst } from '../parts/dialog.tsx';
import { Icon } from '../parts/icons.tsx';
import { askToRollBack } from './cluster-actions.tsx';
import { LiveChange } from './live-change.tsx';

type Props = {
  readonly view: DeploymentView;
  /** How many servers it is about. */
  readonly count: number;
};

export function ActionBar({ view, count }: Props) {
  const can = new Set(view.actions ?? []);
  const hasEnded = view.state === 'ended';
  const isRetryable = hasEnded && (view.result === 'failed' || view.result === 'aborted' || view.result === 'rolled-back');
  return (
    <div class="action-bar" data-actions role="toolbar" aria-label="Actions">
      {can.has('resume') && (
        <button class="button button-primary" onClick={() => void post(`deployments/${view.number}/resume`)}>
          <Icon name="play" /> Resume
        </button>
      )}
      {can.has('pause') && (
        <button class="button" onClick={() => askToPause(view)}>
          <Icon name="pause" /> Pause…
        </button>
      )}
      {can.has('abort') && (
        <button class="button button-danger" onClick={() => askToAbort(view, count)}>
          <Icon name="bad" /> Abort…
        </button>
      )}
      {can.has('settle') && (
        <>
          <button class="button button-danger" onClick={() => askToSettle(view, true)}>
            The migration is done…
          </button>
          <button class="button button-danger" onClick={() => askToSettle(view, false)}>
            It is not done…
          </button>
        </>
      )}
      {isRetryable && (
        <button class="button button-primary" onClick={() => askToRetry(view, count)}>
          <Icon name="run" /> Retry…
        </button>
      )}
      {hasEnded && view.result === 'done' && (
        <button class="button button-danger" onClick={() => void askToRollBack(view.cluster)}>
          <Icon name="back" /> Roll back…
        </button>
      )}
      <a class="button" href={clusterPath(view.cluster)}>
        {view.cluster} <Icon name="next" />
      </a>
    </div>
  );
}

function askToAbort(view: DeploymentView, count: number): void {
  askFirst({
    title: `Abort deployment ${view.number}?`,
    body: (
      <LiveChange
        now={view.release ?? view.revision}
        then={view.previous ?? 'what is there now'}
        labels={['It brings', 'Every server keeps or gets back']}
        note={`${plural(count, 'server')} of ${view.cluster}, together.`}
      />
    ),
    confirm: `Abort deployment ${view.number}`,
    isDangerous: true,
    act: async () => (await post(`deployments/${view.number}/abort`)).message,
  });
}

function askToPause(view: DeploymentView): void {
  askFirst({
    title: `Pause deployment ${view.number}?`,
    body: <p>What is under way on servers ends; nothing new begins until it is resumed. Users notice nothing.</p>,
    confirm: 'Pause',
    act: async () => (await post(`deployments/${view.number}/pause`)).message,
  });
}

function askToRetry(view: DeploymentView, count: number): void {
  askFirst({
    title: 'The same again?',
    body: (
      <LiveChange
        now={view.previous ?? 'nothing'}
        then={`${view.branch} at ${view.revision}`}
        note={`On ${plural(count, 'server')} of ${view.cluster}.`}
      />
    ),
    confirm: 'Retry',
    act: async () => (await post(`deployments/${view.number}/retry`)).message,
  });
}

function askToSettle(view: DeploymentView, done: boolean): void {
  askFirst({
    title: done ? 'Has the migration run to its end?' : 'Has the migration changed nothing?',
    body: (
      <p>
        {done
          ? 'Then every server goes forward with the new release.'
          : 'Then every server goes back to what it served, and the migration counts as not done.'}{' '}
        Look at the database first: nobody asks again.
      </p>
    ),
    confirm: done ? 'It is done: go forward' : 'It is not done: go back',
    isDangerous: true,
    act: async () => (await post(`deployments/${view.number}/migration`, { done })).message,
  });
}
