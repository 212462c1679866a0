// The commands as the shell sees them: names, arguments, options, help. Each subject has a file in commands/; what a command does stands beside.
import { Command } from 'commander';
import { auditCommands } from './commands/audit.ts';
import type { Does, Perform } from './commands/definition.ts';
import { deliveriesCommands } from './commands/deliveries.ts';
import { deployCommands } from './commands/deploy.ts';
import { historyCommands } from './commands/history.ts';
import { lockCommands } from './commands/locks.ts';
import { migrationCommands } from './commands/migration.ts';
import { noticesCommands } from './commands/notices.ts';
import { serversCommands } from './commands/servers.ts';
import { setupCommands } from './commands/setup.ts';
import { steeringCommands } from './commands/steering.ts';
import { tokenCommands } from './commands/token.ts';
import { userCommands } from './commands/user.ts';
import type { Session } from './session.ts';
import { DEFAULT_URL } from './settings.ts';
import type { GlobalOptions } from './settings.ts';

export type Frame = {
  readonly version: string;
  /** Columns for help. */
  readonly width: number;
  /** Receives help and version texts. */
  say(text: string): void;
  run(options: GlobalOptions, perform: (session: Session) => Promise<number>): Promise<void>;
};

/** In the order of the help. */
const SUBJECTS: readonly ((program: Command, does: Does) => void)[] = [
  setupCommands,
  historyCommands,
  deliveriesCommands,
  auditCommands,
  noticesCommands,
  serversCommands,
  deployCommands,
  steeringCommands,
  lockCommands,
  migrationCommands,
  tokenCommands,
  userCommands,
];

const EXAMPLES = `
Examples:
  lockstep init                                   write a first branches.config.json and make ./var
  lockstep check --servers                        is the configuration right, and can every server be reached?
  lockstep daemon                                 run the daemon in the foreground
  lockstep hooks install /srv/git/shop.git        let commits to this repository deploy
  lockstep hooks secret shop                      what to enter in the webhook settings of GitHub, GitLab, …
  lockstep deliveries                             a push did nothing: why?
  lockstep status                                 what every cluster serves and does
  lockstep deploy production --wait               deploy the head of the branch and follow it to the end
  lockstep deploy production --revision 1a2b3c4   deploy this commit of the branch
  lockstep lock production --reason "moving the database"
  lockstep logs 42 -f                             the log of deployment 42 as it grows
  lockstep doctor                                 something is wrong: find out what

Exit codes: 0 done, 1 it failed, 2 usage or configuration, 3 no daemon answers.`;

/** A program whose commands call `frame.run`; errors of usage are thrown as CommanderError, never written or exited with. */
export function createCommands(frame: Frame): Command {
  const program = new Command('lockstep')
    .description('Commit to a deployment branch; every server of the cluster moves to that commit in lockstep, or nothing changes.')
    .version(frame.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => frame.say(text),
      writeErr: (text) => frame.say(text),
      outputError: () => undefined,
      getOutHelpWidth: () => frame.width,
      getErrHelpWidth: () => frame.width,
    })
    .addHelpText('after', EXAMPLES)
    .exitOverride();
  globalOptions(program, false);

  const does: Does = <Options extends object>(command: Command, perform: Perform<Options>) => {
    globalOptions(command, true).action(async () => {
      const options = command.optsWithGlobals<Options & GlobalOptions>();
      await frame.run(options, (session) => perform(session, command.args, options));
    });
  };
  for (const define of SUBJECTS) define(program, does);
  return program;
}

/** On the program they are listed in the help; on a command they are only understood, so that their place does not matter. */
function globalOptions(command: Command, isHidden: boolean): Command {
  const options: [string, string][] = [
    ['--url <url>', `address of the daemon (LOCKSTEP_URL; default ${DEFAULT_URL})`],
    ['--config <file>', 'configuration (LOCKSTEP_CONFIG; default ./branches.config.json)'],
    ['--data <directory>', 'data directory with the token (LOCKSTEP_DATA; default ./var)'],
    ['--json', 'print one JSON document instead of text'],
  ];
  for (const [flags, description] of options) {
    const option = command.createOption(flags, description);
    command.addOption(isHidden ? option.hideHelp() : option);
  }
  return command;
}
