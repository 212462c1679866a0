// `doctor`: looks at everything a deployment needs and says what to do about what is wrong.
import { access, constants, stat, statfs } from 'node:fs/promises';
import { checkLines, hasFailed } from './checks.ts';
import type { Check } from './checks.ts';
import { EXIT, tellOf } from './failure.ts';
import type { Branch } from '../core/mapping.ts';
import { checkClock } from './machine.ts';
import { checkPrograms } from './programs.ts';
import { shownPath } from './settings.ts';
import type { Session } from './session.ts';
import { clusterCheck, serverCheck } from './setup.ts';
import { size } from './words.ts';

const MB = 1000 * 1000;

/** Exit 1 when something fails; warnings do not count. `cluster` null: the servers of all clusters. */
export async function doctor(session: Session, cluster: string | null): Promise<number> {
  const { io, output } = session;
  const configuration = await checkConfiguration(session);
  const isValid = !hasFailed(configuration);
  const repositories = isValid ? await checkRepositories(session) : { checks: [], branches: [] };
  const checks = [
    ...configuration,
    ...(await checkData(session)),
    await checkClock(session.settings.data),
    ...(await checkPrograms(io.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin')),
    ...(await checkDaemon(session)),
    ...repositories.checks,
    ...(isValid ? await checkOutside(session, { cluster, branches: repositories.branches }) : []),
    ...(await checkServers(session, isValid, { cluster, branches: repositories.branches })),
  ];
  const findings = checks.map(({ name, state, message, remedy }) => ({ name, state, message, remedy }));
  output.result({ ok: !hasFailed(checks), checks: findings }, () => checkLines(checks, output));
  return hasFailed(checks) ? EXIT.failed : EXIT.done;
}

const finding = (name: string, state: Check['state'], message: string, remedy: string | null = null): Check => ({
  name,
  group: null,
  state,
  message,
  remedy,
});

async function checkConfiguration({ io, wiring, settings }: Session): Promise<Check[]> {
  const file = shownPath(settings.config, io.cwd);
  try {
    const { warnings } = await wiring.checkConfiguration(settings.config);
    return [
      finding('configuration', 'ok', `${file} is valid`),
      ...warnings.map((warning) => finding('configuration', 'warn', warning, `edit ${file}, then: lockstep check`)),
    ];
  } catch (error) {
    return [
      finding(
        'configuration',
        'fail',
        tellOf(error).message,
        `edit ${file} (or name another: --config, LOCKSTEP_CONFIG), then: lockstep check`,
      ),
    ];
  }
}

async function checkData({ io, settings }: Session): Promise<Check[]> {
  const name = 'data directory';
  const path = shownPath(settings.data, io.cwd);
  try {
    const found = await stat(settings.data);
    if (!found.isDirectory()) return [finding(name, 'fail', `${path} is not a directory`, 'name another: --data or LOCKSTEP_DATA')];
    await access(settings.data, constants.R_OK | constants.W_OK | constants.X_OK);
    const { bavail, bsize } = await statfs(settings.data);
    const free = bavail * bsize;
    const room = `${path}: ${size(free)} free`;
    const checks = [
      free < 100 * MB
        ? finding(name, 'fail', `${room}; the journal cannot be written for long`, 'make room, or move the data directory: --data')
        : free < 1000 * MB
          ? finding(name, 'warn', `${room}; artifacts and mirrors of repositories may fill it`, 'make room')
          : finding(name, 'ok', room),
    ];
    if ((found.mode & 0o007) !== 0) {
      checks.push(
        finding(name, 'warn', `${path} is open to everybody on this machine; it holds the token and secrets`, `chmod o-rwx ${path}`),
      );
    }
    return checks;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [finding(name, 'warn', `${path} does not exist yet`, 'make it: lockstep init')];
    return [
      finding(
        name,
        'fail',
        `${path} cannot be used: ${code ?? String(error)}`,
        "run as the daemon's user, or name another: --data or LOCKSTEP_DATA",
      ),
    ];
  }
}

async function checkDaemon({ api, settings }: Session): Promise<Check[]> {
  try {
    const { version, configurationProblem, storeProblem } = await api().overview();
    const checks = [finding('daemon', 'ok', `answers at ${settings.url}, version ${version}`)];
    if (configurationProblem !== null) {
      checks.push(
        finding(
          'daemon',
          'fail',
          `works with an older configuration: ${configurationProblem}`,
          'correct the file; the daemon reads it again by itself',
        ),
      );
    }
    if (storeProblem !== null)
      checks.push(finding('daemon', 'fail', `cannot write its journal: ${storeProblem}`, 'make room or repair the disk'));
    return checks;
  } catch (error) {
    const { exit, message } = tellOf(error);
    if (exit === EXIT.interrupted) throw error;
    return [finding('daemon', 'fail', message, exit === EXIT.unreachable ? 'start it: lockstep daemon' : null)];
  }
}

async function checkRepositories({ wiring, settings }: Session): Promise<{ checks: Check[]; branches: readonly Branch[] }> {
  try {
    const { results, branches } = await wiring.checkRepositories(settings.config);
    return { checks: results.map(({ repository, ...result }) => ({ name: `repository ${repository}`, group: null, ...result })), branches };
  } catch (error) {
    return { checks: [finding('repositories', 'fail', tellOf(error).message)], branches: [] };
  }
}

async function checkOutside(
  { wiring, settings }: Session,
  which: { cluster: string | null; branches: readonly Branch[] },
): Promise<Check[]> {
  try {
    return (await wiring.checkOutside(settings.config, which)).map(clusterCheck);
  } catch (error) {
    return [finding('files', 'fail', tellOf(error).message)];
  }
}

async function checkServers(
  { wiring, settings }: Session,
  isValid: boolean,
  which: { cluster: string | null; branches: readonly Branch[] },
): Promise<Check[]> {
  if (!isValid) return [finding('servers', 'warn', 'not asked, because the configuration is not valid')];
  try {
    return (await wiring.checkServers(settings.config, settings.data, which)).map(serverCheck);
  } catch (error) {
    return [finding('servers', 'fail', tellOf(error).message)];
  }
}
