// One deployment: what it brings, the board, the servers, the log, and what can be done about it now.
import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { AccessView } from '../../core/access.ts';
import type { DeploymentView } from '../../core/views.ts';
import { mayDo } from '../live/access.ts';
import { duration, now } from '../live/clock.ts';
import { openDeployment } from '../live/deployment.ts';
import { usualTimes } from '../live/history.ts';
import type { UsualTimes } from '../live/history.ts';
import { clusterPath, deploymentPath, query, setQuery } from '../live/location.ts';
import { noteView, watchEnd } from '../live/watched.ts';
import { capital, deploymentStatus, firstLine, PURPOSES, short } from '../live/words.ts';
import { say } from '../parts/announcer.tsx';
import { Empty } from '../parts/empty.tsx';
import { showInTab } from '../parts/favicon.ts';
import { Fold } from '../parts/fold.tsx';
import { Icon, Pill } from '../parts/icons.tsx';
import { useResource } from '../parts/use-resource.ts';
import { When } from '../parts/when.tsx';
import { ActionBar, deedsOf } from './action-bar.tsx';
import { Board } from './board.tsx';
import { Changes } from './commits.tsx';
import { Failures } from './failures.tsx';
import { Log } from './log.tsx';
import { Servers } from './servers.tsx';
import { NotYours } from './who-may.tsx';

export function DeploymentScreen({ number }: { readonly number: number }) {
  const live = useMemo(() => openDeployment(number), [number]);
  useEffect(() => live.close, [live]);
  const usual = useSignal<UsualTimes>(new Map());
  const view = live.view.value;
  const cluster = view?.cluster;
  useEffect(() => {
    if (cluster !== undefined) void usualTimes(cluster, number).then((times) => (usual.value = times));
  }, [number, cluster]);
  const server = query.value.get('server');
  useEffect(() => live.lookAt(server), [live, server]);
  const servers = live.servers.value;
  const access = useResource<AccessView>(`deployments/${number}/access`, ({ type }) => type === 'configuration-loaded');
  const may = access.value.value;
  // Who watches it run may be told of its end.
  useEffect(() => {
    if (view === null) return;
    if (view.state !== 'ended') watchEnd(number);
    noteView(view);
  }, [number, view?.state]);
  useTab(view);
  if (view === null || servers === null) {
    if (live.problem.value === null) return <div class="skeleton-row" aria-busy="true" aria-label="The deployment is being asked for" />;
    return (
      <Empty title={`Deployment ${number} cannot be shown`} command="lockstep history">
        <p>{live.problem.value}</p>
      </Empty>
    );
  }
  const select = (name: string | null): void => setQuery('server', name);
  return (
    <div class="deployment">
      <Head view={view} />
      <Problem view={view} />
      <Waits view={view} />
      <Board view={view} servers={servers} usual={usual.value} onServer={select} />
      <Servers view={view} servers={servers} canSkip={mayDo(may, 'pause')} selected={server} onSelect={select} />
      <Failures view={view} onServer={select} />
      <Log number={number} names={servers.names} />
      <Fold title="Commits and files">{() => <Changes number={number} />}</Fold>
      <NotYours access={may} deeds={deedsOf(view)} />
      <ActionBar view={view} access={may} count={servers.names.length} />
    </div>
  );
}

function Head({ view }: { readonly view: DeploymentView }) {
  const ended = view.endedAt === null ? now.value : Date.parse(view.endedAt);
  return (
    <>
      <nav class="crumbs" aria-label="Where this is">
        <a href="/">Clusters</a>
        <Icon name="next" />
        <a href={clusterPath(view.cluster)}>{view.cluster}</a>
      </nav>
      <div class="screen-head">
        <h1>
          {PURPOSES[view.purpose]} {view.number}
        </h1>
        <Pill {...deploymentStatus(view)} />
        <span class="muted">{duration(ended - Date.parse(view.requestedAt))}</span>
      </div>
      <div class="change">
        <p class="message">{titleOf(view)}</p>
        <p class="muted facts">
          <span>
            <Icon name="branch" /> {view.repository} {view.branch}
          </span>
          <code title={view.revision}>{short(view.revision)}</code>
          {view.author !== null && <span>{view.author}</span>}
          <span>
            asked by {view.requestedBy} <When at={view.requestedAt} />
          </span>
        </p>
        {(view.release !== null || (view.previous !== null && view.state !== 'ended')) && (
          <p class="muted facts">
            <code class="release">{view.previous ?? 'nothing'}</code>
            <span aria-label="becomes">→</span>
            <code class="release">{view.release ?? 'a release that is being built'}</code>
          </p>
        )}
        {view.supersededBy !== null && (
          <p>
            Superseded by <a href={deploymentPath(view.supersededBy)}>deployment {view.supersededBy}</a>
          </p>
        )}
      </div>
    </>
  );
}

const titleOf = ({ message, state, revision }: DeploymentView): string => {
  if (message !== null) return firstLine(message);
  return state === 'ended' ? `Revision ${short(revision)}` : 'The commit is being looked at';
};

function Problem({ view: { problem, result } }: { readonly view: DeploymentView }) {
  if (problem === null || result === 'done') return null;
  return (
    <section class="note note-block tone-bad" aria-label="What went wrong">
      <Icon name="bad" />
      <div>
        <p>{capital(problem.message)}</p>
        {problem.detail !== null && (
          <details>
            <summary>Details</summary>
            <pre tabIndex={0}>{problem.detail}</pre>
          </details>
        )}
      </div>
    </section>
  );
}

function Waits({ view: { waitsFor } }: { readonly view: DeploymentView }) {
  if (waitsFor === null) return null;
  return (
    <p class="note tone-wait">
      <Icon name="wait" />
      <span>
        It {waitsFor.text}
        {waitsFor.kind === 'approval' && (
          <>
            {waitsFor.approvedBy.length > 0 && `, approved by ${waitsFor.approvedBy.join(', ')}`}. Who may: {waitsFor.by.join(', ')}. It is
            given up <When at={waitsFor.until} />
          </>
        )}
        .
      </span>
    </p>
  );
}

/** The tab's title and icon, and what screen readers are told: steps, not servers. */
function useTab(view: DeploymentView | null): void {
  const running = view?.steps.find((step) => step.state === 'running');
  const place = view?.cluster ?? '';
  const status = view === null ? null : deploymentStatus(view);
  const progress = running === undefined || running.total < 2 ? '' : ` ${running.done}/${running.total}`;
  useEffect(() => {
    if (status !== null) showInTab(status.tone, `${running === undefined ? status.word : running.step}${progress} ${place}`);
  }, [status?.word, running?.step, progress, place]);
  useEffect(() => {
    if (status === null) return;
    say(running === undefined ? `Deployment ${view?.number ?? ''}: ${status.word}` : `${capital(running.step)}, ${running.total} servers`);
  }, [status?.word, running?.step]);
}
