// migrate: the cluster's own command brings the database structure up to date, once, while the servers' locks are kept alive.
import type { Channel } from '../core/channel.ts';
import { DeployError, problemOf } from '../core/errors.ts';
import type { Facts } from '../core/event.ts';
import { runCommand } from './command.ts';
import type { Work } from './perform.ts';

const LOCKS_LIMIT_MS = 60_000;

export async function migrate(work: Work): Promise<Facts> {
  const { deployment, op, effect } = work;
  const command = deployment.cluster.commands.migrate;
  if (command === null) return {};
  let mayHaveRun = effect.resumed;
  let stopRenewing = (): void => undefined;
  try {
    await ensureLocks(work);
    stopRenewing = keepLocks(work);
    const channel = channelFor(work, command.on);
    mayHaveRun = true;
    // The daemon's own machine has no releases.
    const release = command.on === 'daemon' ? '' : (deployment.release ?? '');
    await runCommand(work, channel, 'migrate', command, op, release);
    return {};
  } catch (error) {
    if (mayHaveRun && !isKnownEnd(error)) throw ambiguous(deployment.number, command.run, error);
    throw error;
  } finally {
    stopRenewing();
  }
}

/** The command ended and said how, or the server refused to start it. After anything else (a lost server, a time limit) nobody knows. */
function isKnownEnd(error: unknown): boolean {
  return error instanceof DeployError && ['command', 'refused', 'not-found', 'fenced'].includes(error.code);
}

function channelFor({ deployment, tools }: Work, on: string | null): Channel {
  if (on === 'daemon') return tools.daemonChannel(deployment);
  const { servers } = deployment.cluster;
  const isMember = (_: unknown, i: number): boolean => deployment.members[i]?.excluded === null;
  const server = on === null ? servers.find(isMember) : servers.find((one) => one.name === on);
  if (server === undefined) throw new DeployError('configuration', `migrate is to run on ${on ?? 'a server'}, which is not in the cluster`);
  return tools.channel(deployment, server);
}

/** Every server is locked for a whole lock time from now on, also if the daemon was away for so long that locks have ended by themselves. */
export async function ensureLocks(work: Work): Promise<void> {
  const { deployment, op, token } = work;
  const { maintenance } = deployment.cluster;
  if (maintenance === null) return;
  const signal = AbortSignal.any([work.signal, AbortSignal.timeout(LOCKS_LIMIT_MS)]);
  const { page, lockTimeoutMs: timeoutMs } = maintenance;
  const ensure = async (channel: Channel): Promise<void> => {
    try {
      await channel.decide(`${op}-hold`, token, { release: deployment.release, timeoutMs: timeoutMs, durable: false }, signal);
    } catch (error) {
      if (!(error instanceof DeployError) || error.code !== 'lock-lost') throw error;
      await channel.lock(`${op}-relock`, token, { page, timeoutMs, botsTimeoutMs: maintenance.botsTimeoutMs }, signal);
      await channel.decide(`${op}-rehold`, token, { release: deployment.release, timeoutMs: timeoutMs, durable: false }, signal);
    }
  };
  await Promise.all(memberChannels(work).map(ensure));
}

/** A migration may take longer than a lock lives. A server that cannot be told is reported by the next step that needs it. */
export function keepLocks(work: Work): () => void {
  const { deployment, op, token, signal } = work;
  const { maintenance } = deployment.cluster;
  if (maintenance === null) return () => undefined;
  let round = 0;
  const renew = (): void => {
    round += 1;
    for (const channel of memberChannels(work)) {
      channel
        .decide(
          `${op}-renew-${round}`,
          token,
          { release: deployment.release, timeoutMs: maintenance.lockTimeoutMs, durable: false },
          signal,
        )
        .catch(() => undefined);
    }
  };
  const timer = setInterval(renew, maintenance.lockTimeoutMs / 3);
  return () => clearInterval(timer);
}

function memberChannels({ deployment, tools }: Work): Channel[] {
  return deployment.cluster.servers
    .filter((_, i) => deployment.members[i]?.excluded === null)
    .map((server) => tools.channel(deployment, server));
}

function ambiguous(number: number, command: string, error: unknown): DeployError {
  const { message: cause, detail } = problemOf(error);
  const message =
    `nobody knows whether the migration of deployment ${number} ran to its end: \`${command}\`. It is not run again. ` +
    `Look at the database, then say: lockstep migration mark-done ${number} (all servers go forward) ` +
    `or: lockstep migration mark-not-done ${number} (all servers go back)`;
  return new DeployError('ambiguous', message, detail ?? cause, error);
}
