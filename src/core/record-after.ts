// What a cluster's record says after a deployment: its releases, its servers, what is held.
import type { Deployment, Member } from './deployment.ts';
import { driftedWithout } from './drifted.ts';
import { isUnfinished } from './reasons.ts';
import type { Attempt, ClusterRecord, ReleaseRecord, ServerRecord } from './records.ts';
import { serverState } from './server-state.ts';

/** Releases that a cluster remembers beyond `keep`: room for a look back, and a bound. */
const REMEMBERED = 20;

/** `deployment` has ended otherwise than `superseded`. */
export function recordAfter(record: ClusterRecord, deployment: Deployment): ClusterRecord {
  const servers = serversAfter(record, deployment);
  const missing = missingAfter(record, deployment, servers);
  // Catching up is between one server and its cluster: what the cluster serves is what it served.
  const drifted = deployment.live ? driftedWithout(record, deployment) : record.drifted;
  if (deployment.purpose === 'catch-up') return { ...record, servers, missing, drifted };
  const release = releaseOf(deployment);
  // A deployment that was asked for before the head was skipped says nothing about that head.
  const skipped = record.skipped !== null && record.skipped.at > deployment.requestedAt ? record.skipped : null;
  const after = { ...record, servers, drifted, skipped, lastDeployment: deployment.number };
  const changed = release === null ? after : deployment.live ? arrived(after, deployment, release) : attempted(after, deployment, release);
  const known = new Set([...changed.releases.map((one) => one.id), ...changed.attempts.map((one) => one.release.id)]);
  return { ...changed, missing: Object.fromEntries(Object.entries(missing).filter(([id]) => known.has(id))) };
}

/** The release is the cluster's now. After a roll back the one that was left is bad, and its revision is held; a new commit ends both. */
function arrived(record: ClusterRecord, deployment: Deployment, brought: ReleaseRecord): ClusterRecord {
  const release = { ...brought, shared: deployment.cluster.shared };
  // What was brought anew takes the place of the copy that it was brought for.
  const isReplaced = (one: ReleaseRecord): boolean =>
    deployment.anew && one.artifact === release.artifact && one.revision === release.revision;
  const others = record.releases.filter((one) => one.id !== release.id && !isReplaced(one));
  const left = record.releases[0];
  const adopted = left === undefined ? adoptedBy(deployment) : null;
  const releases = [release, ...others, ...(adopted === null ? [] : [adopted])].slice(0, deployment.cluster.keep + REMEMBERED);
  const attempts = record.attempts.filter((one) => one.release.id !== release.id);
  const known = new Set(releases.map((one) => one.id));
  const bad = Object.fromEntries(Object.entries(record.bad).filter(([id]) => id !== release.id && known.has(id)));
  if (deployment.purpose === 'deploy' || left === undefined || left.id === release.id) {
    return { ...record, releases, attempts, bad, held: null };
  }
  const reason = `rolled back from ${left.id} by ${deployment.requestedBy}`;
  return { ...record, releases, attempts, bad: { ...bad, [left.id]: deployment.endedAt ?? 0 }, held: { revision: left.revision, reason } };
}

function attempted(record: ClusterRecord, deployment: Deployment, release: ReleaseRecord): ClusterRecord {
  if (record.releases.some((one) => one.id === release.id) || !deployment.members.some((member) => member.hasRelease)) return record;
  const state = deployment.result === 'aborted' ? 'sealed' : deployment.result === 'rolled-back' ? 'bad' : 'failed';
  const attempt: Attempt = { release, state, reason: deployment.problem?.message.slice(0, 300) ?? '' };
  const others = record.attempts.filter((one) => one.release.id !== release.id);
  return { ...record, attempts: [attempt, ...others].slice(0, REMEMBERED) };
}

function releaseOf(deployment: Deployment): ReleaseRecord | null {
  const { release, artifact, commit, target, endedAt } = deployment;
  if (target !== null) return target;
  if (release === null || artifact === null) return null;
  return {
    id: release,
    artifact,
    revision: deployment.revision,
    branch: deployment.branch,
    repository: deployment.repository.name,
    author: commit?.author ?? '',
    message: commit?.message ?? '',
    deployment: deployment.number,
    at: endedAt ?? 0,
  };
}

/** What all servers served before the first deployment, if that was one release: it can be gone back to. */
function adoptedBy({ members, number, endedAt, release }: Deployment): ReleaseRecord | null {
  const took = members.filter((member) => member.excluded === null);
  const id = took[0]?.previous ?? null;
  if (id === null || id === release || !took.every((member) => member.previous === id)) return null;
  const message = 'was on the servers before Lockstep';
  const revision = took.every((member) => member.foundRevision === took[0]?.foundRevision) ? (took[0]?.foundRevision ?? '') : '';
  return { id, artifact: null, revision, branch: '', repository: '', author: '', message, deployment: number, at: (endedAt ?? 0) - 1 };
}

function serversAfter(record: ClusterRecord, deployment: Deployment): ServerRecord[] {
  const { cluster, members } = deployment;
  const before = new Map(record.servers.map((server) => [server.name, server]));
  const after = cluster.servers.flatMap(({ name }, i) => {
    const member = members[i];
    return member === undefined ? [] : [serverAfter(name, before.get(name), deployment, member)];
  });
  if (deployment.purpose !== 'catch-up') return after;
  const names = new Set(after.map((server) => server.name));
  return [...record.servers.filter((server) => !names.has(server.name)), ...after];
}

function serverAfter(name: string, before: ServerRecord | undefined, deployment: Deployment, member: Member): ServerRecord {
  const isLive = deployment.live && member.excluded === null;
  const isBehind = deployment.live ? !isLive : isUnfinished(member) || (before?.isBehind ?? false);
  const release = isLive ? deployment.release : member.release === undefined ? (before?.release ?? null) : member.release;
  const state = serverState(deployment, member);
  const isLeft = isBehind && (state === 'live' || state === 'idle');
  return { name, release, state: isLeft ? 'behind' : state, error: member.problem?.message ?? null, isBehind };
}

function missingAfter(record: ClusterRecord, deployment: Deployment, servers: readonly ServerRecord[]): Record<string, readonly string[]> {
  const { release, cluster, members } = deployment;
  const known = new Set(record.servers.map((server) => server.name));
  const added = servers.map((server) => server.name).filter((name) => !known.has(name));
  const present = new Set(servers.map((server) => server.name));
  const missing: Record<string, readonly string[]> = {};
  const note = (id: string, names: readonly string[]): void => {
    const here = names.filter((name) => present.has(name));
    if (here.length > 0) missing[id] = here;
  };
  const older = [...record.releases.map((one) => one.id), ...record.attempts.map((one) => one.release.id)];
  const has = new Set(cluster.servers.filter((_, i) => members[i]?.hasRelease === true).map((server) => server.name));
  for (const id of older) {
    const lacking = [...new Set([...(record.missing[id] ?? []), ...added])];
    note(id, id === release ? lacking.filter((name) => !has.has(name)) : lacking);
  }
  if (release !== null && !older.includes(release))
    note(
      release,
      [...present].filter((name) => !has.has(name)),
    );
  return missing;
}
