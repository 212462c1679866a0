// collect: releases that are no longer kept leave the server. By the record of what was live, never by times of directories.
import type { Facts } from '../core/event.ts';
import { keptBy } from '../core/retention.ts';
import type { ServerWork } from './perform.ts';

export async function collect({ channel, deployment, member, signal }: ServerWork): Promise<Facts> {
  const warnings = await channel.collect(keptBy(deployment, member), signal);
  return warnings.length === 0 ? {} : { warning: warnings.slice(0, 5).join('; ') };
}
