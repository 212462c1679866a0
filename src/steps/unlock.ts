// unlock: visitors are let in again, bots may start, caches are flushed.
import type { Facts } from '../core/event.ts';
import { releaseFor, runCommand } from './command.ts';
import type { ServerWork } from './perform.ts';

export async function unlock(work: ServerWork): Promise<Facts> {
  const { channel, deployment, op, token, signal } = work;
  const release = releaseFor(work);
  const { maintenance, commands } = deployment.cluster;
  if (maintenance !== null) await channel.unlock(op, token, signal);
  if (commands.unlock !== null) await runCommand(work, channel, 'unlock', commands.unlock, `${op}-command`, release);
  if (commands.flush !== null) await runCommand(work, channel, 'flush', commands.flush, `${op}-flush`, release);
  return {};
}
