// A server that does not serve what its cluster serves is put aside: visitors get the maintenance page until it has caught up.
import type { Facts } from '../core/event.ts';
import type { ServerWork } from './perform.ts';

/** Belongs to no deployment: the next one that reaches the server takes the lock over (number 0 is older than every deployment). */
const TOKEN = '0-behind';

/** Should the daemon never come back, the server serves again what it has, rather than nothing for ever. */
const LONGEST_MS = 24 * 3_600_000;

/** Does nothing where the cluster has no maintenance page or wants such servers to serve on. */
export async function putAside({ channel, deployment, op, signal }: ServerWork): Promise<Facts> {
  const { maintenance, behind } = deployment.cluster;
  if (maintenance === null || behind !== 'lock') return {};
  await channel.lock(`${op}-aside`, TOKEN, { page: maintenance.page, timeoutMs: LONGEST_MS, botsTimeoutMs: 0 }, signal);
  return {};
}
