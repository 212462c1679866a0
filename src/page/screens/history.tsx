// Deployments, newest first: how each ended, what it brought, who asked, and how long it took.
import type { DeploymentView } from '../../core/views.ts';
import type { ApiFailure } from '../live/api.ts';
import { duration } from '../live/clock.ts';
import { deploymentPath } from '../live/location.ts';
import { deploymentStatus, firstLine, PURPOSES, short } from '../live/words.ts';
import { Empty } from '../parts/empty.tsx';
import { Pill } from '../parts/icons.tsx';
import { When } from '../parts/when.tsx';

type Props = {
  readonly deployments: readonly DeploymentView[] | null;
  readonly failure: ApiFailure | null;
  readonly branch: string | null;
};

export function History({ deployments, failure, branch }: Props) {
  if (deployments === null) {
    if (failure !== null) return <p class="note tone-bad">{failure.message}</p>;
    return <div class="skeleton-row" aria-busy="true" aria-label="The history is being asked for" />;
  }
  if (deployments.length === 0) {
    return (
      <Empty title="No deployment yet" command={`git push origin HEAD:${branch ?? 'servers/production'}`}>
        <p>A push deploys; so does “Deploy head”.</p>
      </Empty>
    );
  }
  return (
    <ul class="rows">
      {deployments.map((one) => (
        <li key={one.number} class="row">
          <Pill {...deploymentStatus(one)} />
          <a data-row href={deploymentPath(one.number)}>
            {PURPOSES[one.purpose]} {one.number}
          </a>
          <span class="grow">
            {one.message === null ? '' : firstLine(one.message)} <code title={one.revision}>{short(one.revision)}</code>{' '}
            <span class="muted">{one.author}</span>
            {one.result !== 'done' && one.state === 'ended' && <span class="muted block">{firstLine(one.reason)}</span>}
          </span>
          <span class="muted">
            <When at={one.requestedAt} />
            {one.endedAt !== null && `, ${duration(Date.parse(one.endedAt) - Date.parse(one.requestedAt))}`}
          </span>
        </li>
      ))}
    </ul>
  );
}
