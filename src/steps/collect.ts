// collect: releases that are no longer kept leave the server. By the record of what was live, never by times of directories.
import { servedBefore } from '../core/course.ts';
import type { Facts } from '../core/event.ts';
import type { ServerWork } from './perform.ts';

export async function collect({ channel, deployment, member, signal }: ServerWork): Promise<Facts> {
  const { release, releases, cluster, live } = deployment;
  const newest = live && release !== null ? [release, ...releases.filter((one) => one !== release)] : releases;
  // The release served now and the one before it stay, however small `keep` is: they are what a roll back needs.
  const keep = new Set(newest.slice(0, Math.max(cluster.keep, 2)));
  const before = servedBefore(member);
  if (before !== null) keep.add(before);
  const warnings = await channel.collect([...keep], signal);
  return warnings.length === 0 ? {} : { warning: warnings.slice(0, 5).join('; ') };
}
