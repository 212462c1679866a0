// Commands that look at what the clusters serve and what was deployed.
import type { Command } from 'commander';
import { drift } from '../drift.ts';
import { history, show } from '../history.ts';
import { logs } from '../logs.ts';
import { releases } from '../releases.ts';
import { statistics } from '../statistics.ts';
import { status } from '../status.ts';
import { wholeNumber } from './options.ts';
import type { Does } from './definition.ts';

export function historyCommands(program: Command, does: Does): void {
  does(
    program
      .command('status')
      .description('what the clusters serve and do; with a name, one cluster with its servers')
      .argument('[cluster]'),
    (session, [cluster]) => status(session, cluster),
  );
  does(
    program
      .command('history')
      .description('deployments, newest first')
      .argument('[cluster]')
      .option('--limit <n>', 'how many', wholeNumber, 20),
    (session, [cluster], { limit = 20 }: { limit?: number }) => history(session, cluster, limit),
  );
  does(
    program
      .command('statistics')
      .description('how often is deployed, how long it takes, how much goes wrong, and how soon it is mended')
      .argument('[cluster]')
      .option('--since <when>', 'a span like 30d or 12w, or a date', '90d'),
    (session, [cluster], { since = '90d' }: { since?: string }) => statistics(session, cluster, since),
  );
  does(
    program
      .command('drift')
      .description('compare the servers of a cluster, or of all, with what was put there; exit 1 when something differs')
      .argument('[cluster]'),
    (session, [cluster]) => drift(session, cluster),
  );
  does(
    program.command('releases').description('releases that were live on a cluster, newest first').argument('<cluster>'),
    (session, [cluster = '']) => releases(session, cluster),
  );
  does(
    program
      .command('show')
      .description('one deployment: its steps, times and servers')
      .argument('<number>', 'number of the deployment', wholeNumber),
    (session, [number]) => show(session, Number(number)),
  );
  does(
    program
      .command('logs')
      .description('the log of a deployment')
      .argument('<number>', 'number of the deployment', wholeNumber)
      .option('-f, --follow', 'go on until the deployment has ended'),
    (session, [number], { follow }: { follow?: boolean }) => logs(session, Number(number), follow === true),
  );
}
