// A deployment as it begins: what the event that requests it makes of the cluster.
import { approvalFor } from './approval.ts';
import { courseOf } from './course.ts';
import type { Deployment, Member } from './deployment.ts';
import type { DeploymentEvent } from './event.ts';
import type { ReleaseRecord } from './records.ts';
import type { Commit } from './repository.ts';

/** The state after a `requested` event. */
export function requested(number: number, at: number, event: DeploymentEvent & { type: 'requested' }): Deployment {
  const target = event.target ?? null;
  return {
    number,
    purpose: event.purpose,
    target,
    cluster: event.cluster,
    repository: event.repository,
    branch: event.branch,
    revision: event.revision,
    build: event.build,
    requestedBy: event.requestedBy,
    pushedBy: event.pushedBy ?? null,
    reason: event.reason,
    anew: event.anew ?? false,
    notBefore: event.notBefore ?? null,
    requestedAt: at,
    state: 'waiting',
    result: null,
    endedAt: null,
    problem: null,
    supersededBy: null,
    abortedBy: null,
    pausedBy: null,
    commit: target === null ? null : commitOf(target),
    artifact: target?.artifact ?? null,
    release: target?.id ?? null,
    shelf: { good: [], failed: [] },
    approval: approvalFor(event.cluster, event.purpose, at),
    course: courseOf(event.cluster, event.purpose),
    at: -1,
    members: event.cluster.servers.map(newMember),
    excluded: 0,
    live: false,
    ending: null,
  };
}

const commitOf = ({ revision, author, message, at }: ReleaseRecord): Commit => ({ revision, author, email: '', message, time: at });

const newMember = (): Member => ({
  at: -1,
  status: 'waiting',
  excluded: null,
  problem: null,
  release: undefined,
  foundRevision: '',
  previous: undefined,
  mayBeLocked: false,
  mayHaveSwitched: false,
  mayBeDrained: false,
  mayHaveInstalled: false,
  wasBehind: false,
  hasRelease: false,
  bytes: 0,
  carrier: null,
  warning: null,
});
