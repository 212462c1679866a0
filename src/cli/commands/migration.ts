// Commands about migrations.
import type { Command } from 'commander';
import { lintMigrations } from '../lint.ts';
import { settleMigration } from '../requests.ts';
import { wholeNumber } from './options.ts';
import type { Does } from './definition.ts';

export function migrationCommands(program: Command, does: Does): void {
  const migration = program.command('migration').description('check migrations; settle one of which nobody knows whether it ran');
  for (const [name, isDone, description] of [
    ['mark-done', true, 'it ran to its end: go on with the deployment'],
    ['mark-not-done', false, 'it did not run, or was undone: take the deployment back'],
  ] as const) {
    does(
      migration.command(name).description(description).argument('<number>', 'number of the deployment', wholeNumber),
      (session, [number]) => settleMigration(session, Number(number), isDone),
    );
  }
  does(
    migration
      .command('lint')
      .description('look for destructive statements in migrations on this machine, without a daemon')
      .argument('<cluster>')
      .option('--directory <directory>', 'where they are (default: the "migrations.directory" of the cluster, from here)'),
    (session, [cluster = ''], { directory }: { directory?: string }) => lintMigrations(session, cluster, directory ?? null),
  );
}
