// What hooks and webhooks told, what came of it, and any of it once more.
import { useEffect } from 'preact/hooks';
import type { DeliveryView, HookAnswer } from '../../core/views.ts';
import { post } from '../live/api.ts';
import { clusterPath, deploymentPath, query, setQuery } from '../live/location.ts';
import { short } from '../live/words.ts';
import { askFirst } from '../parts/dialog.tsx';
import { Empty } from '../parts/empty.tsx';
import { showInTab } from '../parts/favicon.ts';
import { Icon, Pill } from '../parts/icons.tsx';
import { useResource } from '../parts/use-resource.ts';
import { When } from '../parts/when.tsx';

export function DeliveriesScreen() {
  const list = useResource<{ deliveries: readonly DeliveryView[] }>(
    'deliveries?limit=100',
    ({ type }) => type === 'change-received' || type === 'outcome-recorded',
  );
  useEffect(() => showInTab('idle', 'Deliveries'), []);
  const deliveries = list.value.value?.deliveries ?? null;
  const filter = (query.value.get('filter') ?? '').toLowerCase();
  if (deliveries === null) {
    if (list.failure.value !== null) return <p class="note tone-bad">{list.failure.value.message}</p>;
    return <div class="skeleton-row" aria-busy="true" aria-label="The deliveries are being asked for" />;
  }
  if (deliveries.length === 0) {
    return (
      <Empty title="No delivery yet" command={'lockstep hooks install /srv/git/shop.git\nlockstep hooks secret shop'}>
        <p>A hook tells the daemon of every push. The first command installs one; the second prints what to enter at a forge.</p>
      </Empty>
    );
  }
  const shown = deliveries.filter((one) =>
    `${one.repository} ${one.source} ${one.actor ?? ''} ${one.summary} ${one.id}`.toLowerCase().includes(filter),
  );
  return (
    <>
      <div class="screen-head">
        <h1>Deliveries</h1>
        <label class="filter">
          <Icon name="search" />
          <span class="visually-hidden">Filter deliveries</span>
          <input
            type="search"
            data-filter
            placeholder="Filter"
            value={query.value.get('filter') ?? ''}
            onInput={(event) => setQuery('filter', event.currentTarget.value)}
          />
        </label>
      </div>
      <ul class="rows">
        {shown.map((one) => (
          <Delivery key={`${one.repository} ${one.id}`} delivery={one} />
        ))}
      </ul>
    </>
  );
}

function Delivery({ delivery }: { readonly delivery: DeliveryView }) {
  const { id, repository, source, actor, receivedAt, replayedBy, state, summary, decisions, replayable } = delivery;
  const hasDeployed = decisions.some((decision) => decision.deployment !== null);
  const hasFailed = decisions.some((decision) => decision.action === 'failed' || decision.action === 'refused');
  return (
    <li class="row row-tall">
      <Pill
        tone={state === 'open' ? 'wait' : hasFailed ? 'bad' : hasDeployed ? 'ok' : 'idle'}
        word={state === 'open' ? 'being looked into' : hasFailed ? 'refused' : hasDeployed ? 'deployed' : 'nothing to do'}
      />
      <div class="grow">
        <p>
          <strong>{repository}</strong>{' '}
          <span class="muted">
            {source}
            {actor === null ? '' : `, ${actor}`}
          </span>
        </p>
        <p>{summary}</p>
        <ul class="decisions">
          {decisions.map((decision, i) => (
            <li key={i}>
              <code>{decision.ref}</code> {decision.revision !== null && <code>{short(decision.revision)}</code>} {decision.action}
              {decision.cluster !== null && (
                <>
                  {' '}
                  <a href={clusterPath(decision.cluster)}>{decision.cluster}</a>
                </>
              )}
              {decision.deployment !== null && (
                <>
                  {' '}
                  <a href={deploymentPath(decision.deployment)}>deployment {decision.deployment}</a>
                </>
              )}
            </li>
          ))}
        </ul>
        {replayedBy !== null && <p class="muted">Once more for {replayedBy}</p>}
        <p class="muted small">
          <code>{id}</code>
        </p>
      </div>
      <span class="muted">
        <When at={receivedAt} />
      </span>
      {replayable === true && (
        <button
          class="button button-small"
          data-row
          onClick={() => askToReplay(delivery)}
          aria-label={`Replay the delivery ${id} of ${repository}`}
        >
          <Icon name="run" /> Replay…
        </button>
      )}
    </li>
  );
}

function askToReplay({ repository, id }: DeliveryView): void {
  askFirst({
    title: 'Look at it once more?',
    body: (
      <p>
        The daemon looks at {repository} as if this delivery had just come. What is live already stays as it is; what is not is deployed.
      </p>
    ),
    confirm: 'Replay',
    act: async () => {
      const path = `deliveries/${encodeURIComponent(repository)}/${encodeURIComponent(id)}/replay`;
      const { lines } = await post<HookAnswer>(path);
      return lines.join('; ') || 'It is being looked into';
    },
  });
}
