// Commands about who is told of deployments outside.
import type { Command } from 'commander';
import { notices, retryNotice, testNotice } from '../notices.ts';
import { wholeNumber } from './options.ts';
import type { Does } from './definition.ts';

export function noticesCommands(program: Command, does: Does): void {
  const told = program
    .command('notices')
    .description('who is told of deployments outside, and what did not arrive, newest first')
    .option('--limit <n>', 'how many', wholeNumber, 20);
  does(told, (session, _, { limit = 20 }: { limit?: number }) => notices(session, limit));
  does(
    told.command('retry').description('send a notice again, now').argument('<id>', 'number of the notice', wholeNumber),
    (session, [id]) => retryNotice(session, Number(id)),
  );
  does(
    told
      .command('test')
      .description('send a notice of nothing, and say whether it was taken')
      .argument('<target>', 'its name in the configuration'),
    (session, [target = '']) => testNotice(session, target),
  );
}
