// The commands as the shell sees them: names, arguments, options, help. What they do stands in the files they call.
import { Command, InvalidArgumentError, Option } from 'commander';
import { audit, verifyAudit } from './audit.ts';
import { deliveries, replayDelivery } from './deliveries.ts';
import { drift } from './drift.ts';
import { doctor } from './doctor.ts';
import { history, show } from './history.ts';
import { logs } from './logs.ts';
import { notices, retryNotice, testNotice } from './notices.ts';
import { lintMigrations } from './lint.ts';
import { plan } from './plan.ts';
import { showProgress } from './progress.ts';
import { releases } from './releases.ts';
import {
  abort,
  approve,
  deploy,
  lock,
  pause,
  reject,
  releaseHold,
  resume,
  retry,
  rollback,
  settleMigration,
  skip,
  unlock,
} from './requests.ts';
import type { Session } from './session.ts';
import { DEFAULT_URL } from './settings.ts';
import type { GlobalOptions } from './settings.ts';
import { check, daemon, hookSecret, init, installHooks, trustServers } from './setup.ts';
import { statistics } from './statistics.ts';
import { servers, status } from './status.ts';
import { createToken, revokeToken, tokens } from './tokens.ts';
import { addUser, changePassword, changeUser, removeUser, users } from './users.ts';
import { ROLES } from '../core/actor.ts';

type Perform = (session: Session) => Promise<number>;

export type Frame = {
  readonly version: string;
  /** Columns for help. */
  readonly width: number;
  /** Receives help and version texts. */
  say(text: string): void;
  run(options: GlobalOptions, perform: Perform): Promise<void>;
};

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

  /** Ends the definition of a command: what it does with its arguments and options. */
  const does: Does = (command, perform) => {
    globalOptions(command, true).action(async () => {
      const options = command.optsWithGlobals<CommandOptions & GlobalOptions>();
      // An optional argument that is not given is undefined in commander's list.
      const args = command.args;
      await frame.run(options, (session) => perform(session, args, options));
    });
  };
  setupCommands(program, does);
  lookCommands(program, does);
  actCommands(program, does);
  peopleCommands(program, does);
  return program;
}

/** Options of all commands together; commander fills in those that a command has. */
type CommandOptions = {
  listen?: string;
  servers?: boolean;
  repository?: string;
  limit?: number;
  since?: string;
  follow?: boolean;
  revision?: string;
  force?: boolean;
  wait?: boolean;
  reason?: string;
  to?: string;
  emergency?: boolean;
  rotate?: boolean;
  retire?: boolean;
  drift?: string;
  cluster?: string;
  directory?: string;
  csv?: boolean;
  jsonl?: boolean;
  expect?: string;
  role?: string;
  clusters?: readonly string[];
  days?: number;
  teams?: readonly string[];
  tlsCert?: string;
  tlsKey?: string;
  behindProxy?: readonly string[];
};

type Does = (command: Command, perform: (session: Session, args: string[], options: CommandOptions) => Promise<number>) => void;

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

function setupCommands(program: Command, does: Does): void {
  does(program.command('init').description('write a first configuration and make the data directory'), (session) => init(session));
  does(
    program
      .command('daemon')
      .description('run the daemon until it is told to stop (SIGTERM, Ctrl-C)')
      .option('--listen <address>', 'address and port to listen at', listenAddress, '127.0.0.1:8484')
      .option('--tls-cert <file>', 'certificate with its chain, in PEM; read again when it changes')
      .option('--tls-key <file>', 'its key, in PEM')
      .option('--behind-proxy <addresses>', 'proxies that speak TLS in front, separated by commas; nobody else is answered', commaList, []),
    (session, _, { listen = '', tlsCert, tlsKey, behindProxy = [] }) => daemon(session, { listen, tlsCert, tlsKey, behindProxy }),
  );
  does(
    program.command('check').description('check the configuration').option('--servers', 'connect to every server, too'),
    (session, _, options) => check(session, options.servers === true),
  );
  const hooks = program.command('hooks').description('hooks of repositories');
  does(
    hooks
      .command('install')
      .description('install the hook into a repository on this machine')
      .argument('<path>', 'directory of the repository')
      .option('--repository <name>', 'its name in the configuration (default: the one whose URL is the path)'),
    (session, [path = ''], { repository }) => installHooks(session, path, repository ?? null),
  );
  does(
    hooks
      .command('secret')
      .description(
        'the secret of a repository, and what to enter in the webhook settings of its forge (--url: the address that it can reach)',
      )
      .argument('<repository>', 'its name in the configuration')
      .option('--rotate', 'make a new secret; the older ones stay valid until they are retired')
      .option('--retire', 'only the newest secret stays valid'),
    (session, [repository = ''], { rotate, retire }) =>
      hookSecret(session, repository, { rotate: rotate === true, retire: retire === true }),
  );
  does(
    program
      .command('doctor')
      .description('look for everything that could be wrong, and say what to do')
      .option('--cluster <name>', 'look at the servers of this cluster only'),
    (session, _, { cluster }) => doctor(session, cluster ?? null),
  );
}

function lookCommands(program: Command, does: Does): void {
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
    (session, [cluster], { limit = 20 }) => history(session, cluster, limit),
  );
  does(
    program
      .command('statistics')
      .description('how often is deployed, how long it takes, how much goes wrong, and how soon it is mended')
      .argument('[cluster]')
      .option('--since <when>', 'a span like 30d or 12w, or a date', '90d'),
    (session, [cluster], { since = '90d' }) => statistics(session, cluster, since),
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
    (session, [number], { follow }) => logs(session, Number(number), follow === true),
  );
  const received = program
    .command('deliveries')
    .description('what hooks and webhooks told, newest first, and why something happened or not')
    .option('--repository <name>', 'of this repository only')
    .option('--limit <n>', 'how many', wholeNumber, 20);
  does(received, (session, _, { repository, limit = 20 }) => deliveries(session, repository, limit));
  does(
    received
      .command('replay')
      .description('look at the repository again as if the delivery had just come')
      .argument('<id>', 'id of the delivery, or the beginning of it'),
    (session, [id = ''], { repository }) => replayDelivery(session, id, repository),
  );
  const record = program
    .command('audit')
    .description('who did what, from where, and what was refused, newest first')
    .option('--since <time>', 'from then on: 24h, 7d, or a date such as 2026-11-22')
    .option('--cluster <name>', 'of this cluster only')
    .option('--limit <n>', 'how many', wholeNumber, 50)
    .addOption(new Option('--csv', 'everything that fits as CSV, oldest first').conflicts('jsonl'))
    .option('--jsonl', 'everything that fits as one JSON document per line, oldest first');
  does(record, (session, _, { since, cluster, limit = 50, csv, jsonl }) =>
    audit(session, { since, cluster, limit, format: csv === true ? 'csv' : jsonl === true ? 'jsonl' : null }),
  );
  does(
    record
      .command('verify')
      .description('is every entry as it was written? exit 1 if not')
      .option('--expect <entry>', 'number and hash of an entry that was kept elsewhere: 4711:9f86d0…'),
    (session, _, { expect }) => verifyAudit(session, expect),
  );
  const told = program
    .command('notices')
    .description('who is told of deployments outside, and what did not arrive, newest first')
    .option('--limit <n>', 'how many', wholeNumber, 20);
  does(told, (session, _, { limit = 20 }) => notices(session, limit));
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
  const list = program.command('servers').description('servers of all clusters, or of one, with their states').argument('[cluster]');
  does(list, (session, [cluster]) => servers(session, cluster));
  does(
    list.command('trust').description('fetch the host keys of servers that are not known yet and pin them').argument('[cluster]'),
    (session, [cluster]) => trustServers(session, cluster ?? null),
  );
}

function actCommands(program: Command, does: Does): void {
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
    (session, [cluster = ''], { revision, force, drift: about, wait }) =>
      deploy(session, cluster, { revision, force: force === true, drift: about, wait: wait === true }),
  );
  does(
    program
      .command('plan')
      .description('what a deployment would do, without doing it')
      .argument('<cluster>')
      .option('--revision <revision>', 'this revision instead of the head'),
    (session, [cluster = ''], { revision }) => plan(session, cluster, revision),
  );
  does(
    program
      .command('rollback')
      .description('go back to the last good release before the live one, or to the one that is named')
      .argument('<cluster>')
      .option('--to <release>', 'this release or revision, or the beginning of its name')
      .option('--emergency', 'switch at once, without maintenance page and verification')
      .option('--wait', 'follow it to the end; exit 0 only if it is done'),
    (session, [cluster = ''], { to, emergency, wait }) =>
      rollback(session, cluster, { to, emergency: emergency === true, wait: wait === true }),
  );
  does(
    program.command('release-hold').description('after a roll back: let the branch head be deployed again').argument('<cluster>'),
    (session, [cluster = '']) => releaseHold(session, cluster),
  );
  const numbered = (name: string, description: string): Command =>
    program.command(name).description(description).argument('<number>', 'number of the deployment', wholeNumber);
  does(numbered('wait', 'follow a deployment to its end; exit 0 only if it is done'), (session, [number]) =>
    showProgress(session, Number(number)),
  );
  does(numbered('abort', 'stop a deployment; before the switch nothing has changed, after it the servers go back'), (session, [number]) =>
    abort(session, Number(number)),
  );
  does(numbered('pause', 'begin nothing new in a deployment until it is resumed; possible until users could notice'), (session, [number]) =>
    pause(session, Number(number)),
  );
  does(numbered('resume', 'let a paused deployment go on'), (session, [number]) => resume(session, Number(number)));
  does(numbered('approve', "let somebody else's deployment begin that waits for approval"), (session, [number]) =>
    approve(session, Number(number)),
  );
  does(
    numbered('reject', 'give up a deployment that waits for approval').option('--reason <text>', 'why, for the others'),
    (session, [number], { reason = '' }) => reject(session, Number(number), reason),
  );
  does(
    numbered('skip', 'leave a server out of a running deployment; it catches up afterwards').argument('<server>'),
    (session, [number, server = '']) => skip(session, Number(number), server),
  );
  does(
    numbered('retry', 'the same deployment again; with a server, bring up that one, which was left behind')
      .argument('[server]')
      .option('--wait', 'follow it to the end; exit 0 only if it is done'),
    (session, [number, server], { wait }) => retry(session, Number(number), server ?? null, wait === true),
  );
  does(
    program
      .command('lock')
      .description('let deployments of a cluster wait until it is unlocked')
      .argument('<cluster>')
      .requiredOption('--reason <text>', 'why, for the others'),
    (session, [cluster = ''], { reason = '' }) => lock(session, cluster, reason),
  );
  does(program.command('unlock').description('let deployments of a cluster run again').argument('<cluster>'), (session, [cluster = '']) =>
    unlock(session, cluster),
  );
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
    (session, [cluster = ''], { directory }) => lintMigrations(session, cluster, directory ?? null),
  );
}

function peopleCommands(program: Command, does: Does): void {
  const role = (): Option => new Option('--role <role>', 'what it may; each role may what those before it may').choices(ROLES);
  const token = program.command('token').description('tokens of the API, for programs and for people at a shell');
  does(
    token
      .command('create')
      .description('make a token; it is shown once')
      .argument('<name>', 'what it is for: it stands in the history')
      .addOption(role().makeOptionMandatory())
      .option('--clusters <globs>', 'clusters that the role is for, separated by commas', commaList, ['*'])
      .option('--days <n>', 'how long it is valid', wholeNumber, 90),
    (session, [name = ''], { role: wanted = '', clusters = [], days }) => createToken(session, name, { role: wanted, clusters, days }),
  );
  does(token.command('list').description('tokens, with when they were used last and until when they are valid'), (session) =>
    tokens(session),
  );
  does(token.command('revoke').description('let nobody come in with a token any more').argument('<name>'), (session, [name = '']) =>
    revokeToken(session, name),
  );
  const user = program.command('user').description('people who sign in with a password');
  does(
    user
      .command('add')
      .description('add a user; the password is asked for, or read from standard input')
      .argument('<name>')
      .addOption(role().makeOptionMandatory())
      .option('--clusters <globs>', 'clusters that the role is for, separated by commas', commaList, ['*'])
      .option('--teams <names>', 'teams, separated by commas', commaList, []),
    (session, [name = ''], { role: wanted = '', clusters = [], teams = [] }) => addUser(session, name, { role: wanted, clusters, teams }),
  );
  does(
    user
      .command('change')
      .description('change what a user may, or their teams; it counts at once')
      .argument('<name>')
      .addOption(role())
      .option('--clusters <globs>', 'clusters that the role is for, separated by commas', commaList)
      .option('--teams <names>', 'teams, separated by commas; "" for none', commaList),
    (session, [name = ''], { role: wanted, clusters, teams }) =>
      changeUser(session, name, { ...(wanted && { role: wanted }), ...(clusters && { clusters }), ...(teams && { teams }) }),
  );
  does(user.command('list').description('users, with what they may'), (session) => users(session));
  does(user.command('remove').description('remove a user; their sessions end').argument('<name>'), (session, [name = '']) =>
    removeUser(session, name),
  );
  does(
    user.command('password').description('give a user another password; it is asked for, or read from standard input').argument('<name>'),
    (session, [name = '']) => changePassword(session, name),
  );
}

const commaList = (text: string): readonly string[] =>
  text
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean);

/** `127.0.0.1:8484`, `[::1]:8484`, `localhost:0` (any free port). */
function listenAddress(text: string): string {
  const port = /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(\d{1,5})$/.exec(text)?.[1];
  if (port === undefined || Number(port) > 65_535)
    throw new InvalidArgumentError('It is an address and a port, like 127.0.0.1:8484 or [::1]:8484.');
  return text;
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It is a whole number like 42.');
  return Number(text);
}
