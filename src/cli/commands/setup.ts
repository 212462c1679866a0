// Commands that set the daemon up, run it, and find out why something is wrong.
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { doctor } from '../doctor.ts';
import { check, daemon, hookSecret, init, installHooks } from '../setup.ts';
import { commaList } from './options.ts';
import type { Does } from './definition.ts';

type DaemonOptions = { listen?: string; tlsCert?: string; tlsKey?: string; behindProxy?: readonly string[] };

export function setupCommands(program: Command, does: Does): void {
  does(program.command('init').description('write a first configuration and make the data directory'), (session) => init(session));
  does(
    program
      .command('daemon')
      .description('run the daemon until it is told to stop (SIGTERM, Ctrl-C)')
      .option('--listen <address>', 'address and port to listen at', listenAddress, '127.0.0.1:8484')
      .option('--tls-cert <file>', 'certificate with its chain, in PEM; read again when it changes')
      .option('--tls-key <file>', 'its key, in PEM')
      .option('--behind-proxy <addresses>', 'proxies that speak TLS in front, separated by commas; nobody else is answered', commaList, []),
    (session, _, { listen = '', tlsCert, tlsKey, behindProxy = [] }: DaemonOptions) =>
      daemon(session, { listen, tlsCert, tlsKey, behindProxy }),
  );
  does(
    program.command('check').description('check the configuration').option('--servers', 'connect to every server, too'),
    (session, _, { servers }: { servers?: boolean }) => check(session, servers === true),
  );
  const hooks = program.command('hooks').description('hooks of repositories');
  does(
    hooks
      .command('install')
      .description('install the hook into a repository on this machine')
      .argument('<path>', 'directory of the repository')
      .option('--repository <name>', 'its name in the configuration (default: the one whose URL is the path)'),
    (session, [path = ''], { repository }: { repository?: string }) => installHooks(session, path, repository ?? null),
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
    (session, [repository = ''], { rotate, retire }: { rotate?: boolean; retire?: boolean }) =>
      hookSecret(session, repository, { rotate: rotate === true, retire: retire === true }),
  );
  does(
    program
      .command('doctor')
      .description('look for everything that could be wrong, and say what to do')
      .option('--cluster <name>', 'look at the servers of this cluster only'),
    (session, _, { cluster }: { cluster?: string }) => doctor(session, cluster ?? null),
  );
}

/** `127.0.0.1:8484`, `[::1]:8484`, `localhost:0` (any free port). */
function listenAddress(text: string): string {
  const port = /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(\d{1,5})$/.exec(text)?.[1];
  if (port === undefined || Number(port) > 65_535)
    throw new InvalidArgumentError('It is an address and a port, like 127.0.0.1:8484 or [::1]:8484.');
  return text;
}
