// Commands about servers.
import type { Command } from 'commander';
import { trustServers } from '../setup.ts';
import { servers } from '../status.ts';
import type { Does } from './definition.ts';

export function serversCommands(program: Command, does: Does): void {
  const list = program.command('servers').description('servers of all clusters, or of one, with their states').argument('[cluster]');
  does(list, (session, [cluster]) => servers(session, cluster));
  does(
    list.command('trust').description('fetch the host keys of servers that are not known yet and pin them').argument('[cluster]'),
    (session, [cluster]) => trustServers(session, cluster ?? null),
  );
}
