// Commands that work without the daemon's API: init, daemon, check, hooks install, hooks secret, servers trust.
import { dirname, resolve } from 'node:path';
import { visible, visibleJson } from '../core/escape.ts';
import { checkLines, hasFailed } from './checks.ts';
import type { Check } from './checks.ts';
import { EXIT, usageFailure } from './failure.ts';
import type { Session } from './session.ts';
import type { ClusterCheck, ServerCheck } from './wiring.ts';

export async function init({ wiring, settings, output }: Session): Promise<number> {
  const { config, data } = settings;
  const lines = await wiring.initialise({ config, data, dir: dirname(config) });
  output.result({ config, data, lines }, () => lines.map(visible));
  return EXIT.done;
}

export type DaemonOptions = {
  readonly listen: string;
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  readonly behindProxy: readonly string[];
};

/** Prints one line when requests are answered, and returns when the daemon has been told to stop. */
export async function daemon(
  { io, wiring, settings, output }: Session,
  { listen, tlsCert, tlsKey, behindProxy }: DaemonOptions,
): Promise<number> {
  if ((tlsCert === undefined) !== (tlsKey === undefined)) throw usageFailure('--tls-cert and --tls-key belong together.');
  const tls =
    tlsCert === undefined || tlsKey === undefined ? null : { certificate: resolve(io.cwd, tlsCert), key: resolve(io.cwd, tlsKey) };
  const ready = (url: string): void => {
    io.stdout.write(output.json ? `${visibleJson({ listening: url }, 0)}\n` : `Lockstep listening on ${visible(url)}\n`);
  };
  await wiring.startDaemon({ config: settings.config, data: settings.data, listen, tls, behindProxy, ready });
  return EXIT.done;
}

/** Exit 2 when the configuration is not valid, 1 when a server is not well. */
export async function check({ wiring, settings, output }: Session, withServers: boolean): Promise<number> {
  const { config, data } = settings;
  const { text, warnings } = await wiring.checkConfiguration(config);
  const all = { cluster: null, branches: [] };
  const clusters = withServers ? await wiring.checkOutside(config, all) : null;
  const servers = withServers ? await wiring.checkServers(config, data, all) : null;
  const checks = [...(clusters ?? []).map(clusterCheck), ...(servers ?? []).map(serverCheck)];
  output.result({ configuration: config, valid: true, text, warnings, clusters, servers }, () => [
    visible(text).trimEnd(),
    ...warnings.map((warning) => output.palette.busy(`warning: ${visible(warning)}`)),
    ...(servers === null ? [] : ['', ...checkLines(checks, output)]),
  ]);
  return hasFailed(checks) ? EXIT.failed : EXIT.done;
}

export const clusterCheck = ({ cluster, ...result }: ClusterCheck): Check => ({ name: `cluster ${cluster}`, group: null, ...result });

export function serverCheck({ cluster, server, state, message, remedy }: ServerCheck): Check {
  return { name: `server ${server} of ${cluster}`, group: { cluster, server }, state, message, remedy };
}

export async function installHooks({ io, wiring, settings, output }: Session, path: string, repository: string | null): Promise<number> {
  const { url, config, data } = settings;
  const lines = await wiring.installHooks({ path: resolve(io.cwd, path), repository, url, config, data });
  output.result({ path: resolve(io.cwd, path), lines }, () => lines.map(visible));
  return EXIT.done;
}

/** Prints a secret on purpose: it is to be entered at a forge. */
export async function hookSecret(
  { wiring, settings, output }: Session,
  repository: string,
  { rotate, retire }: { rotate: boolean; retire: boolean },
): Promise<number> {
  if (rotate && retire) throw usageFailure('--rotate and --retire are two steps: first the new secret everywhere, then the old one away.');
  const { url, config, data } = settings;
  const found = await wiring.hookSecret({ repository, rotate, retire, url, config, data });
  output.result(found, () => found.lines.map(visible));
  return EXIT.done;
}

export async function trustServers({ wiring, settings, output }: Session, cluster: string | null): Promise<number> {
  const { config, data } = settings;
  const lines = await wiring.trustServers({ config, data, cluster });
  output.result({ cluster, lines }, () => lines.map(visible));
  return EXIT.done;
}
