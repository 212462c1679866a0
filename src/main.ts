// The command `lockstep`: argv → the daemon or one of the commands. Here the commands get the parts that they may not import.
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runCommand } from './cli/run.ts';
import type { CliWiring } from './cli/wiring.ts';

const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };

const LAST_RESORT_MS = 5_000;
/**
 * The heap is collected when it is half as large again as what was in use, not up to four times as large: with 10,000 servers that is half the
 * memory, and costs no time that could be measured. A V8 that does not know it says so and goes on.
 */
const HEAP_GROWTH = '--heap-growing-percent=50';

/** Runs until the first SIGTERM or SIGINT has stopped the daemon; the second ends what is still under way. */
const runDaemon: CliWiring['startDaemon'] = async ({ config, data, listen, tls, behindProxy, ready }) => {
  setFlagsFromString(HEAP_GROWTH);
  const { startDaemon } = await import('./daemon.ts');
  const { createLog } = await import('./notify/log.ts');
  await mkdir(data, { recursive: true, mode: 0o700 });
  const colour = process.env['NO_COLOR'] === undefined;
  const log = createLog({ file: process.stderr.isTTY ? null : join(data, 'daemon.log'), stderr: process.stderr, colour });
  const { address, port } = addressOf(listen);
  const daemon = await startDaemon({ version, config, data, address, port, listening: { tls, behindProxy }, log });
  ready(daemon.url);
  await new Promise<void>((resolve, reject) => {
    let signals = 0;
    const stop = (): void => {
      signals += 1;
      // What hangs even then (a disk that stays full, a repository that does not answer) must not keep anybody from stopping us.
      if (signals > 1) setTimeout(() => process.exit(1), LAST_RESORT_MS).unref();
      log.info('stopping: effects in flight are finished first; a second signal ends them');
      daemon.stop().then(resolve, reject);
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
  });
  log.info('stopped');
  await log.close();
};

/** `127.0.0.1:8484`, `[::1]:8484` → address and port. The command line has checked the form. */
function addressOf(listen: string): { address: string; port: number } {
  const colon = listen.lastIndexOf(':');
  return { address: listen.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(listen.slice(colon + 1)) };
}

/** Most commands only talk to the daemon: they must not wait for parts that they do not need. */
const errands = () => import('./errands.ts');
const checkup = () => import('./checkup.ts');

const interrupted = new AbortController();
const isDaemon = process.argv[2] === 'daemon';
if (!isDaemon) process.once('SIGINT', () => interrupted.abort());

process.exitCode = await runCommand(
  process.argv.slice(2),
  {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    signal: interrupted.signal,
  },
  {
    version,
    startDaemon: runDaemon,
    checkConfiguration: async (file) => (await errands()).checkConfiguration(file),
    checkServers: async (file, data, which) => (await checkup()).checkServers(file, data, which),
    checkOutside: async (file, which) => (await checkup()).checkOutsideFiles(file, which),
    checkRepositories: async (file) => (await checkup()).checkRepositories(file),
    initialise: async (options) => (await errands()).initialise(options),
    installHooks: async (options) => (await errands()).installRepositoryHooks(options),
    lintMigrations: async (options) => (await errands()).lintMigrations(options),
    hookSecret: async (options) => (await errands()).hookSecret(options),
    trustServers: async (options) => (await errands()).trustServers(options),
  },
);
