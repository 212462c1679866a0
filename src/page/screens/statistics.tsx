// How often, how long, how many went wrong, and how soon they were mended: with what each number means beside it.
import { useEffect } from 'preact/hooks';
import type { Figures, Statistics } from '../../core/statistics.ts';
import { duration } from '../live/clock.ts';
import { clusterPath, query, serverPath, setQuery } from '../live/location.ts';
import { Empty } from '../parts/empty.tsx';
import { showInTab } from '../parts/favicon.ts';
import { Loading } from '../parts/loading.tsx';
import { useResource } from '../parts/use-resource.ts';
import { Chart } from './chart.tsx';

type Number = { readonly key: keyof Figures & keyof Statistics['definitions']; readonly name: string };

const NUMBERS: readonly Number[] = [
  { key: 'changesPerWeek', name: 'Changes per week' },
  { key: 'leadTimeMs', name: 'Lead time' },
  { key: 'changeFailureRate', name: 'Change failure rate' },
  { key: 'timeToRecoveryMs', name: 'Time to recovery' },
  { key: 'cutoverMs', name: 'Cutover' },
  { key: 'durationMs', name: 'Duration' },
];

export function StatisticsScreen() {
  const cluster = query.value.get('cluster');
  const statistics = useResource<Statistics>(`statistics${cluster === null ? '' : `?cluster=${encodeURIComponent(cluster)}`}`, () => false);
  useEffect(() => showInTab('idle', 'Statistics'), []);
  const view = statistics.value.value;
  if (view === null) return <Loading what="statistics" failure={statistics.failure.value} />;
  if (view.total.deployments === 0 && cluster === null) {
    return (
      <Empty title="Nothing to count yet" command="git push origin HEAD:servers/production">
        <p>Every deployment that ends is counted here.</p>
      </Empty>
    );
  }
  return (
    <>
      <div class="screen-head">
        <h1>Statistics</h1>
        <span class="muted">
          {view.since.slice(0, 10)} to {view.until.slice(0, 10)}
          {cluster !== null && `, ${cluster}`}
        </span>
        {cluster !== null && (
          <button class="button button-small" onClick={() => setQuery('cluster', null)}>
            All clusters
          </button>
        )}
      </div>
      <dl class="figures">
        {NUMBERS.map(({ key, name }) => (
          <div key={key} class="card">
            <dt>{name}</dt>
            <dd>
              <strong>{shown(key, view.total[key])}</strong>
              <p class="muted small">{view.definitions[key]}</p>
            </dd>
          </div>
        ))}
      </dl>
      <section aria-label="By week">
        <h2>By week</h2>
        <Chart weeks={view.weeks} />
      </section>
      <section aria-label="By cluster">
        <h2>By cluster</h2>
        <div class="scroller" tabIndex={0}>
          <table class="table">
            <thead>
              <tr>
                <th scope="col">Cluster</th>
                <th scope="col">Deployments</th>
                {NUMBERS.map(({ key, name }) => (
                  <th key={key} scope="col">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {view.clusters.map((one) => (
                <tr key={one.cluster}>
                  <th scope="row">
                    <a href={clusterPath(one.cluster)}>{one.cluster}</a>
                  </th>
                  <td>{one.deployments}</td>
                  {NUMBERS.map(({ key }) => (
                    <td key={key}>{shown(key, one[key])}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </section>
      {view.slowest.length > 0 && (
        <section aria-label="Slowest servers">
          <h2>Slowest servers</h2>
          <p class="muted small">{view.definitions.slowest}</p>
          <ul class="rows">
            {view.slowest.map((one) => (
              <li key={`${one.cluster} ${one.server}`} class="row">
                <a data-row href={serverPath(one.cluster, one.server)}>
                  {one.server}
                </a>
                <span class="grow muted">{one.cluster}</span>
                <span>
                  {one.times} ×, {duration(one.slowerByMs)} longer
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

function shown(key: Number['key'], value: number | null): string {
  if (value === null) return 'none';
  if (key === 'changeFailureRate') return `${Math.round(value * 100)} %`;
  return key.endsWith('Ms') ? duration(value) : value.toFixed(1).replace(/\.0$/, '');
}
