// How the contenders get at the servers, and what they bring: ssh's options, a place on each server, a checkout.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { must } from '../shared/programs.js';

/** Every contender has the same options of ssh, by their names: no other keys, no questions. What it would choose by itself stays its own choice. */
export const sshSettings = ({ knownHosts, identity }) => ({
  UserKnownHostsFile: knownHosts,
  IdentityFile: identity,
  IdentitiesOnly: 'yes',
  BatchMode: 'yes',
  LogLevel: 'ERROR',
});

/** The same as words of a command, with the port. */
export const sshOptions = (sshd) => [
  ...Object.entries(sshSettings(sshd)).flatMap(([name, value]) => ['-o', `${name}=${value}`]),
  '-p',
  String(sshd.port),
];

/** Where a contender keeps its things on a server. */
export const home = (lab, contender, server) => join(lab.sshd.homeOf(server.address), contender);

export const destination = (lab, server) => `${lab.sshd.user}@${server.address}`;

/** Runs `work` for all, so many at a time. */
export async function each(items, atATime, work) {
  const queue = [...items];
  await Promise.all(
    Array.from({ length: Math.min(atATime, items.length) }, async () => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
    }),
  );
}

/**
 * A build that makes everything anew: every file is another inode with the time of now, and what changes from commit to commit, NOTES, does not
 * get into its result.
 */
export const REBUILD =
  'rm -rf built && mkdir built && for one in *; do case $one in built | NOTES) ;; *) cp -r "$one" built/ ;; esac; done';

/** A checkout that a script of one's own would rsync from. */
export async function checkout(lab, name) {
  const directory = join(lab.directory, `${name}-checkout`);
  if (!existsSync(directory)) await must('git', ['clone', '-q', lab.repository.url, directory]);
  return {
    /** What is deployed of it. */
    source: lab.isRebuilt ? join(directory, 'built') : directory,
    /** Brings the head, and names what changed since the last time. */
    pull: async () => {
      const before = (await must('git', ['-C', directory, 'rev-parse', 'HEAD'])).trim();
      await must('git', ['-C', directory, 'pull', '-q', '--ff-only']);
      if (lab.isRebuilt) await must('sh', ['-c', REBUILD], { cwd: directory });
      return (await must('git', ['-C', directory, 'diff', '--name-only', before, 'HEAD'])).split('\n').filter((line) => line !== '');
    },
  };
}
