// switch: `current` moves to the new release; on the way back, to the one that the server served before.
import { servedBefore } from '../core/course.ts';
import type { Facts } from '../core/event.ts';
import type { ServerWork } from './perform.ts';

export async function switchCurrent({ channel, deployment, member, effect, op, token, signal }: ServerWork): Promise<Facts> {
  if (effect.direction === 'back') {
    const target = servedBefore(member);
    // Going back must work even where the lock has run out by now.
    await channel.switch(op, null, target, signal);
    return { current: target };
  }
  const isLocking = deployment.cluster.maintenance !== null;
  const { previous } = await channel.switch(op, isLocking ? token : null, deployment.release, signal);
  // A server that lost power may have forgotten what it said the first time.
  return { current: previous === deployment.release ? (member.release ?? null) : previous };
}
