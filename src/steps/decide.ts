// decide: every server learns which release it takes by itself if the daemon never comes back. It is the point of no return:
// until all have it, all would go back; once all have it, all would go forward. So even then no two unlocked servers differ.
import { servedBefore } from '../core/course.ts';
import type { Facts } from '../core/event.ts';
import type { ServerWork } from './perform.ts';

export async function decide({ channel, deployment, member, effect, op, token, signal }: ServerWork): Promise<Facts> {
  const { maintenance, commands, migrations } = deployment.cluster;
  if (maintenance === null) return {};
  const target = effect.direction === 'forward' ? deployment.release : servedBefore(member);
  // A migration cannot be taken back, so no server may forget then.
  const durable = effect.direction === 'forward' && (commands.migrate !== null || migrations !== null);
  await channel.decide(op, token, { release: target, timeoutMs: maintenance.lockTimeoutMs, durable }, signal);
  return {};
}
