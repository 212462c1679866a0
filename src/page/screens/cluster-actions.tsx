// What can be asked of a cluster: deploy its head, roll back, lock, release a hold. Each shows first what is live and what will be.
import type { Accepted } from '../../core/application.ts';
import type { ClusterView, PastReleaseView, PlanView } from '../../core/views.ts';
import { get, messageOf, post } from '../live/api.ts';
import { deploymentPath, go } from '../live/location.ts';
import { watchEnd } from '../live/watched.ts';
import { firstLine, plural, short } from '../live/words.ts';
import { announce } from '../parts/announcer.tsx';
import { askFirst } from '../parts/dialog.tsx';
import { LiveChange } from './live-change.tsx';

const at = (cluster: string, verb: string): string => `clusters/${encodeURIComponent(cluster)}/${verb}`;

export async function askToDeploy(cluster: ClusterView): Promise<void> {
  let plan: PlanView;
  try {
    plan = await get<PlanView>(at(cluster.cluster, 'plan'));
  } catch (error) {
    announce(messageOf(error));
    return;
  }
  askFirst({
    title: `Deploy the head of ${plan.branch} to ${cluster.cluster}?`,
    body: (
      <>
        <LiveChange
          now={plan.live === null ? 'nothing' : `${short(plan.live.revision)} ${firstLine(plan.live.message)}`}
          then={`${short(plan.revision)} ${firstLine(plan.message)}`}
          note={`On ${plural(plan.servers.length, 'server')}; ${plan.built ? 'built already' : 'built first, once'}. By ${plan.author}.`}
        />
        {plan.verdict !== 'deploy' && <p class="note tone-warn">{plan.verdict}</p>}
      </>
    ),
    confirm: `Deploy ${short(plan.revision)}`,
    act: async () => follow(await post(at(cluster.cluster, 'deploy'), { revision: plan.revision })),
  });
}

/** `to` null: the last good one. */
export async function askToRollBack(cluster: string, to: string | null = null): Promise<void> {
  let releases: readonly PastReleaseView[];
  try {
    ({ releases } = await get<{ releases: readonly PastReleaseView[] }>(at(cluster, 'releases')));
  } catch (error) {
    announce(messageOf(error));
    return;
  }
  const live = releases.find((release) => release.state === 'live');
  const target = releases.find((release) => (to === null ? release.state === 'good' : release.id === to));
  if (target === undefined) {
    announce(`There is no earlier release of ${cluster} to go back to.`);
    return;
  }
  askFirst({
    title: `Roll ${cluster} back?`,
    body: (
      <>
        <LiveChange
          now={live === undefined ? 'nothing' : `${live.id}  ${firstLine(live.message)}`}
          then={`${target.id}  ${firstLine(target.message)}`}
          note={`On ${plural(target.present, 'server')}, where it lies already. The database stays as it is.`}
        />
        <p class="muted">Afterwards the cluster is held: it waits for a newer commit than the one that is taken back.</p>
        {target.missing.length > 0 && <p class="note tone-warn">Missing on {target.missing.join(', ')}.</p>}
      </>
    ),
    confirm: `Roll back to ${short(target.revision)}`,
    isDangerous: true,
    act: async () => follow(await post(at(cluster, 'rollback'), { to: target.id })),
  });
}

export function askToLock({ cluster, waiting }: ClusterView): void {
  askFirst({
    title: `Lock ${cluster}?`,
    body: (
      <p>
        Deployments wait until it is unlocked{waiting === null ? '' : `; deployment ${waiting} waits already`}. What is live stays live.
      </p>
    ),
    input: { label: 'Why? Others see this.', value: '' },
    confirm: 'Lock',
    act: async (reason) => (await post(at(cluster, 'lock'), reason.trim() === '' ? {} : { reason })).message,
  });
}

export function askToUnlock({ cluster, locked, waiting }: ClusterView): void {
  askFirst({
    title: `Unlock ${cluster}?`,
    body: (
      <p>
        It was locked by {locked}. {waiting === null ? 'Nothing waits.' : `Deployment ${waiting} begins at once.`}
      </p>
    ),
    confirm: 'Unlock',
    act: async () => (await post(at(cluster, 'unlock'))).message,
  });
}

export function askToReleaseHold({ cluster, held }: ClusterView): void {
  askFirst({
    title: `Release the hold of ${cluster}?`,
    body: <p>It is held: {held}. Released, it follows the head of its branch again, whatever that is.</p>,
    confirm: 'Release the hold',
    act: async () => (await post(at(cluster, 'release-hold'))).message,
  });
}

/** To the deployment that a request led to. */
export function follow({ message, deployment }: Accepted): string {
  if (deployment !== null) {
    watchEnd(deployment);
    go(deploymentPath(deployment));
  }
  return message;
}
