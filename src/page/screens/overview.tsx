// Every cluster by environment, broken ones first.
import { useEffect } from 'preact/hooks';
import type { ClusterView } from '../../core/views.ts';
import { overview } from '../live/clusters.ts';
import { clusterPath, deploymentPath, query, setQuery } from '../live/location.ts';
import { firstLine, okServers, plural, progressOf, short, statusOf, urgency } from '../live/words.ts';
import type { Tone } from '../live/words.ts';
import { Empty } from '../parts/empty.tsx';
import { showInTab } from '../parts/favicon.ts';
import { Icon, Pill } from '../parts/icons.tsx';
import { StepStrip } from '../parts/step-strip.tsx';
import { When } from '../parts/when.tsx';

const FIRST_CONFIGURATION = `{
  "repositories": { "shop": { "type": "git", "url": "/srv/git/shop.git" } },
  "branches": [{ "repository": "shop", "branch": "servers/production", "clusters": ["production"] }],
  "clusters": { "production": { "path": "/srv/shop", "servers": ["deploy@web1.example.org"] } }
}

lockstep check
lockstep hooks install /srv/git/shop.git`;

const KNOWN_ENVIRONMENTS = ['production', 'gray', 'preproduction', 'test', 'development'];

export function OverviewScreen() {
  const clusters = overview.value?.clusters ?? null;
  const filter = query.value.get('filter') ?? '';
  const statuses = (clusters ?? []).map(statusOf);
  const worst = worstOf(statuses.map((status) => status.tone));
  const moving = statuses.filter((status) => status.tone === 'run').length;
  useEffect(() => {
    showInTab(worst, moving > 0 ? `${moving} deploying` : 'Clusters');
  }, [worst, moving]);
  if (clusters === null) return <Skeleton />;
  if (clusters.length === 0) {
    return (
      <Empty title="No cluster yet" command={FIRST_CONFIGURATION}>
        <p>
          Clusters are written in <code>branches.config.json</code>; the first push makes those of a pattern. For example:
        </p>
      </Empty>
    );
  }
  const shown = clusters.filter((cluster) => matches(cluster, filter));
  const environments = [...new Set(shown.map((cluster) => cluster.environment))].sort(byRank);
  return (
    <>
      <div class="screen-head">
        <h1>Clusters</h1>
        <Summary clusters={clusters} />
        <label class="filter">
          <Icon name="search" />
          <span class="visually-hidden">Filter clusters</span>
          <input
            type="search"
            data-filter
            placeholder="Filter by name, branch, state, author"
            value={filter}
            onInput={(event) => setQuery('filter', event.currentTarget.value)}
          />
          <kbd class="wide-only">/</kbd>
        </label>
      </div>
      {shown.length === 0 && (
        <Empty title="No cluster matches">
          <button class="button" onClick={() => setQuery('filter', null)}>
            Show all {clusters.length}
          </button>
        </Empty>
      )}
      {environments.map((environment) => (
        <section key={environment} class="environment" aria-label={environment}>
          <h2>
            {environment} <span class="count">{shown.filter((one) => one.environment === environment).length}</span>
          </h2>
          <ul class="clusters">
            {shown
              .filter((one) => one.environment === environment)
              .sort((a, b) => urgency(a) - urgency(b) || a.cluster.localeCompare(b.cluster))
              .map((cluster) => (
                <Row key={cluster.cluster} cluster={cluster} />
              ))}
          </ul>
        </section>
      ))}
    </>
  );
}

function Row({ cluster }: { readonly cluster: ClusterView }) {
  const { release, held, locked, drifted, deployment, waiting, servers, branches, state, head } = cluster;
  const status = statusOf(cluster);
  const isMoving = state !== 'idle';
  const ok = okServers(cluster);
  return (
    <li class={`cluster tone-edge-${status.tone}`}>
      <div class="cluster-state">
        <Pill {...status} />
      </div>
      <div class="cluster-name">
        <a data-row href={clusterPath(cluster.cluster)}>
          {cluster.cluster}
        </a>
        <span class="muted branch">{branches.map((one) => `${one.repository} ${one.branch}`).join(', ')}</span>
      </div>
      <div class="cluster-release">
        {isMoving && deployment !== null ? (
          <>
            <a class="deployment-link" href={deploymentPath(deployment)}>
              Deployment {deployment}
            </a>
            <StepStrip state={state} progress={progressOf(cluster)} />
          </>
        ) : release === null ? (
          <span class="muted">Push to {branches[0]?.branch ?? 'its branch'} to deploy for the first time</span>
        ) : (
          <>
            <span class="message" title={release.message}>
              {firstLine(release.message)}
            </span>
            <span class="muted">
              <code>{short(release.revision)}</code> {release.author} · <When at={release.live} />
            </span>
          </>
        )}
      </div>
      <div class="cluster-marks">
        {locked !== null && (
          <span class="mark tone-hold" title={locked}>
            <Icon name="hold" /> locked
          </span>
        )}
        {held !== null && (
          <span class="mark tone-hold" title={held}>
            <Icon name="pause" /> held
          </span>
        )}
        {drifted.length > 0 && <span class="mark tone-warn">{drifted.length} drifted</span>}
        {typeof head?.ahead === 'number' && head.ahead > 0 && (
          <span class="mark tone-run" title={`The head of the branch is ${short(head.revision)}`}>
            <Icon name="up" /> {head.ahead} behind
          </span>
        )}
        {waiting !== null && (
          <a class="mark" href={deploymentPath(waiting)}>
            {waiting} waits
          </a>
        )}
      </div>
      <div class={`cluster-servers ${ok < servers.length ? 'is-odd' : ''}`} title={`${ok} of ${plural(servers.length, 'server')} well`}>
        <strong>
          {ok}/{servers.length}
        </strong>
        <span class="muted">{servers.length === 1 ? 'server' : 'servers'}</span>
      </div>
    </li>
  );
}

function Summary({ clusters }: { readonly clusters: readonly ClusterView[] }) {
  const tones = clusters.map((cluster) => statusOf(cluster).tone);
  const count = (...wanted: Tone[]): number => tones.filter((tone) => wanted.includes(tone)).length;
  const parts = [
    { tone: 'bad', word: 'broken', count: count('bad') },
    { tone: 'warn', word: 'to look at', count: count('warn') },
    { tone: 'run', word: 'deploying', count: count('run') },
    { tone: 'hold', word: 'held or locked', count: count('hold') },
    { tone: 'ok', word: 'live', count: count('ok') },
  ] as const;
  return (
    <p class="summary">
      {parts
        .filter((part) => part.count > 0)
        .map((part) => (
          <span key={part.word} class={`mark tone-${part.tone}`}>
            <Icon name={part.tone} /> {part.count} {part.word}
          </span>
        ))}
    </p>
  );
}

const Skeleton = () => (
  <div class="skeleton" aria-busy="true" aria-label="The clusters are being asked for">
    {[1, 2, 3].map((i) => (
      <div key={i} class="skeleton-row" />
    ))}
  </div>
);

function matches(cluster: ClusterView, filter: string): boolean {
  const { release, branches, environment } = cluster;
  const text = [
    cluster.cluster,
    environment,
    statusOf(cluster).word,
    ...branches.map((one) => `${one.repository} ${one.branch}`),
    release?.author ?? '',
    release?.message ?? '',
    release?.revision ?? '',
    cluster.locked === null ? '' : 'locked',
    cluster.held === null ? '' : 'held',
  ]
    .join('\n')
    .toLowerCase();
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** Those that users see come first; environments of one's own come last. */
function rank(environment: string): number {
  const known = KNOWN_ENVIRONMENTS.indexOf(environment);
  return known < 0 ? KNOWN_ENVIRONMENTS.length : known;
}

const byRank = (a: string, b: string): number => rank(a) - rank(b) || a.localeCompare(b);

const ORDER: readonly Tone[] = ['bad', 'run', 'warn', 'hold', 'ok', 'wait', 'idle'];
const worstOf = (tones: readonly Tone[]): Tone => ORDER.find((tone) => tones.includes(tone)) ?? 'idle';
