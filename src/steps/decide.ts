// decide: every server learns which release it takes by itself if the daemon never comes back. It is the point of no return:
// until all have it, all would go back; once all have it, all would go forward. So even then no two unlocked servers differ.
import { servedBefore } from '../core/course.ts';
import type { Facts } from '../core/event.ts';
import type { ServerWork } from './perform.ts';

export async function decide({ channel, deployment, member, effect, op, token, signal }: ServerWork): Promise<Facts> {
  const { maintenance } = deployment.cluster;
  if (maintenance === null) return {};
  const target = effect.direction === 'forward' ? deployment.release : servedBefore(member);
  await channel.decide(op, token, target, maintenance.lockTimeoutMs, signal);
  return {};
}
