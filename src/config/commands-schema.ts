// The keys of `commands`: what the operator lets the steps run.
import { z } from 'zod';
import { commandText, duration, keys, text } from './schema-parts.ts';

/** `timeout`: the default of its time limit. */
export const command = (timeout: string, description: string) =>
  z
    .union([
      commandText,
      keys({
        run: commandText.meta({ description: 'The command, run by `sh` in the directory of the release.' }),
        timeout: duration('1s').prefault(timeout).meta({ description: 'A command that takes longer is ended and has failed.' }),
      }),
    ])
    .optional()
    .meta({ description });

const migrate = z
  .union([
    commandText,
    keys({
      run: commandText.meta({ description: 'The command, run by `sh` in the directory of the release.' }),
      timeout: duration('1s').prefault('1h').meta({ description: 'A command that takes longer is ended and has failed.' }),
      on: text.optional().meta({
        description: "Name of the server that runs it, or `daemon`: the daemon's machine.",
        'x-default': "the cluster's first server",
      }),
    }),
  ])
  .optional()
  .meta({ description: 'Brings the database structure up to date, once for the cluster, after all servers have switched.' });

export const commandsSchema = keys({
  drain: command('5m', 'Run on every server before it is locked: take it out of the load balancer.'),
  lock: command('5m', 'Run on every server when it has been locked: tell its bots to stop.'),
  install: command(
    '5m',
    'Run on every server after the switch, in the release that it serves from now on, also when going back: crontab, service files.',
  ),
  migrate,
  unlock: command('5m', 'Run on every server when it is unlocked: start its bots again.'),
  flush: command('5m', 'Run on every server after unlocking: flush opcode and application caches.'),
  readd: command('5m', 'Run on every server at the end, when it is well: put it back into the load balancer.'),
})
  .prefault({})
  .meta({
    description: 'Commands of the steps. `{name}`s of the cluster are filled in; `${name}` is left to the shell.',
    'x-default': 'none',
  });
