// exercise, probe, verify, confirm: is the release well? Asked before users meet it, when they are back, and of the cluster as a whole.
import type { CheckTime, HttpCheck, Verification } from '../core/cluster.ts';
import { DeployError } from '../core/errors.ts';
import type { Facts } from '../core/event.ts';
import { runCommand } from './command.ts';
import { checkHttp } from './http-check.ts';
import type { CheckValues } from './http-check.ts';
import type { ServerWork, Work } from './perform.ts';

/** While a server is watched, it is asked this often. */
const WATCH_EVERY_MS = 2_000;

/** The new release is asked under its second name, `next`: whoever prepares caches does it now, and nobody waits for it. */
export async function exercise(work: ServerWork): Promise<Facts> {
  const { channel, deployment, op, signal } = work;
  await channel.preview(op, deployment.release ?? '', signal);
  return withLog(work, (settings) => ask(work, settings, 'before-switch'));
}

/** Behind the maintenance page, at an address that it does not cover. */
export function probe(work: ServerWork): Promise<Facts> {
  return withLog(work, (settings) => ask(work, settings, 'before-unlock'));
}

/** When users are back; then for as long as the server is watched. */
export function verify(work: ServerWork): Promise<Facts> {
  return withLog(work, async (settings) => {
    const watched = Date.now() + settings.watchMs;
    for (let round = 0; ; round++) {
      // The time to become well is granted once: what was well must stay so.
      await ask(work, settings, 'after-unlock', round === 0 ? settings.timeoutMs : Math.min(settings.timeoutMs, WATCH_EVERY_MS));
      if (settings.heartbeat !== null) await runCommand(work, work.channel, 'heartbeat', settings.heartbeat, `${work.op}-beat-${round}`);
      if (Date.now() >= watched || work.signal.aborted) return;
      await new Promise((resolve) => setTimeout(resolve, Math.min(WATCH_EVERY_MS, Math.max(1, watched - Date.now()))));
    }
  });
}

export async function confirm({ deployment, signal }: Work): Promise<Facts> {
  const { cluster, release, revision } = deployment;
  const values = { host: '', server: '', release: release ?? '', revision };
  for (const check of cluster.verify?.cluster ?? []) await checkHttp(check, values, cluster.name, cluster.verify?.timeoutMs ?? 0, signal);
  return {};
}

async function ask(work: ServerWork, settings: Verification, when: CheckTime, timeoutMs = settings.timeoutMs): Promise<void> {
  const { deployment, server, signal } = work;
  const values: CheckValues = {
    host: server.host.includes(':') ? `[${server.host}]` : server.host,
    server: server.name,
    release: deployment.release ?? '',
    revision: deployment.revision,
  };
  const checks = settings.http.filter((check: HttpCheck) => check.when === when);
  for (const check of checks) await checkHttp(check, values, server.name, timeoutMs, signal);
}

/** The record of a failure ends with what the application itself wrote about it. */
async function withLog(work: ServerWork, checks: (settings: Verification) => Promise<void>): Promise<Facts> {
  const { verify: settings } = work.deployment.cluster;
  if (settings === null) return {};
  try {
    await checks(settings);
    return {};
  } catch (error) {
    if (!(error instanceof DeployError) || settings.log === null) throw error;
    const detail = [error.detail, await endOfLog(work, settings.log)].filter((part) => part !== null && part !== '').join('\n');
    throw new DeployError(error.code, error.message, detail, error);
  }
}

async function endOfLog({ channel, op, signal }: ServerWork, file: string): Promise<string> {
  const command = { run: 'tail -n 40 -- "$LOCKSTEP_LOG"', timeoutMs: 5_000, on: null };
  const request = { name: 'log', command, release: '', environment: { LOCKSTEP_LOG: file } };
  const limited = AbortSignal.any([signal, AbortSignal.timeout(15_000)]);
  const output = await channel.run(`${op}-log`, request, limited).then(
    (result) => result.output,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  return `--- the end of ${file}:\n${output.slice(-4_000)}`;
}
