// The audit: who did what, from where, and what was refused; whether it is still as it was written; and all of it to take away.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { AuditView } from '../../core/audit-text.ts';
import type { AuditVerdict } from '../../core/audit.ts';
import { get, messageOf } from '../live/api.ts';
import { clusterPath, deploymentPath, query, setQuery } from '../live/location.ts';
import { plural } from '../live/words.ts';
import { Empty } from '../parts/empty.tsx';
import { showInTab } from '../parts/favicon.ts';
import { Icon, Pill } from '../parts/icons.tsx';
import { useResource } from '../parts/use-resource.ts';
import { When } from '../parts/when.tsx';

const PAGE = 100;
type Page = { readonly entries: readonly AuditView[] };

export function AuditScreen() {
  const cluster = query.value.get('cluster') ?? '';
  const filter = query.value.get('filter') ?? '';
  const of = cluster === '' ? '' : `&cluster=${encodeURIComponent(cluster)}`;
  const newest = useResource<Page>(`audit?limit=${PAGE}${of}`, ({ server }) => server === null);
  const older = useSignal<readonly AuditView[]>([]);
  const hasAll = useSignal(false);
  const problem = useSignal<string | null>(null);
  useEffect(() => showInTab('idle', 'Audit'), []);
  useEffect(() => {
    older.value = [];
    hasAll.value = false;
  }, [cluster]);
  const failure = newest.failure.value;
  const first = newest.value.value?.entries ?? null;
  if (first === null && failure !== null) {
    return (
      <Empty title="The audit is not for you" command="lockstep audit --since 7d">
        <p>{failure.message}</p>
      </Empty>
    );
  }
  if (first === null) return <div class="skeleton-row" aria-busy="true" role="status" aria-label="The audit is being asked for" />;
  const last = older.value.at(-1) ?? first.at(-1);
  const entries = [...first, ...older.value.filter(({ number }) => number < (first.at(-1)?.number ?? 0))];
  const shown = entries.filter((entry) => textOf(entry).includes(filter.toLowerCase()));
  const more = async (): Promise<void> => {
    try {
      const { entries: next } = await get<Page>(`audit?limit=${PAGE}&before=${last?.number ?? 1}${of}`);
      older.value = [...older.value, ...next];
      hasAll.value = next.length < PAGE;
      problem.value = null;
    } catch (error) {
      problem.value = messageOf(error);
    }
  };
  return (
    <>
      <div class="screen-head">
        <h1>Audit</h1>
        <label class="filter">
          <Icon name="search" />
          <span class="visually-hidden">Filter what is shown</span>
          <input
            type="search"
            data-filter
            placeholder="Filter by who, what, from where"
            value={filter}
            onInput={(event) => setQuery('filter', event.currentTarget.value)}
          />
        </label>
        <label class="filter">
          <span class="visually-hidden">Of this cluster only</span>
          <input
            type="search"
            placeholder="Cluster"
            value={cluster}
            onChange={(event) => setQuery('cluster', event.currentTarget.value.trim())}
          />
        </label>
      </div>
      <div class="actions" data-actions role="toolbar" aria-label="Actions">
        <Verify />
        <a class="button" href={`/api/v1/audit?format=csv${of}`} download>
          <Icon name="down" /> CSV
        </a>
        <a class="button" href={`/api/v1/audit?format=jsonl${of}`} download>
          <Icon name="down" /> JSON lines
        </a>
      </div>
      {shown.length === 0 ? (
        <p class="muted">{entries.length === 0 ? 'There is no entry.' : 'No entry matches.'}</p>
      ) : (
        <ol class="rows audit" aria-label="Entries, newest first">
          {shown.map((entry) => (
            <Entry key={entry.number} entry={entry} />
          ))}
        </ol>
      )}
      {problem.value !== null && <p class="note tone-bad">{problem.value}</p>}
      {!hasAll.value && entries.length >= PAGE && (
        <button class="button" onClick={() => void more()}>
          Older entries
        </button>
      )}
    </>
  );
}

const textOf = ({ number, actor, kind, address, action, cluster, deployment, text }: AuditView): string =>
  [number, actor, kind, address, action, cluster, deployment, text].join(' ').toLowerCase();

function Entry({ entry }: { readonly entry: AuditView }) {
  const { number, at, actor, kind, address, action, cluster, deployment, text } = entry;
  const isRefusal = action === 'refuse' || action === 'sign-in-refused';
  return (
    <li class="row row-tall">
      <Pill tone={isRefusal ? 'warn' : 'idle'} word={action} />
      <div class="grow">
        <p>
          <strong>{actor}</strong>{' '}
          <span class="muted">
            {kind}
            {address === null ? '' : `, from ${address}`}
          </span>
        </p>
        <p class="message-wide">{text}</p>
        <p class="muted small">
          {cluster !== null && (
            <>
              <a data-row href={clusterPath(cluster)}>
                {cluster}
              </a>{' '}
            </>
          )}
          {deployment !== null && <a href={deploymentPath(deployment)}>deployment {deployment}</a>}
        </p>
      </div>
      <span class="muted">
        <When at={at} /> <code title={`SHA-256 ${entry.hash}`}>#{number}</code>
      </span>
    </li>
  );
}

/** Reads the whole chain, which takes its time: only when somebody asks. */
function Verify() {
  const verdict = useSignal<AuditVerdict | null>(null);
  const problem = useSignal<string | null>(null);
  const isBusy = useSignal(false);
  const verify = async (): Promise<void> => {
    isBusy.value = true;
    try {
      verdict.value = await get<AuditVerdict>('audit/verify');
      problem.value = null;
    } catch (error) {
      problem.value = messageOf(error);
    } finally {
      isBusy.value = false;
    }
  };
  const found = verdict.value;
  return (
    <>
      <button class="button" disabled={isBusy.value} onClick={() => void verify()}>
        <Icon name="ok" /> {isBusy.value ? 'Reading the chain…' : 'Verify'}
      </button>
      <span class="verdict" role="status">
        {problem.value !== null && <span class="tone-bad">{problem.value}</span>}
        {found !== null && found.problem !== null && <Pill tone="bad" word={found.problem} />}
        {found !== null && found.problem === null && (
          <>
            <Pill tone="ok" word={`${plural(found.entries, 'entry').replace(/entrys$/, 'entries')} as written`} />
            {found.newest !== null && (
              <span class="muted">
                newest #{found.newest.number} <code title={found.newest.hash}>{found.newest.hash.slice(0, 12)}</code>
              </span>
            )}
          </>
        )}
      </span>
    </>
  );
}
