// The lab of one measurement: a repository, so many servers behind one sshd, and control groups that count both sides.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { must } from '../shared/programs.js';
import { cpuGroup } from './costs.js';
import { makeRepository, openGround } from './ground.js';
import { addressOf, startServers } from './servers.js';

/** `files`: of the application. `maxStartups`, `ownHomes`: see `startServers`. The caller closes it. */
export async function openLab({ count, files, maxStartups, ownHomes }) {
  const ground = await openGround();
  try {
    const servers = Array.from({ length: count }, (_, i) => ({ name: `web${i + 1}`, address: addressOf(i) }));
    const groups = { servers: cpuGroup('servers'), sender: cpuGroup('sender') };
    ground.atEnd(() => Promise.all(Object.values(groups).map((group) => group.remove())));
    const sshd = await startServers(join(ground.directory, 'sshd'), {
      group: groups.servers,
      servers: join(ground.directory, 'servers'),
      addresses: servers.map((server) => server.address),
      maxStartups,
      ownHomes,
    });
    ground.atEnd(() => sshd.end());
    return {
      root: fileURLToPath(new URL('../..', import.meta.url)),
      directory: ground.directory,
      servers,
      sshd,
      groups,
      repository: await makeRepository(ground, files),
      run: (program, args, options) => must(...groups.sender.wrap(program, args), options),
      /** What we have asked the daemon ourselves. */
      asked: { bytes: 0 },
      atEnd: ground.atEnd,
      close: ground.close,
    };
  } catch (error) {
    await ground.close();
    throw error;
  }
}
