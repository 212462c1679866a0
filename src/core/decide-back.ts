// What people ask when a release was no good: to go back to an earlier one, and to let the head be deployed again.
import { decideDeploy, isCatchUp } from './decide.ts';
import type { Decision, DeployRequest, Fresh } from './decide.ts';
import { DeployError } from './errors.ts';
import type { ReleaseRecord } from './records.ts';
import { clusterOf } from './state.ts';
import type { State } from './state.ts';

export type RollbackRequest = Omit<DeployRequest, 'revision' | 'force'> & {
  readonly purpose: 'roll-back' | 'emergency';
  /** A release's name, or the revision that it was made of, or the beginning of either; `null`: the last one before the live one. */
  readonly to: string | null;
};

/**
 * A cluster is asked to go back to a release that was live on it. Throws `conflict`: nothing to go to, or a deployment runs;
 * `not-found`: no such release was live.
 */
export function decideRollback(state: State, request: RollbackRequest): Decision<number> {
  const { to, purpose, ...rest } = request;
  const { name } = request.cluster;
  const { record, running } = clusterOf(state, name);
  const current = running === null ? undefined : state.deployments.get(running);
  if (running !== null && (current === undefined || !isCatchUp(current)))
    throw new DeployError('conflict', `deployment ${running} of ${name} is running; abort it or wait for its end first`);
  const [live, ...earlier] = record.releases;
  const target = to === null ? earlier.find((one) => !Object.hasOwn(record.bad, one.id)) : named(record.releases, to);
  const attempt = to === null ? undefined : record.attempts.find(({ release }) => release.id === to || release.revision.startsWith(to));
  if (target === undefined && attempt !== undefined) {
    throw new DeployError(
      'conflict',
      `${attempt.release.id} was never live on ${name} (${attempt.state}: ${attempt.reason}); nothing was changed`,
    );
  }
  if (to !== null && target === undefined) {
    throw new DeployError('not-found', `no release or revision ${to} was live on ${name}; see: lockstep releases ${name}`);
  }
  if (target === undefined || live === undefined) {
    throw new DeployError('conflict', `there is no earlier good release of ${name} to go back to; nothing was changed`);
  }
  if (target.id === live.id) throw new DeployError('conflict', `${name} serves ${target.id} already; nothing was changed`);
  const deploy = { ...rest, revision: target.revision, force: true };
  const { events, result } = decideDeploy(state, deploy);
  if (result.kind !== 'deployment') throw new DeployError('conflict', `${name} cannot be rolled back now: ${result.kind}`);
  const asRollback = events.map((fresh): Fresh =>
    fresh.deployment !== null && fresh.event.type === 'requested' ? { ...fresh, event: { ...fresh.event, purpose, target } } : fresh,
  );
  return { events: asRollback, result: result.number };
}

function named(releases: readonly ReleaseRecord[], to: string): ReleaseRecord | undefined {
  return (
    releases.find((one) => one.id === to || one.revision === to) ??
    releases.find((one) => one.id.startsWith(to) || one.revision.startsWith(to))
  );
}

/** The branch head that was rolled back from may be deployed again. */
export function decideReleaseHold(state: State, cluster: string, by: string): Decision<string> {
  if (clusterOf(state, cluster).record.held === null) return { events: [], result: `${cluster} was not held` };
  return {
    events: [{ deployment: null, event: { type: 'hold-released', cluster, by } }],
    result: `the hold of ${cluster} is released; deploy its head with: lockstep deploy ${cluster}`,
  };
}
