// The servers of a benchmark: one sshd with many addresses of the loopback, each with a home of its own.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { must } from '../shared/programs.js';
import { startSshd } from '../shared/sshd.js';

/**
 * One sshd for so many addresses. `maxStartups`: else sshd's own default. `ownHomes`: has each address a home directory of its own? sshd reads a line
 * for each of them at each connection.
 */
export async function startServers(directory, { group, servers, addresses, maxStartups, ownHomes = true }) {
  const homeOf = (address) => join(servers, address);
  for (const address of addresses) await mkdir(homeOf(address), { recursive: true });
  const sshd = await startSshd(directory, {
    group,
    addresses,
    // The kernel's loopback has all of 127.0.0.0/8; at most 16 addresses can be listened to.
    listen: ['0.0.0.0'],
    lines: [
      ...(maxStartups === undefined ? [] : [`MaxStartups ${maxStartups}`]),
      // An account that deploys has no start-up files that take a tenth of a second. Capistrano, which knows one path for all servers, is given one below ~.
      ...(ownHomes
        ? addresses.flatMap((address) => [`Match LocalAddress ${address}`, `  SetEnv HOME=${homeOf(address)}`])
        : [`SetEnv HOME=${servers}`]),
    ],
  });
  return {
    ...sshd,
    /** Where a server keeps everything. */
    homeOf,
    /** Removes all that was brought to the servers. */
    empty: () => must('find', [servers, '-mindepth', '2', '-maxdepth', '2', '-exec', 'rm', '-rf', '{}', '+']),
    /** Since the start: connections that were let in, commands that were started, connections that were turned away because there were too many. */
    seen: () => {
      const log = sshd.log();
      const count = (pattern) => log.match(pattern)?.length ?? 0;
      return {
        handshakes: count(/^Accepted publickey/gm),
        commands: count(/^Starting session:/gm),
        dropped: count(/^drop connection #/gm),
      };
    },
  };
}

/** 127.1.0.1, 127.1.0.2, …: addresses of the loopback, one for each server. */
export const addressOf = (index) => `127.1.${Math.floor(index / 250)}.${(index % 250) + 1}`;
