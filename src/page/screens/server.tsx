// One server of a cluster: what it serves, what is wrong with it, and its part in the last deployments.
import { useEffect } from 'preact/hooks';
import type { DeploymentView } from '../../core/views.ts';
import { overview } from '../live/clusters.ts';
import { clusterPath, deploymentPath } from '../live/location.ts';
import { PURPOSES, toneOfServer } from '../live/words.ts';
import { Empty } from '../parts/empty.tsx';
import { showInTab } from '../parts/favicon.ts';
import { Icon, Pill } from '../parts/icons.tsx';
import { useResource } from '../parts/use-resource.ts';
import { When } from '../parts/when.tsx';

type Props = { readonly cluster: string; readonly server: string };

export function ServerScreen({ cluster, server }: Props) {
  const view = overview.value?.clusters.find((one) => one.cluster === cluster);
  const own = view?.servers.find((one) => one.name === server);
  const history = useResource<{ deployments: readonly DeploymentView[] }>(
    `deployments?cluster=${encodeURIComponent(cluster)}&limit=20`,
    (event) => event.cluster === cluster && event.server === null,
  );
  useEffect(() => {
    if (own !== undefined) showInTab(toneOfServer(own.state), `${server} ${own.state}`);
  }, [server, own?.state]);
  if (overview.value === null) return <div class="skeleton-row" aria-busy="true" aria-label="The server is being asked for" />;
  if (view === undefined || own === undefined) {
    return (
      <Empty title={`${cluster} has no server ${server}`} command={`lockstep status ${cluster}`}>
        <p>
          <a href={clusterPath(cluster)}>{cluster}</a>
        </p>
      </Empty>
    );
  }
  const drift = view.drifted.find((one) => one.server === server);
  const past = (history.value.value?.deployments ?? []).flatMap((deployment) => {
    const part = deployment.servers.find((one) => one.name === server);
    return part === undefined ? [] : [{ deployment, part }];
  });
  return (
    <>
      <nav class="crumbs" aria-label="Where this is">
        <a href="/">Clusters</a>
        <Icon name="next" />
        <a href={clusterPath(cluster)}>{cluster}</a>
      </nav>
      <div class="screen-head">
        <h1>{server}</h1>
        <Pill tone={toneOfServer(own.state)} word={own.state} />
      </div>
      {own.error !== null && <p class="note tone-bad">{own.error}</p>}
      {drift !== undefined && (
        <p class="note tone-warn">
          <span>
            {drift.finding} (<When at={drift.at} />)
          </span>
        </p>
      )}
      <section class="card" aria-label="Serves">
        <h2>Serves</h2>
        <p>
          <code class="release">{own.release ?? 'nothing yet'}</code>
        </p>
        <p class="muted">{own.release !== null && own.release === view.release?.id ? 'This is the live release of the cluster.' : ''}</p>
      </section>
      <section aria-label="Deployments">
        <h2>Deployments</h2>
        <ul class="rows">
          {past.map(({ deployment, part }) => (
            <li key={deployment.number} class="row">
              <Pill tone={toneOfServer(part.state)} word={part.state} />
              <a data-row href={`${deploymentPath(deployment.number)}?server=${encodeURIComponent(server)}`}>
                {PURPOSES[deployment.purpose]} {deployment.number}
              </a>
              <span class="muted grow">
                {part.error ?? part.warning ?? (part.carrier === null ? '' : `${part.carrier}, ${part.bytes} bytes`)}
              </span>
              <span class="muted">
                <When at={deployment.requestedAt} />
              </span>
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}
