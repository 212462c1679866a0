// What can be done about a deployment now: only that, each with a question that says what it means.
import type { DeploymentView } from '../../core/views.ts';
import type { AccessView, Deed } from '../../core/access.ts';
import { mayDo } from '../live/access.ts';
import { messageOf, post } from '../live/api.ts';
import { clusterPath } from '../live/location.ts';
import { canBeTold, isTold, switchTold, watchEnd } from '../live/watched.ts';
import { firstLine, plural, short } from '../live/words.ts';
import { announce } from '../parts/announcer.tsx';
import { askFirst } from '../parts/dialog.tsx';
import { Icon } from '../parts/icons.tsx';
import { askToRollBack, follow } from './cluster-actions.tsx';
import { LiveChange } from './live-change.tsx';

type Props = {
  readonly view: DeploymentView;
  readonly access: AccessView | null;
  /** How many servers it is about. */
  readonly count: number;
};

export function ActionBar({ view, access, count }: Props) {
  const can = new Set(view.actions ?? []);
  const hasEnded = view.state === 'ended';
  const isRetryable = hasEnded && (view.result === 'failed' || view.result === 'aborted' || view.result === 'rolled-back');
  const waitsForApproval = view.waitsFor?.kind === 'approval';
  const again = view.purpose === 'deploy' || view.purpose === 'catch-up' ? 'deploy' : 'rollback';
  return (
    <div class="action-bar" data-actions role="toolbar" aria-label="Actions">
      {waitsForApproval && mayDo(access, 'approve') && (
        <>
          <button class="button button-primary" onClick={() => askToApprove(view, count)}>
            <Icon name="ok" /> Approve…
          </button>
          <button class="button button-danger" onClick={() => askToReject(view)}>
            <Icon name="bad" /> Reject…
          </button>
        </>
      )}
      {can.has('resume') && mayDo(access, 'pause') && (
        <button class="button button-primary" onClick={() => void resume(view)}>
          <Icon name="play" /> Resume
        </button>
      )}
      {can.has('pause') && mayDo(access, 'pause') && (
        <button class="button" onClick={() => askToPause(view)}>
          <Icon name="pause" /> Pause…
        </button>
      )}
      {can.has('abort') && mayDo(access, 'abort') && (
        <button class="button button-danger" onClick={() => askToAbort(view, count)}>
          <Icon name="bad" /> Abort…
        </button>
      )}
      {can.has('settle') && mayDo(access, 'settle') && (
        <>
          <button class="button button-danger" onClick={() => askToSettle(view, true)}>
            The migration is done…
          </button>
          <button class="button button-danger" onClick={() => askToSettle(view, false)}>
            It is not done…
          </button>
        </>
      )}
      {isRetryable && mayDo(access, again) && (
        <button class="button button-primary" onClick={() => askToRetry(view, count)}>
          <Icon name="run" /> Retry…
        </button>
      )}
      {hasEnded && view.result === 'done' && mayDo(access, 'rollback') && (
        <button class="button button-danger" onClick={() => void askToRollBack(view.cluster)}>
          <Icon name="back" /> Roll back…
        </button>
      )}
      {!hasEnded && canBeTold() && (
        <button class="button" aria-pressed={isTold.value} onClick={() => void switchTold()}>
          <Icon name="bell" /> Tell me at the end
        </button>
      )}
      <a class="button" href={clusterPath(view.cluster)}>
        {view.cluster} <Icon name="next" />
      </a>
    </div>
  );
}

/** What could be done now by somebody who may. */
export function deedsOf({ actions = [], state, result, waitsFor }: DeploymentView): readonly Deed[] {
  if (state === 'ended') return result === 'done' ? ['rollback'] : ['deploy'];
  const deeds: Deed[] = actions.flatMap((action) => (action === 'resume' || action === 'skip' ? 'pause' : action));
  return waitsFor?.kind === 'approval' ? ['approve', ...deeds] : deeds;
}

async function resume({ number }: DeploymentView): Promise<void> {
  try {
    announce((await post(`deployments/${number}/resume`)).message);
  } catch (error) {
    announce(messageOf(error));
  }
}

function askToApprove(view: DeploymentView, count: number): void {
  askFirst({
    title: `Approve deployment ${view.number}?`,
    body: (
      <LiveChange
        now={view.previous ?? 'nothing'}
        then={`${view.branch} at ${short(view.revision)} ${firstLine(view.message ?? '')}`}
        note={`On ${plural(count, 'server')} of ${view.cluster}, asked for by ${view.requestedBy}. With the last approval it begins.`}
      />
    ),
    confirm: `Approve deployment ${view.number}`,
    act: async () => {
      watchEnd(view.number);
      return (await post(`deployments/${view.number}/approve`)).message;
    },
  });
}

function askToReject(view: DeploymentView): void {
  askFirst({
    title: `Reject deployment ${view.number}?`,
    body: <p>It never begins. What is live stays live.</p>,
    input: { label: 'Why? Others see this.', value: '' },
    confirm: `Reject deployment ${view.number}`,
    isDangerous: true,
    act: async (reason) => (await post(`deployments/${view.number}/reject`, reason.trim() === '' ? {} : { reason })).message,
  });
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
    act: async () => follow(await post(`deployments/${view.number}/retry`)),
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
