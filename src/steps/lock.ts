// lock: visitors get the maintenance page, bots are told to stop and are waited for.
import type { Facts } from '../core/event.ts';
import { releaseFor, runCommand } from './command.ts';
import type { ServerWork } from './perform.ts';
import { putAside } from './put-aside.ts';

export async function lock(work: ServerWork): Promise<Facts> {
  const { channel, deployment, member, op, token, signal } = work;
  const { maintenance, commands } = deployment.cluster;
  if (maintenance === null) return {};
  if (member.excluded !== null) return putAside(work);
  const { page, lockTimeoutMs: timeoutMs, botsTimeoutMs } = maintenance;
  if (commands.lock !== null) {
    // The flag first, so that no bot starts again; then the command that tells the running ones to stop.
    await channel.lock(`${op}-flag`, token, { page, timeoutMs, botsTimeoutMs: 0 }, signal);
    await runCommand(work, channel, 'lock', commands.lock, `${op}-command`, releaseFor(work));
  }
  await channel.lock(op, token, { page, timeoutMs, botsTimeoutMs }, signal);
  return {};
}
