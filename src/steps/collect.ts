// collect: releases that are no longer kept leave the server. By the record of what was live, never by times of directories.
// What the next upload starts from is prepared: nobody waits for anything now.
import { transferSettings } from '../core/carrier.ts';
import type { Facts } from '../core/event.ts';
import { keptBy } from '../core/retention.ts';
import type { ServerWork } from './perform.ts';

export async function collect({ channel, deployment, member, signal }: ServerWork): Promise<Facts> {
  const { cloneAhead } = transferSettings(deployment.cluster);
  const warnings = await channel.collect(keptBy(deployment, member), signal, cloneAhead);
  return warnings.length === 0 ? {} : { warning: warnings.slice(0, 5).join('; ') };
}
