// Which clusters a branch feeds, and which branch feeds a cluster: patterns of the configuration become concrete clusters here.
import type { Cluster, Command, HttpCheck, MigrationSettings } from './cluster.ts';
import type { BranchRule, Configuration } from './configuration.ts';
import type { FilesSource, SecretReference } from './files.ts';
import { fillIn, matchPattern, parsePattern, variablesOf } from './pattern.ts';
import type { Pattern } from './pattern.ts';
import type { Build } from './repository.ts';
import { safeName } from './safe-name.ts';
import type { Server } from './server.ts';

export type Branch = { readonly repository: string; readonly branch: string };
export type Mapping = { readonly rule: BranchRule; readonly clusters: readonly Cluster[] };
export type Source = Branch & { readonly build: Build; readonly cluster: Cluster };

/** A DNS label's length (RFC 1035), because values may stand in host names. */
const VALUE_LIMIT = 63;

/**
 * The clusters that a branch feeds. An exact rule beats a pattern; of two patterns the one with more literal characters (validation
 * refuses ties). What the branch's `{name}`s stand for is made safe and filled in. `reason`: one line why there are none.
 */
export function clustersFor(configuration: Configuration, repository: string, branch: string): Mapping | { readonly reason: string } {
  if (!configuration.repositories.has(repository)) return { reason: `no repository ${shown(repository)} is configured` };
  const best = bestRule(configuration.branches, repository, branch);
  if (best === null) return { reason: `no cluster is configured for branch ${shown(branch)} of ${repository}` };
  const values = new Map([...best.values].map(([name, value]) => [name, safeName(value, VALUE_LIMIT)]));
  const clusters: Cluster[] = [];
  for (const name of best.rule.clusters) {
    const template = configuration.clusters.get(name);
    if (template === undefined) return { reason: `cluster ${name} of branch ${shown(branch)} is not configured` };
    const cluster = concrete(template, values);
    if (cluster.name !== name && configuration.clusters.has(cluster.name)) {
      return { reason: `branch ${shown(branch)} would be cluster ${cluster.name}, which is another cluster of the configuration` };
    }
    clusters.push(cluster);
  }
  return { rule: best.rule, clusters };
}

function bestRule(
  rules: readonly BranchRule[],
  repository: string,
  branch: string,
): { rule: BranchRule; values: ReadonlyMap<string, string> } | null {
  let best: { rule: BranchRule; values: ReadonlyMap<string, string>; literals: number } | null = null;
  for (const rule of rules) {
    if (rule.repository !== repository) continue;
    const pattern = patternOf(rule);
    // A branch that is itself called `servers/{developer}` is a name for the pattern like any other, not an exact match.
    const values = pattern && matchPattern(pattern, branch);
    if (pattern === null || values === null) continue;
    if (pattern.variables.length === 0) return { rule, values };
    if (best === null || best.literals < pattern.literals) best = { rule, values, literals: pattern.literals };
  }
  return best;
}

/** Fills the variables of a pattern cluster in: its name, its servers' names, hosts, users and paths, its commands, database and verify URLs. */
function concrete(template: Cluster, values: ReadonlyMap<string, string>): Cluster {
  const own = new Map([...values].filter(([name]) => variablesOf(template.name).includes(name)));
  if (own.size === 0) return template;
  const fill = (text: string): string => fillIn(text, own);
  const fillCommand = (command: Command | null): Command | null =>
    command && { ...command, run: fill(command.run), on: command.on === null ? null : fill(command.on) };
  const { drain, lock, install, migrate, unlock, flush, readd } = template.commands;
  const fillCheck = (check: HttpCheck): HttpCheck => ({
    ...check,
    url: fill(check.url),
    address: check.address === null ? null : fill(check.address),
    body: check.body === null ? null : fill(check.body),
    headers: Object.fromEntries(Object.entries(check.headers).map(([name, text]) => [name, fill(text)])),
  });
  return {
    ...template,
    ...outside(template, fill),
    ...(template.zones && { zones: mapValues(template.zones, (zone) => ({ ...zone, relays: zone.relays.map(fill) })) }),
    name: fill(template.name),
    servers: template.servers.map((server) => ({
      ...server,
      name: fill(server.name),
      host: fill(server.host),
      user: server.user === null ? null : fill(server.user),
      path: fill(server.path),
      ...(server.zoneAddress && { zoneAddress: { ...server.zoneAddress, host: fill(server.zoneAddress.host) } }),
      ...(server.variables && { variables: mapValues(server.variables, fill) }),
    })),
    commands: {
      drain: fillCommand(drain),
      lock: fillCommand(lock),
      install: fillCommand(install),
      migrate: fillCommand(migrate),
      unlock: fillCommand(unlock),
      flush: fillCommand(flush),
      readd: fillCommand(readd),
    },
    migrations: template.migrations && fillMigrations(template.migrations, fill),
    layout: template.layout && {
      ...template.layout,
      config: fill(template.layout.config),
      test: fill(template.layout.test),
      reload: fill(template.layout.reload),
    },
    verify: template.verify && {
      ...template.verify,
      http: template.verify.http.map(fillCheck),
      cluster: template.verify.cluster.map(fillCheck),
      heartbeat: fillCommand(template.verify.heartbeat),
      log: template.verify.log === null ? null : fill(template.verify.log),
    },
  };
}

/** The parts that speak of files and secrets. */
function outside({ files, variables, secrets }: Cluster, fill: (text: string) => string): Partial<Cluster> {
  return {
    ...(files && { files: filesSource(files, fill) }),
    ...(variables && { variables: mapValues(variables, fill) }),
    ...(secrets && { secrets: mapValues(secrets, (one) => secretReference(one, fill)) }),
  };
}

function filesSource(source: FilesSource, fill: (text: string) => string): FilesSource {
  if (source.kind === 'directory') return { ...source, path: fill(source.path) };
  return { ...source, branch: fill(source.branch), subdirectory: fill(source.subdirectory) };
}

function secretReference(reference: SecretReference, fill: (text: string) => string): SecretReference {
  if ('file' in reference) return { file: fill(reference.file) };
  return 'command' in reference ? { command: fill(reference.command) } : reference;
}

function mapValues<A, B>(values: Readonly<Record<string, A>>, map: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, map(value)]));
}

function fillMigrations({ directory, database, password, ...rest }: MigrationSettings, fill: (text: string) => string): MigrationSettings {
  return { ...rest, directory: fill(directory), database: fill(database), password: password && secretReference(password, fill) };
}

/**
 * Why `candidate` must not be deployed: a branch that was known earlier, or a cluster of the configuration, already has its cluster's
 * name or one of its servers. `null`: nothing stands against it. `known` is in the order in which the branches became known; it may
 * contain the candidate, and then only what stands before it counts, so that of two colliding branches the first goes on working.
 */
export function clusterCollision(configuration: Configuration, known: readonly Branch[], candidate: Branch): string | null {
  const mine = clustersFor(configuration, candidate.repository, candidate.branch);
  if ('reason' in mine) return null;
  const names = new Set(mine.clusters.map((cluster) => cluster.name));
  const places = new Map(
    mine.clusters.flatMap((cluster) => cluster.servers.map((server) => [placeOf(server, cluster.name), cluster.name])),
  );
  for (const branch of known) {
    if (isSame(branch, candidate)) break;
    const other = clustersFor(configuration, branch.repository, branch.branch);
    if ('reason' in other) continue;
    const common = other.clusters.find((cluster) => names.has(cluster.name));
    if (common !== undefined) return `cluster ${common.name} already belongs to branch ${shown(branch.branch)} of ${branch.repository}`;
    const taken = sharedPlace(other.clusters, places);
    if (taken !== null) return taken;
  }
  const fixed = [...configuration.clusters.values()].filter((cluster) => !isTemplate(cluster) && !names.has(cluster.name));
  return sharedPlace(fixed, places);
}

function sharedPlace(clusters: readonly Cluster[], places: ReadonlyMap<string, string>): string | null {
  for (const cluster of clusters) {
    for (const server of cluster.servers) {
      const mine = places.get(placeOf(server, cluster.name));
      if (mine !== undefined) return `server ${server.name} (${server.path}) of cluster ${mine} already belongs to cluster ${cluster.name}`;
    }
  }
  return null;
}

/**
 * What must not belong to two clusters: a directory on a computer. The account does not matter, it would be the same directory.
 * Simulated servers exist only inside their cluster.
 */
export function placeOf(server: Server, cluster: string): string {
  switch (server.transport) {
    case 'ssh':
      return `ssh ${server.host.toLowerCase()}:${server.port} ${server.path}`;
    case 'local':
      return `local ${server.path}`;
    case 'simulated':
      return `simulated ${cluster} ${server.name}`;
    default:
      return server.transport satisfies never;
  }
}

/** All concrete clusters: those without `{name}` in their name always, those of a pattern for the branches that exist (first comes first). */
export function knownClusters(configuration: Configuration, branches: readonly Branch[]): readonly Cluster[] {
  const clusters = new Map<string, Cluster>();
  for (const cluster of configuration.clusters.values()) if (!isTemplate(cluster)) clusters.set(cluster.name, cluster);
  for (const { repository, branch } of branches) {
    const mapping = clustersFor(configuration, repository, branch);
    if ('reason' in mapping) continue;
    for (const cluster of mapping.clusters) if (!clusters.has(cluster.name)) clusters.set(cluster.name, cluster);
  }
  return [...clusters.values()];
}

/** Branch names and patterns that the configuration names for one repository, in its order. */
export function branchesOf(configuration: Configuration, repository: string): readonly string[] {
  return configuration.branches.filter((rule) => rule.repository === repository).map((rule) => rule.branch);
}

/** The branch that feeds a concrete cluster, and the cluster itself; `null`: there is no such cluster, or no branch feeds it (now). */
export function sourceOf(configuration: Configuration, clusterName: string, knownBranches: readonly Branch[]): Source | null {
  const exact = configuration.branches.filter((rule) => patternOf(rule)?.variables.length === 0);
  for (const { repository, branch } of [...exact, ...knownBranches]) {
    const mapping = clustersFor(configuration, repository, branch);
    if ('reason' in mapping) continue;
    const cluster = mapping.clusters.find((one) => one.name === clusterName);
    if (cluster !== undefined) return { repository, branch, build: mapping.rule.build, cluster };
  }
  return null;
}

function patternOf(rule: BranchRule): Pattern | null {
  const parsed = parsePattern(rule.branch);
  return 'problem' in parsed ? null : parsed.pattern;
}

const isTemplate = (cluster: Cluster): boolean => variablesOf(cluster.name).length > 0;

const isSame = (a: Branch, b: Branch): boolean => a.repository === b.repository && a.branch === b.branch;

/** A name from outside, quoted, and cut so that a message stays one line. */
const shown = (name: string): string => JSON.stringify(name.length > 100 ? `${name.slice(0, 99)}…` : name);
