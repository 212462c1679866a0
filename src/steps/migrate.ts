// migrate: the database structure is brought up to date, once for the cluster, while the servers' locks are kept alive.
import { DeployError } from '../core/errors.ts';
import type { Facts } from '../core/event.ts';
import { runCommand } from './command.ts';
import type { Work } from './perform.ts';

export async function migrate(work: Work): Promise<Facts> {
  const { deployment, op, tools } = work;
  const command = deployment.cluster.commands.migrate;
  if (command === null) return {};
  const stopRenewing = keepLocks(work);
  try {
    // The daemon's own machine has no releases.
    const release = command.on === 'daemon' ? '' : (deployment.release ?? '');
    await runCommand(work, channelFor(work, command.on), 'migrate', command, op, release);
    return {};
  } catch (error) {
    if (error instanceof DeployError && error.code === 'ambiguous') throw ambiguous(deployment.number, command.run, error);
    throw error;
  } finally {
    stopRenewing();
    tools.log(deployment.number, 'migrate ended\n');
  }
}

function channelFor({ deployment, tools }: Work, on: string | null) {
  if (on === 'daemon') return tools.daemonChannel(deployment);
  const { servers } = deployment.cluster;
  const isMember = (_: unknown, i: number): boolean => deployment.members[i]?.excluded === null;
  const server = on === null ? servers.find(isMember) : servers.find((one) => one.name === on);
  if (server === undefined) throw new DeployError('configuration', `migrate is to run on ${on ?? 'a server'}, which is not in the cluster`);
  return tools.channel(deployment, server);
}

/** A migration may take longer than a lock lives. A server that cannot be told is reported by the next step that needs it. */
function keepLocks({ deployment, tools, op, token, signal }: Work): () => void {
  const { maintenance, servers } = deployment.cluster;
  if (maintenance === null) return () => undefined;
  let round = 0;
  const renew = (): void => {
    round += 1;
    servers.forEach((server, i) => {
      if (deployment.members[i]?.excluded !== null) return;
      const channel = tools.channel(deployment, server);
      channel.decide(`${op}-renew-${round}`, token, deployment.release, maintenance.lockTimeoutMs, signal).catch(() => undefined);
    });
  };
  const timer = setInterval(renew, maintenance.lockTimeoutMs / 3);
  return () => clearInterval(timer);
}

function ambiguous(number: number, command: string, error: DeployError): DeployError {
  const message =
    `nobody knows whether the migration of deployment ${number} ran to its end: \`${command}\`. It is not run again. ` +
    `Look at the database, then say: lockstep migration mark-done ${number} (all servers go forward) ` +
    `or: lockstep migration mark-not-done ${number} (all servers go back)`;
  return new DeployError('ambiguous', message, error.detail ?? error.message);
}
