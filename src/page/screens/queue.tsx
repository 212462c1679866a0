// What runs and what waits, and for what.
import { useEffect } from 'preact/hooks';
import type { ClusterView } from '../../core/views.ts';
import { overview } from '../live/clusters.ts';
import { clusterPath, deploymentPath } from '../live/location.ts';
import { progressOf, statusOf } from '../live/words.ts';
import { Empty } from '../parts/empty.tsx';
import { showInTab } from '../parts/favicon.ts';
import { Pill } from '../parts/icons.tsx';
import { StepStrip } from '../parts/step-strip.tsx';

export function QueueScreen() {
  const clusters = overview.value?.clusters ?? [];
  const running = clusters.filter((cluster) => cluster.state !== 'idle');
  const waiting = clusters.filter((cluster) => cluster.waiting !== null);
  useEffect(
    () => showInTab(running.length > 0 ? 'run' : 'idle', `Queue ${running.length}+${waiting.length}`),
    [running.length, waiting.length],
  );
  if (running.length + waiting.length === 0) {
    return (
      <Empty title="Nothing runs, nothing waits" command="git push origin HEAD:servers/staging">
        <p>A push puts something here; so does “Deploy head” of a cluster.</p>
      </Empty>
    );
  }
  return (
    <>
      <div class="screen-head">
        <h1>Queue</h1>
      </div>
      <section aria-label="Running">
        <h2>Running</h2>
        {running.length === 0 && <p class="muted">Nothing runs.</p>}
        <ul class="rows">
          {running.map((cluster) => (
            <li key={cluster.cluster} class="row">
              <Pill {...statusOf(cluster)} />
              {cluster.deployment !== null && (
                <a data-row href={deploymentPath(cluster.deployment)}>
                  Deployment {cluster.deployment}
                </a>
              )}
              <a class="grow" href={clusterPath(cluster.cluster)}>
                {cluster.cluster}
              </a>
              <StepStrip state={cluster.state} progress={progressOf(cluster)} />
            </li>
          ))}
        </ul>
      </section>
      <section aria-label="Waiting">
        <h2>Waiting</h2>
        {waiting.length === 0 && <p class="muted">Nothing waits.</p>}
        <ul class="rows">
          {waiting.map((cluster) => (
            <li key={cluster.cluster} class="row">
              <Pill tone="wait" word="Waiting" />
              <a data-row href={deploymentPath(cluster.waiting ?? 0)}>
                Deployment {cluster.waiting}
              </a>
              <a href={clusterPath(cluster.cluster)}>{cluster.cluster}</a>
              <span class="muted grow">{waitsFor(cluster)}</span>
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}

function waitsFor({ state, deployment, locked }: ClusterView): string {
  if (state !== 'idle') return `waits for deployment ${deployment ?? ''} to end`;
  return locked === null ? 'begins at once' : `waits: locked by ${locked}`;
}
