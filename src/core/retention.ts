// Retention: which releases stay on the servers. By the record of what was live and well, never by times of directories.
import type { Cluster } from './cluster.ts';
import { servedBefore } from './course.ts';
import type { Deployment, Member } from './deployment.ts';
import type { ClusterRecord } from './records.ts';

/** Names of releases, newest first, as a deployment finds them when it begins. */
export type Shelf = {
  /** Were live and are good; the first is what the cluster serves. */
  readonly good: readonly string[];
  /** Failed, bad, or never switched to. */
  readonly failed: readonly string[];
};

export function shelfOf({ releases, attempts, bad }: ClusterRecord): Shelf {
  const good = releases.filter(({ id }) => !Object.hasOwn(bad, id)).map(({ id }) => id);
  const failed = [
    ...Object.entries(bad).map(([id, at]) => ({ id, at })),
    ...attempts.map(({ release }) => ({ id: release.id, at: release.at })),
  ];
  return { good, failed: failed.sort((a, b) => b.at - a.at).map(({ id }) => id) };
}

/** The release served now and the good one before it stay however small `keep` is: they are what a roll back needs. */
const LEAST_KEPT = 2;

/** Releases that stay on the cluster's servers between deployments. */
export function retained(record: ClusterRecord, { keep, keepFailed }: Pick<Cluster, 'keep' | 'keepFailed'>): ReadonlySet<string> {
  const { good, failed } = shelfOf(record);
  return new Set([...good.slice(0, Math.max(keep, LEAST_KEPT)), ...failed.slice(0, keepFailed)]);
}

/** Releases that a member keeps at the end of a deployment; what it served before is always one of them. */
export function keptBy({ cluster, release, shelf, live, target }: Deployment, member: Member): string[] {
  const left = shelf.good[0];
  const wasLeft = (id: string): boolean => live && target !== null && id === left && id !== release;
  const good = shelf.good.filter((id) => id !== release && !wasLeft(id));
  const failed = shelf.failed.filter((id) => id !== release);
  if (left !== undefined && wasLeft(left)) failed.unshift(left);
  if (release !== null) (live ? good : shelf.good.includes(release) ? good : failed).unshift(release);
  const kept = new Set([...good.slice(0, Math.max(cluster.keep, LEAST_KEPT)), ...failed.slice(0, cluster.keepFailed)]);
  const before = servedBefore(member);
  if (before !== null) kept.add(before);
  return [...kept];
}
