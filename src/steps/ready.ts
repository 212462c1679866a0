// ready: the end of an upload. What the cutover needs is prepared now, so that it is one short line to each server then.
import type { ServerWork } from './perform.ts';

export async function ready({ deployment, channel, op, token, signal }: ServerWork): Promise<void> {
  const { cluster, purpose, release } = deployment;
  if (cluster.maintenance === null || purpose === 'emergency') return;
  await channel.ready(`${op}-ready`, token, release, cluster.maintenance.page, signal);
}
