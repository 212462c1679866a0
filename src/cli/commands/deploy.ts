// Commands that bring another release to a cluster.
import { Option } from 'commander';
import type { Command } from 'commander';
import { plan } from '../plan.ts';
import { deploy, releaseHold, rollback } from '../requests.ts';
import type { Does } from './definition.ts';

type DeployOptions = { revision?: string; force?: boolean; drift?: string; wait?: boolean };
type RollbackOptions = { to?: string; emergency?: boolean; wait?: boolean };

export function deployCommands(program: Command, does: Does): void {
  does(
    program
      .command('deploy')
      .description('deploy the head of the branch, or a revision of it')
      .argument('<cluster>')
      .option('--revision <revision>', 'this revision instead of the head')
      .option('--force', 'also if it is live already or goes back in history; brings a live release anew, as a copy beside it')
      .addOption(
        new Option('--drift <what>', 'about files changed on servers, instead of drift.onDeploy').choices(['warn', 'refuse', 'save']),
      )
      .option('--wait', 'follow it to the end; exit 0 only if it is done'),
    (session, [cluster = ''], { revision, force, drift: about, wait }: DeployOptions) =>
      deploy(session, cluster, { revision, force: force === true, drift: about, wait: wait === true }),
  );
  does(
    program
      .command('plan')
      .description('what a deployment would do, without doing it')
      .argument('<cluster>')
      .option('--revision <revision>', 'this revision instead of the head'),
    (session, [cluster = ''], { revision }: { revision?: string }) => plan(session, cluster, revision),
  );
  does(
    program
      .command('rollback')
      .description('go back to the last good release before the live one, or to the one that is named')
      .argument('<cluster>')
      .option('--to <release>', 'this release or revision, or the beginning of its name')
      .option('--emergency', 'switch at once, without maintenance page and verification')
      .option('--wait', 'follow it to the end; exit 0 only if it is done'),
    (session, [cluster = ''], { to, emergency, wait }: RollbackOptions) =>
      rollback(session, cluster, { to, emergency: emergency === true, wait: wait === true }),
  );
  does(
    program.command('release-hold').description('after a roll back: let the branch head be deployed again').argument('<cluster>'),
    (session, [cluster = '']) => releaseHold(session, cluster),
  );
}
