// One server of a cluster: what it serves, what lies on it, what is wrong with it, and its part in the last deployments.
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import type { ServerDetailView } from '../../core/insight.ts';
import { duration } from '../live/clock.ts';
import { clusterPath, deploymentPath } from '../live/location.ts';
import { grouped, short, toneOfServer } from '../live/words.ts';
import { Empty } from '../parts/empty.tsx';
import { showInTab } from '../parts/favicon.ts';
import { Icon, Pill } from '../parts/icons.tsx';
import { Loading } from '../parts/loading.tsx';
import { useResource } from '../parts/use-resource.ts';
import { When } from '../parts/when.tsx';

type Props = { readonly cluster: string; readonly server: string };

export function ServerScreen({ cluster, server }: Props) {
  const detail = useResource<ServerDetailView>(
    `servers/${encodeURIComponent(cluster)}/${encodeURIComponent(server)}`,
    (event) => event.cluster === cluster && (event.server === null || event.server === server),
  );
  const view = detail.value.value;
  useEffect(() => {
    if (view !== null) showInTab(toneOfServer(view.state), `${server} ${view.state}`);
  }, [server, view?.state]);
  if (view === null && detail.failure.value?.status === 404) {
    return (
      <Empty title={`${cluster} has no server ${server}`} command={`lockstep status ${cluster}`}>
        <p>
          <a href={clusterPath(cluster)}>{cluster}</a>
        </p>
      </Empty>
    );
  }
  if (view === null) return <Loading what="server" failure={detail.failure.value} />;
  return (
    <>
      <nav class="crumbs" aria-label="Where this is">
        <a href="/">Clusters</a>
        <Icon name="next" />
        <a href={clusterPath(cluster)}>{cluster}</a>
      </nav>
      <div class="screen-head">
        <h1>{server}</h1>
        <Pill tone={toneOfServer(view.state)} word={view.state} />
        {view.behind && <Pill tone="warn" word="behind" />}
      </div>
      {view.error !== null && <p class="note tone-bad">{view.error}</p>}
      {view.drift !== null && (
        <p class="note tone-warn">
          <Icon name="warn" />
          <span>
            {view.drift.finding} (seen <When at={view.drift.at} />)
          </span>
        </p>
      )}
      <section class="card" aria-label="Facts">
        <dl class="facts-list">
          <Fact name="Serves">
            <code class="release">{view.release ?? 'nothing yet'}</code>
          </Fact>
          <Fact name="Reached by">
            {view.transport} {view.user === null ? '' : `${view.user}@`}
            {view.host}
          </Fact>
          <Fact name="Path">
            <code>{view.path}</code>
          </Fact>
          <Fact name="Last contact">{view.contact === null ? 'not since the daemon started' : <When at={view.contact.at} />}</Fact>
          {view.contact !== null && (
            <Fact name="Free">
              {(view.contact.freeBytes / 1e9).toFixed(1)} GB, {grouped(view.contact.freeInodes)} inodes
            </Fact>
          )}
        </dl>
      </section>
      <section aria-label="Releases on it">
        <h2>Releases on it</h2>
        {view.releases.length === 0 && <p class="muted">None that the daemon knows of.</p>}
        <ul class="rows">
          {view.releases.map((release) => (
            <li key={release.id} class="row">
              <Pill
                tone={release.current ? 'ok' : release.state === 'bad' || release.state === 'failed' ? 'bad' : 'idle'}
                word={release.current ? 'current' : release.state}
              />
              <code>{short(release.revision)}</code>
              <code class="grow release">{release.id}</code>
            </li>
          ))}
        </ul>
      </section>
      <section aria-label="Deployments">
        <h2>Its last deployments</h2>
        {view.deployments.length === 0 && <p class="muted">None yet.</p>}
        <ul class="rows">
          {view.deployments.map(({ number, requestedAt, steps }) => (
            <li key={number} class="row">
              <a data-row href={`${deploymentPath(number)}?server=${encodeURIComponent(server)}`}>
                Deployment {number}
              </a>
              <span class="grow facts">
                {steps.map((step, i) => (
                  <span key={i} class={step.failed ? 'failed-step' : ''}>
                    <span class="muted">
                      {step.failed ? '✕ ' : ''}
                      {step.action}
                      {step.direction === 'back' ? ' back' : ''}
                    </span>{' '}
                    {duration(step.tookMs)}
                  </span>
                ))}
              </span>
              <span class="muted">
                <When at={requestedAt} />
              </span>
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}

const Fact = ({ name, children }: { readonly name: string; readonly children: ComponentChildren }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);
