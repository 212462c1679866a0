// Commands that let the deployments of a cluster wait, and run again.
import type { Command } from 'commander';
import { lock, unlock } from '../requests.ts';
import type { Does } from './definition.ts';

export function lockCommands(program: Command, does: Does): void {
  does(
    program
      .command('lock')
      .description('let deployments of a cluster wait until it is unlocked')
      .argument('<cluster>')
      .requiredOption('--reason <text>', 'why, for the others'),
    (session, [cluster = ''], { reason = '' }: { reason?: string }) => lock(session, cluster, reason),
  );
  does(program.command('unlock').description('let deployments of a cluster run again').argument('<cluster>'), (session, [cluster = '']) =>
    unlock(session, cluster),
  );
}
