// ready: the end of an upload. What the cutover needs is prepared now, so that it is one short line to each server then.
import type { ServerWork } from './perform.ts';

export async function ready(work: ServerWork): Promise<void> {
  const { deployment, channel, op, signal } = work;
  const cutover = cutoverOf(work);
  if (cutover !== null) await channel.ready(`${op}-ready`, cutover.token, deployment.release, cutover.page, signal);
}

/** The lock that the cutover will be under, and the page that visitors will see; `null`: there is nothing to prepare. */
export function cutoverOf({ deployment, token }: Pick<ServerWork, 'deployment' | 'token'>): { token: string; page: string } | null {
  const { cluster, purpose } = deployment;
  return cluster.maintenance === null || purpose === 'emergency' ? null : { token, page: cluster.maintenance.page };
}
