// The keys of the maintenance window: its page, how long a lock holds, and what becomes of servers that stay behind.
import { z } from 'zod';
import { duration, keys, text } from './schema-parts.ts';

/** Keys of a cluster. */
export const maintenanceKeys = {
  maintenance: z
    .union(
      [
        z.literal(false),
        keys({
          page: text.optional().meta({
            description: 'HTML file that visitors get meanwhile; a relative path counts from the configuration file.',
            'x-default': 'a built-in page: "We are updating the software. Please try again in several seconds."',
          }),
          lockTimeout: duration('1s')
            .prefault('120s')
            .meta({ description: 'A locked server unlocks itself after this time, even if the daemon never comes back.' }),
          botsTimeout: duration('0s').optional().meta({
            description: 'How long `lock` waits for bots that hold the shared lock; shorter than lockTimeout.',
            'x-type': 'duration',
            'x-default': '`"30s"`, but at most half of lockTimeout',
          }),
        }),
      ],
      { error: 'must be false (no maintenance window) or an object with page, lockTimeout, botsTimeout' },
    )
    .prefault({})
    .meta({
      description: 'The maintenance window of a deployment; `false`: none, servers switch while they serve.',
      'x-default': 'a window with the defaults below',
    }),
  behind: z.enum(['lock', 'drain', 'serve']).optional().meta({
    description:
      'What becomes of a server that was left behind, until it has caught up: `lock` shows the maintenance page, `drain` runs `commands.drain`, `serve` lets it serve what it has.',
    'x-default': '`lock` with a maintenance window, else `drain` with `commands.drain`, else `serve`',
  }),
};
