// ready: the end of an upload. What the cutover needs is prepared now, so that it is one short line to each server then.
import type { ReadyRequest } from '../core/channel.ts';
import type { Action } from '../core/step.ts';
import type { ServerWork } from './perform.ts';

export async function ready(work: ServerWork): Promise<void> {
  const { deployment, channel, op, signal } = work;
  const cutover = cutoverOf(work);
  if (cutover !== null) await channel.ready(`${op}-ready`, { ...cutover, release: deployment.release }, signal);
}

/** What may take its time while servers are locked. */
const BETWEEN: readonly Action[] = ['install', 'migrate', 'probe'];

/** The lock that the cutover will be under; `null`: there is nothing to prepare. */
export function cutoverOf({ deployment, token }: Pick<ServerWork, 'deployment' | 'token'>): Omit<ReadyRequest, 'release'> | null {
  const { cluster, purpose, course } = deployment;
  if (cluster.maintenance === null || purpose === 'emergency') return null;
  const isBrief = cluster.commands.lock === null && !course.some(({ action }) => BETWEEN.includes(action));
  return { token, isBrief };
}
