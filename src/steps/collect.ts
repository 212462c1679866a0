// collect: releases that are no longer kept leave the server. By the record of what was live, never by times of directories.
// What the next upload starts from is prepared: nobody waits for anything now.
import { transferSettings } from '../core/carrier.ts';
import type { Facts } from '../core/event.ts';
import { keptBy } from '../core/retention.ts';
import { changesAfter } from './changed-release.ts';
import type { ServerWork } from './perform.ts';

export async function collect(work: ServerWork): Promise<Facts> {
  const { channel, deployment, member, signal } = work;
  const { cloneAhead } = transferSettings(deployment.cluster);
  const changed = await changesAfter(work);
  const stuck = await channel.collect(keptBy(deployment, member), signal, cloneAhead);
  const warnings = [...(changed === null ? [] : [changed]), ...stuck.slice(0, 5)];
  return warnings.length === 0 ? {} : { warning: warnings.join('; ') };
}
