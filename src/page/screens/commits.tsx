// Commits: those that a cluster does not have yet, and those that a deployment brings, with the files that they change.
import type { ChangesView, CommitsView, CommitView } from '../../core/insight.ts';
import { firstLine, plural, short } from '../live/words.ts';
import { Loading } from '../parts/loading.tsx';
import { useResource } from '../parts/use-resource.ts';
import { When } from '../parts/when.tsx';

export function NotDeployed({ cluster }: { readonly cluster: string }) {
  const list = useResource<CommitsView>(
    `clusters/${encodeURIComponent(cluster)}/commits`,
    (event) => event.type === 'outcome-recorded' || (event.cluster === cluster && event.server === null && event.step === null),
  );
  const view = list.value.value;
  if (view === null) return list.failure.value?.status === 409 ? null : <Loading what="list of commits" failure={list.failure.value} />;
  return (
    <section aria-label="Commits not deployed yet">
      <div class="section-head">
        <h2>Not deployed yet</h2>
        <span class="muted">
          {view.head === null
            ? 'the branch does not exist'
            : view.commits.length === 0
              ? `the head of ${view.branch} is live`
              : totalOf(view.commits, view.total)}
        </span>
      </div>
      {view.diverged && (
        <p class="note tone-warn">The head of {view.branch} is no descendant of what is live: the branch was rewritten, or goes back.</p>
      )}
      <Commits commits={view.commits} />
    </section>
  );
}

/** Asked for only when somebody opens it. */
export function Changes({ number }: { readonly number: number }) {
  const changes = useResource<ChangesView>(`deployments/${number}/changes`, () => false);
  const view = changes.value.value;
  if (view === null) return <Loading what="list of changes" failure={changes.failure.value} />;
  return (
    <>
      {view.diverged && <p class="note tone-warn">This goes aside or back: what was live is no ancestor of it.</p>}
      <p class="muted">
        {totalOf(view.commits, view.totalCommits)}, {plural(view.totalFiles ?? view.files.length, 'file')}
      </p>
      <Commits commits={view.commits} />
      {view.files.length > 0 && (
        <ul class="files">
          {view.files.map(({ path, change }) => (
            <li key={path}>
              <span class={`file-change tone-${change === 'added' ? 'ok' : change === 'deleted' ? 'bad' : 'run'}`}>{change}</span>{' '}
              <code>{path}</code>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

const totalOf = (commits: readonly CommitView[], total: number | null): string =>
  total === null ? `more than ${commits.length} commits` : plural(total, 'commit');

const Commits = ({ commits }: { readonly commits: readonly CommitView[] }) =>
  commits.length === 0 ? null : (
    <ul class="rows">
      {commits.map((commit) => (
        <li key={commit.revision} class="row">
          <code title={commit.revision}>{short(commit.revision)}</code>
          <span class="grow">{firstLine(commit.message)}</span>
          <span class="muted">
            {commit.author}, <When at={commit.at} />
          </span>
        </li>
      ))}
    </ul>
  );
