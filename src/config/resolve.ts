// From what the file says to the Configuration: defaults that depend on other values, files, servers; each part by itself.
import type { AbLayout, BehindPolicy, Cluster, Command, HttpCheck, Maintenance, Verification } from '../core/cluster.ts';
import type { BranchRule } from '../core/configuration.ts';
import { placeholders, variablesOf } from '../core/pattern.ts';
import type { Repository, VersionSource } from '../core/repository.ts';
import type { Files } from './files.ts';
import { MAINTENANCE_PAGE } from './maintenance-page.ts';
import { resolveMigrations } from './migrations.ts';
import type { Path, Problems } from './problems.ts';
import { quoted, suggestion } from './problems.ts';
import { resolveOutside } from './outside.ts';
import { resolveRepositoryUrl } from './repository-url.ts';
import { resolveReport } from './report.ts';
import type { BranchInput } from './branch-schema.ts';
import type { ClusterInput } from './cluster-schema.ts';
import type { HttpCheckInput } from './verify-schema.ts';
import type { RepositoryInput } from './repository-schema.ts';
import type { PlacedServer } from './servers.ts';
import { resolveServers } from './servers.ts';
import { resolveShared } from './shared.ts';
import { resolveTransfer } from './transfer.ts';
import { withoutSlash } from './values.ts';
import { resolveZones } from './zones.ts';

export const ENVIRONMENTS = ['development', 'test', 'preproduction', 'gray', 'production'] as const;

export function resolveRepository(name: string, input: RepositoryInput, files: Files, problems: Problems, warnings: string[]): Repository {
  const path: Path = ['repositories', name];
  const resolved = resolveRepositoryUrl(input.url, input.type, files.resolve);
  if ('problem' in resolved) problems.report([...path, 'url'], `${withoutPassword(input.url)} ${resolved.problem}`);
  else if (resolved.warning !== null) warnings.push(`repositories.${name}.url: ${resolved.warning}`);
  const foreign =
    input.type === 'git'
      ? { externals: input.externals !== false }
      : { submodules: input.submodules !== false, lfs: input.lfs, forge: input.forge !== undefined };
  for (const [key, isSet] of Object.entries(foreign)) {
    if (isSet) problems.reportKey([...path, key], `is only for ${input.type === 'git' ? 'Subversion' : 'Git'}`);
  }
  if ((input.username === undefined) !== (input.passwordFile === undefined)) {
    const [there, missing] = input.username === undefined ? ['passwordFile', 'username'] : ['username', 'passwordFile'];
    problems.reportKey([...path, there], `needs "${missing}" beside it`);
  }
  return {
    name,
    type: input.type,
    url: 'problem' in resolved ? input.url : resolved.url,
    submodules: input.submodules === false ? null : input.submodules,
    lfs: input.lfs,
    externals: input.externals === false ? null : input.externals,
    username: input.username ?? null,
    passwordFile: fileOrNull(input.passwordFile, files),
    identity: fileOrNull(input.identity, files),
    knownHosts: fileOrNull(input.knownHosts, files),
    pollMs: input.poll,
    forge: input.forge ?? null,
    hookSources: input.hookSources,
    ...resolveReport(input, path, files, problems),
  };
}

/** `index`: of the rule in the file. */
export function resolveBranch(input: BranchInput, index: number, problems: Problems): BranchRule {
  const { command, output, subdirectory, timeout, cache, environment, network } = input.build;
  const version = resolveVersion(input, ['branches', index, 'build', 'version'], problems);
  return {
    repository: input.repository,
    branch: input.branch,
    clusters: input.clusters,
    ...(input.commitCommands && { commitCommands: input.commitCommands }),
    build: {
      command: command ?? null,
      output: withoutSlash(output),
      subdirectory: withoutSlash(subdirectory),
      timeoutMs: timeout,
      cache: cache.map(withoutSlash),
      environment,
      network,
      ...(version !== undefined && { version }),
    },
  };
}

function resolveVersion({ build: { version } }: BranchInput, path: Path, problems: Problems): VersionSource | undefined {
  if (version === undefined || version === 'tag') return version;
  const { command, file } = version;
  if (command !== undefined && file === undefined) return { command };
  if (file !== undefined && command === undefined) return { file: withoutSlash(file) };
  problems.report(path, 'must have one of command and file');
  return undefined;
}

/** The cluster, and where its servers stand in the file. */
export function resolveCluster(
  name: string,
  input: ClusterInput,
  project: string,
  files: Files,
  repositories: ReadonlyMap<string, Repository>,
  problems: Problems,
): { readonly cluster: Cluster; readonly placed: readonly PlacedServer[] } {
  const path: Path = ['clusters', name];
  const placed = resolveServers(name, input, path, files, problems);
  if (input.simulation !== undefined && input.transport === undefined) {
    problems.reportKey([...path, 'simulation'], 'needs "transport": "simulated" beside it');
  }
  const environment = input.environment ?? defaultEnvironment(name);
  const names = placed.map((one) => one.server.name);
  const maintenance = resolveMaintenance(input, path, files, problems);
  const commands = resolveCommands(input);
  const cluster: Cluster = {
    name,
    project,
    environment,
    servers: placed.map((one) => one.server),
    concurrency: input.concurrency,
    connections: input.connections,
    maxFailures: input.maxFailures,
    shared: resolveShared(input.shared, [...path, 'shared'], problems),
    ...resolveOutside(input, path, files, repositories, problems),
    layout: resolveLayout(input, path, problems),
    behind: resolveBehind(input, maintenance, commands, path, problems),
    maintenance,
    commands,
    migrations: resolveMigrations(input, name, environment, files, problems),
    verify: resolveVerification(input, name, path, problems),
    keep: input.keep,
    keepFailed: input.keepFailed,
    forcePush: input.forcePush ?? environment !== 'production',
    drift: { checkMs: input.drift.check === false ? null : input.drift.check, onDeploy: input.drift.onDeploy },
    ssh: {
      identity: fileOrNull(input.ssh.identity, files),
      knownHosts: fileOrNull(input.ssh.knownHosts, files),
      keepMs: input.ssh.keep,
    },
    transfer: resolveTransfer(input),
    ...resolveZones(input.zones, placed, path, problems),
    ...(input.approvals && {
      approvals: { needed: input.approvals.needed, by: input.approvals.by, expiresMs: input.approvals.expires },
    }),
    ...(input.allowedSigners !== undefined && { allowedSigners: files.resolve(input.allowedSigners) }),
    simulation: { delayMs: input.simulation?.delay ?? 20, failures: input.simulation?.failures ?? 0 },
  };
  const on = cluster.commands.migrate?.on ?? null;
  if (on !== null && on !== 'daemon' && names.length > 0 && !names.includes(on)) {
    const message = `no server of this cluster is called ${quoted(on)}; allowed: "daemon" and the names of its servers`;
    problems.report([...path, 'commands', 'migrate', 'on'], message + suggestion(on, [...names.slice(0, 100), 'daemon']));
  }
  return { cluster, placed };
}

/** Names by which people mean something else than production, alone or before a separator or digit: `demo`, `staging-2`. */
const OTHERWISE: readonly [RegExp, string][] = [
  [/^(dev|sandbox)([-._\d]|$)/, 'development'],
  [/^(demo|staging|stage|qa|preview|beta|integration)([-._\d]|$)/, 'test'],
];

/** Production where in doubt: it is the environment that allows least. */
function defaultEnvironment(name: string): string {
  if ((ENVIRONMENTS as readonly string[]).includes(name)) return name;
  if (variablesOf(name).length > 0) return 'development';
  return OTHERWISE.find(([pattern]) => pattern.test(name))?.[1] ?? 'production';
}

function resolveLayout({ layout }: ClusterInput, path: Path, problems: Problems): AbLayout | null {
  if (layout === undefined) return null;
  const { a, b, config, test, reload } = layout;
  if (a === b) problems.report([...path, 'layout', 'b'], `must not be ${quoted(a)} too`);
  return { a, b, config, test, reload };
}

function resolveMaintenance(input: ClusterInput, path: Path, files: Files, problems: Problems): Maintenance | null {
  if (input.maintenance === false) return null;
  const { page, lockTimeout, botsTimeout = Math.min(30_000, Math.floor(lockTimeout / 2)) } = input.maintenance;
  const read = page === undefined ? { text: MAINTENANCE_PAGE } : files.page(page);
  if ('problem' in read) problems.report([...path, 'maintenance', 'page'], read.problem);
  if (botsTimeout >= lockTimeout) {
    problems.report(
      [...path, 'maintenance', 'botsTimeout'],
      'must be shorter than lockTimeout, or the lock ends while the bots are waited for',
    );
  }
  return { page: 'problem' in read ? '' : read.text, lockTimeoutMs: lockTimeout, botsTimeoutMs: botsTimeout };
}

function resolveCommand(
  input: string | { run: string; timeout: number; on?: string | undefined } | undefined,
  timeoutMs: number,
): Command | null {
  if (input === undefined) return null;
  if (typeof input === 'string') return { run: input, timeoutMs, on: null };
  return { run: input.run, timeoutMs: input.timeout, on: input.on ?? null };
}

function resolveCommands({ commands }: ClusterInput): Cluster['commands'] {
  const { drain, lock, install, migrate, unlock, flush, readd } = commands;
  return {
    drain: resolveCommand(drain, 300_000),
    lock: resolveCommand(lock, 300_000),
    install: resolveCommand(install, 300_000),
    migrate: resolveCommand(migrate, 3_600_000),
    unlock: resolveCommand(unlock, 300_000),
    flush: resolveCommand(flush, 300_000),
    readd: resolveCommand(readd, 300_000),
  };
}

function resolveBehind(
  { behind }: ClusterInput,
  maintenance: Maintenance | null,
  { drain }: Cluster['commands'],
  path: Path,
  problems: Problems,
): BehindPolicy {
  if (behind === 'lock' && maintenance === null)
    problems.report([...path, 'behind'], 'cannot be "lock": the cluster has no maintenance window');
  if (behind === 'drain' && drain === null) problems.report([...path, 'behind'], 'cannot be "drain" without "commands": { "drain": … }');
  return behind ?? (maintenance !== null ? 'lock' : drain !== null ? 'drain' : 'serve');
}

function resolveVerification(input: ClusterInput, name: string, path: Path, problems: Problems): Verification | null {
  if (input.verify === undefined) return null;
  const { http, cluster, heartbeat, expect, timeout, watch, log } = input.verify;
  if (http.length + cluster.length === 0 && heartbeat === undefined) {
    problems.report([...path, 'verify'], 'checks nothing; name URLs in "http" or "cluster", or a "heartbeat" command');
  }
  const resolve = (kind: 'http' | 'cluster', checks: readonly HttpCheckInput[]): HttpCheck[] =>
    checks.map((check, i) => resolveCheck(check, expect, kind, name, [...path, 'verify', kind, i], problems));
  return {
    http: resolve('http', http),
    cluster: resolve('cluster', cluster),
    heartbeat: resolveCommand(heartbeat, 30_000),
    timeoutMs: timeout,
    watchMs: watch,
    log: log ?? null,
  };
}

function resolveCheck(
  input: HttpCheckInput,
  expect: number,
  kind: 'http' | 'cluster',
  name: string,
  path: Path,
  problems: Problems,
): HttpCheck {
  const check = typeof input === 'string' ? { url: input, headers: {}, when: 'after-unlock' as const, times: 1 } : input;
  const at = (key: string): Path => (typeof input === 'string' ? path : [...path, key]);
  const known = [...variablesOf(name), ...(kind === 'http' ? ['host', 'server'] : []), 'release', 'revision'];
  const texts: [string, string | undefined][] = [
    ['url', check.url],
    ['address', check.address],
    ['body', check.body],
  ];
  let isKnown = true;
  for (const [key, text] of texts) {
    // A body may be JSON: only what looks like one of ours is ours.
    const stranger = key === 'body' ? undefined : placeholders(text ?? '').find((one) => !known.includes(one.name));
    if (stranger === undefined) continue;
    isKnown = false;
    problems.report(at(key), `{${stranger.name}} is unknown; allowed: ${known.map((one) => `{${one}}`).join(', ')}`);
  }
  if (isKnown && !isHttpUrl(check.url)) problems.report(at('url'), `${quoted(check.url)} is not an http:// or https:// URL`);
  if (isKnown && check.address !== undefined && !isHttpUrl(`http://${check.address}/`)) {
    problems.report(at('address'), `${quoted(check.address)} is not an address; write "host:port"`);
  }
  if (kind === 'cluster' && check.when !== 'after-unlock') {
    problems.report(at('when'), 'must be "after-unlock": the cluster as a whole is asked when every server is well');
  }
  return {
    url: check.url,
    address: check.address ?? null,
    status: check.status ?? expect,
    body: check.body ?? null,
    headers: Object.fromEntries(Object.entries(check.headers).map(([header, text]) => [header.toLowerCase(), text])),
    latencyMs: check.latency ?? null,
    when: check.when,
    times: check.times,
  };
}

function isHttpUrl(url: string): boolean {
  const sample = placeholders(url).reduceRight((text, { start, end }) => `${text.slice(0, start)}x${text.slice(end)}`, url);
  return /^https?:\/\//.test(sample) && URL.canParse(sample);
}

const fileOrNull = (path: string | undefined, files: Files): string | null => (path === undefined ? null : files.resolve(path));

/** An error message must not carry on what should not have been written. */
const withoutPassword = (url: string): string => quoted(url.replace(/(:\/\/[^/@:]*):[^@]*@/, '$1:…@'));
