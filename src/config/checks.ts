// Checks across the parts of the configuration: names that must exist, patterns that must fit, servers that belong to one cluster.
import type { Cluster } from '../core/cluster.ts';
import type { BranchRule } from '../core/configuration.ts';
import { placeOf } from '../core/mapping.ts';
import type { Pattern } from '../core/pattern.ts';
import { parsePattern, patternsOverlap, variablesOf } from '../core/pattern.ts';
import type { Problems } from './problems.ts';
import { keyPath, quoted, suggestion } from './problems.ts';
import type { PlacedServer } from './servers.ts';

/** A rule with its index in the file. */
export type PlacedRule = { readonly rule: BranchRule; readonly index: number };

/** Names that exist in the file, also those whose own settings have problems. */
export type KnownNames = { readonly repositories: readonly string[]; readonly clusters: readonly string[] };

/** Reports and warns; the parts that are given are right in themselves. */
export function checkBranches(rules: readonly PlacedRule[], known: KnownNames, problems: Problems, warnings: string[]): void {
  const patterns: { readonly rule: BranchRule; readonly index: number; readonly pattern: Pattern }[] = [];
  const feeders = new Map<string, PlacedRule>();
  for (const { rule, index } of rules) {
    const path = ['branches', index];
    if (!known.repositories.includes(rule.repository)) {
      problems.report([...path, 'repository'], unknownName('repository', rule.repository, known.repositories));
    }
    const parsed = branchPattern(rule.branch);
    if ('problem' in parsed) {
      problems.report([...path, 'branch'], parsed.problem);
      continue;
    }
    checkClusters({ rule, index }, parsed.pattern, known, feeders, problems, warnings);
    const rival = patterns.find((other) => other.rule.repository === rule.repository && isTie(other.pattern, parsed.pattern));
    if (rival !== undefined) {
      const message =
        rival.rule.branch === rule.branch
          ? `${quoted(rule.branch)} of ${rule.repository} has its rule in branches[${rival.index}] already; name all its clusters there`
          : `${quoted(rule.branch)} and ${quoted(rival.rule.branch)} (branches[${rival.index}]) can match the same branch with equally many literal characters; make one of them more exact`;
      problems.report([...path, 'branch'], message);
    }
    patterns.push({ rule, index, pattern: parsed.pattern });
  }
  for (const name of known.clusters) {
    if (!rules.some(({ rule }) => rule.clusters.includes(name)))
      warnings.push(`${keyPath(['clusters', name])}: no branch feeds this cluster`);
  }
}

/** Neither of two rules beats the other, and some branch matches both. An exact name beats every pattern. */
function isTie(a: Pattern, b: Pattern): boolean {
  if ((a.variables.length === 0) !== (b.variables.length === 0)) return false;
  return a.literals === b.literals && patternsOverlap(a, b);
}

function branchPattern(branch: string): { readonly pattern: Pattern } | { readonly problem: string } {
  if (branch.startsWith('refs/'))
    return { problem: `${quoted(branch)} is a full ref; write the branch's name, such as "servers/production"` };
  if (branch.startsWith('-')) return { problem: `${quoted(branch)} must not begin with "-"` };
  if (branch.split('/').some((part) => part === '' || part === '.' || part === '..')) {
    return { problem: `${quoted(branch)} must not hold empty path segments, "." or ".."` };
  }
  if (/[*?\\]/.test(branch)) return { problem: `${quoted(branch)} holds "*", "?" or "\\"; a variable part is written {name}` };
  if (branch.includes('${')) return { problem: `${quoted(branch)} holds "\${"; a variable part is written {name}` };
  return parsePattern(branch);
}

function checkClusters(
  placed: PlacedRule,
  pattern: Pattern,
  known: KnownNames,
  feeders: Map<string, PlacedRule>,
  problems: Problems,
  warnings: string[],
): void {
  const { rule, index } = placed;
  for (const [i, name] of rule.clusters.entries()) {
    const path = ['branches', index, 'clusters', i];
    const stranger = variablesOf(name).find((variable) => !pattern.variables.includes(variable));
    const feeder = feeders.get(name);
    if (!known.clusters.includes(name)) problems.report(path, unknownName('cluster', name, known.clusters));
    else if (stranger !== undefined)
      problems.report(path, `{${stranger}} of ${quoted(name)} is not part of the branch ${quoted(rule.branch)}`);
    else if (feeder?.index === index) problems.report(path, `${quoted(name)} stands twice in this list`);
    else if (feeder !== undefined) {
      const { repository, branch } = feeder.rule;
      problems.report(
        path,
        `${quoted(name)} is fed by ${quoted(branch)} of ${repository} (branches[${feeder.index}]) and by ${quoted(rule.branch)} of ${rule.repository}; a cluster has one branch`,
      );
    } else feeders.set(name, placed);
    const free = pattern.variables.filter((variable) => !variablesOf(name).includes(variable));
    if (stranger === undefined && free.length > 0) {
      const lost = free.map((variable) => `{${variable}}`).join(', ');
      warnings.push(`${keyPath(path)}: ${quoted(name)} lacks ${lost}; of several branches that match, only the first is deployed to it`);
    }
  }
}

/** `{host}` and `{server}` of verify URLs would change their meaning. */
const RESERVED = ['host', 'server'];

/** Every server in one cluster only; names of clusters sound. */
export function checkClusterServers(
  clusters: readonly { readonly cluster: Cluster; readonly placed: readonly PlacedServer[] }[],
  problems: Problems,
): void {
  const owners = new Map<string, { readonly cluster: string; readonly server: string }>();
  for (const { cluster, placed } of clusters) {
    const reserved = variablesOf(cluster.name).find((name) => RESERVED.includes(name));
    if (reserved !== undefined) problems.reportKey(['clusters', cluster.name], `{${reserved}} has a meaning of its own; take another word`);
    for (const { server, path } of placed) {
      const place = placeOf(server, cluster.name);
      const owner = owners.get(place);
      if (owner === undefined) owners.set(place, { cluster: cluster.name, server: server.name });
      else if (owner.cluster === cluster.name) {
        problems.report(path, `${whereOf(server)} is the same directory as server ${quoted(owner.server)} of this cluster`);
      } else {
        const both = `${quoted(owner.cluster)} and ${quoted(cluster.name)}`;
        problems.report(path, `${whereOf(server)} belongs to the clusters ${both}; a server belongs to exactly one`);
      }
    }
  }
}

const whereOf = (server: { transport: string; host: string; port: number; path: string }): string =>
  server.transport === 'ssh' ? `${server.host}${server.port === 22 ? '' : `:${server.port}`} ${server.path}` : server.path;

function unknownName(kind: string, name: string, known: readonly string[]): string {
  const list = known.length > 0 ? `known: ${known.slice(0, 10).map(quoted).join(', ')}${known.length > 10 ? ', …' : ''}` : 'there are none';
  return `there is no ${kind} ${quoted(name)}${suggestion(name, known)} (${list})`;
}
