// Checks one server for all that a deployment needs there. Looks and tries out; what it tries out is gone afterwards.
import type { Ability, Channel, Inspection } from '../core/channel.ts';
import { bad, doubtful, well } from '../core/check.ts';
import type { CheckResult } from '../core/check.ts';
import type { Cluster } from '../core/cluster.ts';
import { findingsOf } from '../core/drift.ts';
import { problemOf } from '../core/errors.ts';
import { checkRelay } from './check-relay.ts';

/** Never rejects: a server that cannot be reached is a result. The channel is the caller's to close. */
export async function checkServer(channel: Channel, cluster: Cluster, signal: AbortSignal): Promise<CheckResult[]> {
  try {
    const seen = await channel.inspect('state', signal);
    const { lacks, missing, secondSession } = await channel.examine(
      cluster.shared.map(({ path }) => path),
      signal,
    );
    const files = cluster.shared.filter(({ path, kind }) => kind === 'file' && missing.includes(path));
    return [
      well(`serves ${servedText(seen)}; rsync ${seen.rsync ?? 'is missing'}; ${roomText(seen)}`),
      ...pointerResults(seen, channel.server.path),
      ...surroundingResults(seen, channel.server.path),
      ...lacks.map((one) => abilityResult(one, channel.server.path)),
      ...(secondSession ? [] : [noSecondSession]),
      ...files.map(({ path }) =>
        doubtful(
          `shared/${path} is missing`,
          `put it there before the first deployment: the release's link to it leads nowhere until then`,
        ),
      ),
      ...(await checkRelay(channel, cluster, signal)),
      ...(cluster.maintenance === null || seen.pointer !== 'none' || channel.server.transport === 'simulated' ? [] : [maintenanceHint]),
    ];
  } catch (error) {
    const { code, message } = problemOf(error);
    const remedy =
      code === 'untrusted' ? `lockstep servers trust ${cluster.name}` : 'see the message; ssh to the server by hand shows the same';
    return [bad(message, remedy)];
  }
}

const servedText = ({ pointer, current }: Inspection): string =>
  pointer === 'directory'
    ? 'a directory called current'
    : pointer === 'none'
      ? 'nothing yet'
      : (current ?? 'something outside of releases/');

const roomText = ({ freeBytes, freeInodes }: Inspection): string =>
  `${Math.floor(freeBytes / 1024 / 1024)} MiB and ${freeInodes} inodes free`;

function pointerResults({ pointer, target, current }: Inspection, path: string): CheckResult[] {
  const remedy = `remove ${path}/current, or point it to a release: ln -sfn releases/… ${path}/current`;
  if (pointer === 'elsewhere') return [bad(`current points to ${target ?? ''}, out of releases/: a deployment refuses that`, remedy)];
  if (pointer === 'gone') return [doubtful(`current points to releases/${current ?? ''}, which is not there`, remedy)];
  return [];
}

function surroundingResults(seen: Inspection, path: string): CheckResult[] {
  const { lock, lockLeftMs, maintenance } = seen;
  const results: CheckResult[] = [];
  if (seen.rsync === null) results.push(bad('there is no rsync', 'install rsync on the server'));
  if (lock !== null) {
    const end = lockLeftMs > 0 ? `it ends by itself in ${Math.ceil(lockLeftMs / 1000)} s` : 'its time is over; the next deployment ends it';
    results.push(doubtful(`it is locked by deployment ${lock}`, end));
  } else if (maintenance) {
    results.push(doubtful('the maintenance flag was left over: visitors see the maintenance page', `rm ${path}/maintenance`));
  }
  for (const { kind, text } of findingsOf(seen, null)) {
    const [what = text, remedy = 'see docs/servers.md'] = text.split('; ');
    if (kind === 'space' || kind === 'clock') results.push(doubtful(what, `${remedy} on the server`));
  }
  return results;
}

function abilityResult(ability: Ability, path: string): CheckResult {
  switch (ability) {
    case 'write':
      return bad(`${path} cannot be written`, 'give its account the permission: chown it, or name another path');
    case 'hard-links':
      return doubtful('its file system has no hard links: every release takes its whole size', 'use a file system such as ext4 or xfs');
    case 'one-file-system':
      return bad('releases/ and .lockstep/ are not on one file system', `put all of ${path} on one; shared/ may be elsewhere`);
    case 'symbolic-links':
    case 'rename':
    case 'modes':
    case 'times':
    case 'locks':
      return bad(`its file system does not do ${WORDS[ability]} as they are needed`, 'use a file system such as ext4 or xfs');
    default:
      return ability satisfies never;
  }
}

const WORDS = {
  'symbolic-links': 'symbolic links',
  rename: 'renames over a symbolic link',
  modes: 'permissions of files',
  times: 'times of files',
  locks: 'locks of files',
};

const noSecondSession = bad(
  'its sshd allows no second session on a connection, which every upload needs',
  'set MaxSessions to 2 or more in sshd_config (the default is 10)',
);

const maintenanceHint = well(
  'hint: whether its web server shows maintenance.html while the file maintenance exists cannot be seen from here; see docs/web-servers.md',
);
