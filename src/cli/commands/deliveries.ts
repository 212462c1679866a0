// Commands about what hooks and webhooks told.
import type { Command } from 'commander';
import { deliveries, replayDelivery } from '../deliveries.ts';
import { wholeNumber } from './options.ts';
import type { Does } from './definition.ts';

export function deliveriesCommands(program: Command, does: Does): void {
  const received = program
    .command('deliveries')
    .description('what hooks and webhooks told, newest first, and why something happened or not')
    .option('--repository <name>', 'of this repository only')
    .option('--limit <n>', 'how many', wholeNumber, 20);
  does(received, (session, _, { repository, limit = 20 }: { repository?: string; limit?: number }) =>
    deliveries(session, repository, limit),
  );
  does(
    received
      .command('replay')
      .description('look at the repository again as if the delivery had just come')
      .argument('<id>', 'id of the delivery, or the beginning of it'),
    (session, [id = ''], { repository }: { repository?: string }) => replayDelivery(session, id, repository),
  );
}
