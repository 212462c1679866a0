// One cluster: what is live, what runs, what waits, what was, and what can be done.
import { useEffect } from 'preact/hooks';
import type { ClusterView, DeploymentView, PastReleaseView } from '../../core/views.ts';
import type { AccessView } from '../../core/access.ts';
import { mayDo } from '../live/access.ts';
import { overview } from '../live/clusters.ts';
import { deploymentPath, serverPath } from '../live/location.ts';
import { firstLine, isNotOk, okServers, plural, progressOf, short, statusOf, toneOfServer } from '../live/words.ts';
import { Empty } from '../parts/empty.tsx';
import { showInTab } from '../parts/favicon.ts';
import { Fold } from '../parts/fold.tsx';
import { Icon, Pill } from '../parts/icons.tsx';
import { StepStrip } from '../parts/step-strip.tsx';
import { useResource } from '../parts/use-resource.ts';
import { When } from '../parts/when.tsx';
import { askToDeploy, askToLock, askToReleaseHold, askToRollBack, askToUnlock } from './cluster-actions.tsx';
import { NotDeployed } from './commits.tsx';
import { Configuration } from './configuration.tsx';
import { History } from './history.tsx';
import { NotYours, WhoMay } from './who-may.tsx';

export function ClusterScreen({ name }: { readonly name: string }) {
  const cluster = overview.value?.clusters.find((one) => one.cluster === name) ?? null;
  const path = encodeURIComponent(name);
  const isTurn = (event: { cluster: string | null; server: string | null }): boolean => event.cluster === name && event.server === null;
  const history = useResource<{ deployments: readonly DeploymentView[] }>(`deployments?cluster=${path}&limit=20`, isTurn);
  const releases = useResource<{ releases: readonly PastReleaseView[] }>(`clusters/${path}/releases`, isTurn);
  const access = useResource<AccessView>(`clusters/${path}/access`, ({ type }) => type === 'configuration-loaded');
  const may = access.value.value;
  const status = cluster === null ? null : statusOf(cluster);
  useEffect(() => {
    if (status !== null) showInTab(status.tone, `${status.word} ${name}`);
  }, [status?.word, name]);
  if (overview.value === null) return <div class="skeleton-row" aria-busy="true" aria-label="The cluster is being asked for" />;
  if (cluster === null || status === null) {
    return (
      <Empty title={`There is no cluster ${name}`} command="lockstep status">
        <p>
          It may have left <code>branches.config.json</code>. <a href="/">All clusters</a>
        </p>
      </Empty>
    );
  }
  const { environment, branches, locked, held, waiting } = cluster;
  return (
    <>
      <nav class="crumbs" aria-label="Where this is">
        <a href="/">Clusters</a>
        <Icon name="next" />
        <span>{environment}</span>
      </nav>
      <div class="screen-head">
        <h1>{name}</h1>
        <Pill {...status} />
        <span class="muted branch">
          <Icon name="branch" /> {branches.map((one) => `${one.repository} ${one.branch}`).join(', ') || 'no branch feeds it'}
        </span>
      </div>
      <Actions
        cluster={cluster}
        access={may}
        canRollBack={releases.value.value?.releases.some((release) => release.state === 'good') ?? false}
      />
      <NotYours access={may} deeds={['deploy', 'rollback', 'lock', 'release-hold']} />
      {locked !== null && (
        <p class="note tone-hold">
          <Icon name="hold" />
          <span>Locked by {locked}. Deployments wait until it is unlocked.</span>
        </p>
      )}
      {held !== null && (
        <p class="note tone-hold">
          <Icon name="pause" />
          <span>Held: {held}. It waits for a newer commit.</span>
        </p>
      )}
      <div class="columns">
        <Now cluster={cluster} />
        <section class="card" aria-label="Waiting">
          <h2>Waiting</h2>
          {waiting === null ? (
            <p class="muted">Nothing waits.</p>
          ) : (
            <p>
              <a href={deploymentPath(waiting)}>Deployment {waiting}</a>{' '}
              {cluster.waitsFor?.text ??
                (locked === null ? `waits for deployment ${cluster.deployment ?? ''} to end` : `waits: locked by ${locked}`)}
            </p>
          )}
        </section>
      </div>
      {branches.length > 0 && <NotDeployed cluster={name} />}
      <ServerTable cluster={cluster} />
      <section aria-label="History">
        <h2>History</h2>
        <History
          deployments={history.value.value?.deployments ?? null}
          failure={history.failure.value}
          branch={branches[0]?.branch ?? null}
        />
      </section>
      <Releases cluster={name} releases={releases.value.value?.releases ?? []} canRollBack={mayDo(may, 'rollback')} />
      <Fold title="Who may">{() => <WhoMay access={access} />}</Fold>
      <Fold title="Configuration in force">{() => <Configuration cluster={name} />}</Fold>
    </>
  );
}

type ActionsProps = { readonly cluster: ClusterView; readonly access: AccessView | null; readonly canRollBack: boolean };

/** What is possible now, and would not be refused. */
function Actions({ cluster, access, canRollBack }: ActionsProps) {
  return (
    <div class="actions" data-actions role="toolbar" aria-label="Actions">
      {cluster.branches.length > 0 && mayDo(access, 'deploy') && (
        <button class="button button-primary" onClick={() => void askToDeploy(cluster)}>
          <Icon name="up" /> Deploy head…
        </button>
      )}
      {canRollBack && mayDo(access, 'rollback') && (
        <button class="button" onClick={() => void askToRollBack(cluster.cluster)}>
          <Icon name="back" /> Roll back…
        </button>
      )}
      {cluster.held !== null && mayDo(access, 'release-hold') && (
        <button class="button" onClick={() => askToReleaseHold(cluster)}>
          <Icon name="play" /> Release hold…
        </button>
      )}
      {mayDo(access, 'lock') && (
        <button class="button" onClick={() => (cluster.locked === null ? askToLock(cluster) : askToUnlock(cluster))}>
          <Icon name="hold" /> {cluster.locked === null ? 'Lock…' : 'Unlock…'}
        </button>
      )}
    </div>
  );
}

function Now({ cluster }: { readonly cluster: ClusterView }) {
  const { state, deployment, release } = cluster;
  return (
    <section class="card" aria-label={state === 'idle' ? 'Live' : 'Now running'}>
      <h2>{state === 'idle' ? 'Live' : 'Now running'}</h2>
      {state !== 'idle' && deployment !== null && (
        <p>
          <a class="deployment-link" data-row href={deploymentPath(deployment)}>
            Deployment {deployment}
          </a>{' '}
          <StepStrip state={state} progress={progressOf(cluster)} />
        </p>
      )}
      {release === null ? (
        <p class="muted">Nothing has been deployed yet. Push to {cluster.branches[0]?.branch ?? 'its branch'}, or press “Deploy head”.</p>
      ) : (
        <>
          <p class="message">{firstLine(release.message)}</p>
          <p class="muted facts">
            <code title={release.revision}>{short(release.revision)}</code>
            <span>{release.author}</span>
            <When at={release.live} />
          </p>
          <p>
            <code class="release">{release.id}</code>
          </p>
        </>
      )}
    </section>
  );
}

const MOST_SERVERS = 200;

/** Those that are not well first. */
function ServerTable({ cluster }: { readonly cluster: ClusterView }) {
  const { servers, drifted, removed, release } = cluster;
  const findings = new Map(drifted.map((one) => [one.server, one.finding]));
  const sorted = [...servers].sort(
    (a, b) => Number(isNotOk(b.state) || findings.has(b.name)) - Number(isNotOk(a.state) || findings.has(a.name)),
  );
  return (
    <section aria-label="Servers">
      <div class="section-head">
        <h2>Servers</h2>
        <span class="muted">
          {okServers(cluster)} of {servers.length} well
        </span>
      </div>
      <ul class="rows">
        {sorted.slice(0, MOST_SERVERS).map(({ name, state, release: id, error }) => (
          <li key={name} class="row">
            <Pill tone={toneOfServer(state)} word={state} />
            <a data-row href={serverPath(cluster.cluster, name)}>
              {name}
            </a>
            <span class="muted grow">
              {error ??
                findings.get(name) ??
                (id === null ? 'serves nothing yet' : id === release?.id ? 'serves the live release' : `serves ${id}`)}
            </span>
          </li>
        ))}
      </ul>
      {sorted.length > MOST_SERVERS && (
        <p class="muted">and {plural(sorted.length - MOST_SERVERS, 'more server')}, all of them as the last one here</p>
      )}
      {removed.length > 0 && <p class="muted">No longer in the configuration; they keep what they serve: {removed.join(', ')}</p>}
    </section>
  );
}

type ReleasesProps = { readonly cluster: string; readonly releases: readonly PastReleaseView[]; readonly canRollBack: boolean };

function Releases({ cluster, releases, canRollBack }: ReleasesProps) {
  if (releases.length === 0) return null;
  const tones = { live: 'ok', good: 'idle', bad: 'bad', failed: 'bad', sealed: 'idle' } as const;
  return (
    <section aria-label="Releases">
      <h2>Releases</h2>
      <ul class="rows">
        {releases.slice(0, 20).map((release) => (
          <li key={release.id} class="row">
            <Pill tone={tones[release.state]} word={release.state} />
            <code title={release.id}>{short(release.revision)}</code>
            <span class="grow">
              {firstLine(release.message)} <span class="muted">{release.author}</span>
            </span>
            <span class="muted">
              <a href={deploymentPath(release.deployment)}>deployment {release.deployment}</a>, <When at={release.live} />
            </span>
            {release.state === 'good' && canRollBack && (
              <button class="button button-small" onClick={() => void askToRollBack(cluster, release.id)}>
                Go back to this…
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
