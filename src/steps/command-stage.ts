// drain, install, readd: stages that are nothing but a command of the configuration.
import type { Facts } from '../core/event.ts';
import { releaseFor, runCommand } from './command.ts';
import type { ServerWork } from './perform.ts';

export async function runStage(work: ServerWork, name: 'drain' | 'install' | 'readd'): Promise<Facts> {
  const command = work.deployment.cluster.commands[name];
  if (command === null) return {};
  // Before the switch and after it, the command runs in the release that the server serves.
  const release = name === 'drain' ? (work.member.release ?? '') : releaseFor(work);
  await runCommand(work, work.channel, name, command, work.op, release);
  return {};
}
