// What runs and what waits, and for what.
import { useEffect } from 'preact/hooks';
import type { QueueEntry, QueueView } from '../../core/insight.ts';
import { overview } from '../live/clusters.ts';
import { clusterPath, deploymentPath } from '../live/location.ts';
import { capital, progressOf, short } from '../live/words.ts';
import type { Tone } from '../live/words.ts';
import { Empty } from '../parts/empty.tsx';
import { showInTab } from '../parts/favicon.ts';
import { Pill } from '../parts/icons.tsx';
import { Loading } from '../parts/loading.tsx';
import { StepStrip } from '../parts/step-strip.tsx';
import { useResource } from '../parts/use-resource.ts';
import { When } from '../parts/when.tsx';

const TONES: Readonly<Record<QueueEntry['kind'], Tone>> = {
  deployment: 'wait',
  lock: 'hold',
  pause: 'warn',
  operator: 'bad',
  hold: 'hold',
  server: 'warn',
  approval: 'wait',
  time: 'wait',
};

export function QueueScreen() {
  const queue = useResource<QueueView>('queue', (event) => event.server === null);
  const view = queue.value.value;
  const [running, waiting] = [view?.running ?? [], view?.waiting ?? []];
  useEffect(
    () => showInTab(running.length > 0 ? 'run' : 'idle', `Queue ${running.length}+${waiting.length}`),
    [running.length, waiting.length],
  );
  if (view === null) return <Loading what="queue" failure={queue.failure.value} />;
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
          {running.map((one) => (
            <Running key={one.deployment} one={one} />
          ))}
        </ul>
      </section>
      <section aria-label="Waiting">
        <h2>Waiting</h2>
        {waiting.length === 0 && <p class="muted">Nothing waits.</p>}
        <ul class="rows">
          {waiting.map((one, i) => (
            <li key={`${one.cluster} ${one.deployment ?? i}`} class="row">
              <Pill tone={TONES[one.kind]} word={one.kind} />
              <a data-row href={one.deployment === null ? clusterPath(one.cluster) : deploymentPath(one.deployment)}>
                {one.deployment === null ? one.cluster : `Deployment ${one.deployment}`}
              </a>
              {one.deployment !== null && <a href={clusterPath(one.cluster)}>{one.cluster}</a>}
              {one.revision !== null && <code title={one.revision}>{short(one.revision)}</code>}
              <span class="grow">waits for {one.waitsFor}</span>
              <span class="muted">
                {one.requestedBy}
                {one.since !== null && (
                  <>
                    {' '}
                    <When at={one.since} />
                  </>
                )}
              </span>
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}

function Running({ one }: { readonly one: QueueView['running'][number] }) {
  const cluster = overview.value?.clusters.find(({ cluster: name }) => name === one.cluster);
  return (
    <li class="row">
      <Pill tone="run" word={capital(one.state)} />
      <a data-row href={deploymentPath(one.deployment)}>
        Deployment {one.deployment}
      </a>
      <a href={clusterPath(one.cluster)}>{one.cluster}</a>
      <span class="grow">
        {cluster !== undefined && cluster.state !== 'idle' && <StepStrip state={cluster.state} progress={progressOf(cluster)} />}
      </span>
      <span class="muted">
        {one.requestedBy} <When at={one.since} />
      </span>
    </li>
  );
}
