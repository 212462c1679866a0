// A command of the configuration, run on a server as part of a step.
import type { Channel, RunResult } from '../core/channel.ts';
import type { Command } from '../core/cluster.ts';
import { servedBefore } from '../core/course.ts';
import { DeployError } from '../core/errors.ts';
import type { ServerWork, Work } from './perform.ts';

/**
 * Runs it once under `op`, in the directory of `release` (empty: in the server's path itself); rejects with `command` if it does not end with 0, and with
 * `ambiguous` if nobody knows how it ended.
 */
export async function runCommand(
  work: Work,
  channel: Channel,
  name: string,
  command: Command,
  op: string,
  release = work.deployment.release ?? '',
): Promise<void> {
  const { deployment, tools } = work;
  const where = channel.server.name;
  const signal = AbortSignal.any([work.signal, AbortSignal.timeout(command.timeoutMs + 15_000)]);
  const environment = {
    LOCKSTEP_CLUSTER: deployment.cluster.name,
    LOCKSTEP_ENVIRONMENT: deployment.cluster.environment,
    LOCKSTEP_DEPLOYMENT: String(deployment.number),
    LOCKSTEP_RELEASE: release === '' ? (deployment.release ?? '') : release,
    LOCKSTEP_REVISION: deployment.revision,
    LOCKSTEP_SERVER: where,
  };
  const { exit, output } = await channel.run(op, { name, command, release, environment }, signal);
  // As a whole, because only the end of it came, which may begin in the middle of a secret.
  const result = { exit, output: tools.mask(output) };
  if (result.output !== '') tools.log(deployment.number, `${name} on ${where}:\n${result.output.replace(/\n?$/, '\n')}`);
  if (result.exit !== 0) throw new DeployError('command', failureText(name, where, command, result), tail(result.output));
}

/** The release that a server's commands are about: the new one, or, on the way back, the one it goes back to. */
export function releaseFor({ deployment, effect, member }: ServerWork): string {
  return (effect.direction === 'back' ? servedBefore(member) : deployment.release) ?? '';
}

function failureText(name: string, where: string, command: Command, { exit, output }: RunResult): string {
  const how =
    exit === 124 ? `took longer than ${command.timeoutMs / 1000} s` : exit > 128 ? `was killed by signal ${exit - 128}` : `exited ${exit}`;
  const last = output.trimEnd().split('\n').at(-1) ?? '';
  return `${name} on ${where} failed: \`${command.run}\` ${how}${last === '' ? '' : `: ${last}`}`;
}

const tail = (output: string): string | null => (output === '' ? null : output.slice(-4_000));
