// unlock: visitors are let in again, bots may start, caches are flushed.
import type { Facts } from '../core/event.ts';
import { releaseFor, runCommand } from './command.ts';
import type { ServerWork } from './perform.ts';
import { putAside } from './put-aside.ts';

export async function unlock(work: ServerWork): Promise<Facts> {
  const { channel, deployment, member, effect, op, token, signal } = work;
  const release = releaseFor(work);
  const { maintenance, commands, behind } = deployment.cluster;
  // It goes back to what it had, and that is not what the others serve.
  if (effect.direction === 'back' && member.wasBehind && behind === 'lock') return putAside(work);
  // In an emergency nothing was locked by this deployment; but something may have been left locked by one before.
  if (maintenance !== null || deployment.purpose === 'emergency') await channel.unlock(op, token, signal);
  if (commands.unlock !== null) await runCommand(work, channel, 'unlock', commands.unlock, `${op}-command`, release);
  if (commands.flush !== null) await runCommand(work, channel, 'flush', commands.flush, `${op}-flush`, release);
  return {};
}
