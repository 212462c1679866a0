// lock: visitors get the maintenance page, bots are told to stop and are waited for.
import type { Facts } from '../core/event.ts';
import { releaseFor, runCommand } from './command.ts';
import type { ServerWork } from './perform.ts';

export async function lock(work: ServerWork): Promise<Facts> {
  const { channel, deployment, op, token, signal } = work;
  const { maintenance, commands } = deployment.cluster;
  if (maintenance === null) return {};
  const { page, lockTimeoutMs: timeoutMs, botsTimeoutMs } = maintenance;
  if (commands.lock !== null) {
    // The flag first, so that no bot starts again; then the command that tells the running ones to stop.
    await channel.lock(`${op}-flag`, token, { page, timeoutMs, botsTimeoutMs: 0 }, signal);
    await runCommand(work, channel, 'lock', commands.lock, `${op}-command`, releaseFor(work));
  }
  await channel.lock(op, token, { page, timeoutMs, botsTimeoutMs }, signal);
  return {};
}
