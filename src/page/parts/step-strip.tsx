// All steps of a deployment in one line: passed, running, to come.
import { STEPS } from '../../core/step.ts';
import type { StepName } from '../../core/step.ts';
import type { ClusterView } from '../../core/views.ts';

const RUNNING: Readonly<Partial<Record<ClusterView['state'], StepName>>> = {
  building: 'build',
  scheduled: 'schedule',
  uploading: 'upload',
  locking: 'lock',
  switching: 'switch',
  migrating: 'migrate',
  unlocking: 'unlock',
  verifying: 'verify',
};

type Props = { readonly state: ClusterView['state']; readonly progress: { readonly done: number; readonly total: number } | null };

export function StepStrip({ state, progress }: Props) {
  const running = RUNNING[state];
  const at = running === undefined ? -1 : STEPS.indexOf(running);
  const part = progress === null || progress.total === 0 ? 0.5 : progress.done / progress.total;
  return (
    <span class="strip" role="img" aria-label={running === undefined ? state : `step ${at + 1} of ${STEPS.length}: ${running}`}>
      {STEPS.map((step, i) => (
        <span key={step} class={`strip-step ${i < at ? 'is-done' : i === at ? 'is-running' : ''}`} title={step}>
          {i === at && <span class="strip-fill" style={{ width: `${Math.round(part * 100)}%` }} />}
        </span>
      ))}
    </span>
  );
}
