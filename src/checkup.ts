// What `doctor` and `check --servers` ask of the surroundings: repositories, their hooks, and every server.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CliWiring, ClusterCheck, RepositoryResult, ServerCheck } from './cli/wiring.ts';
import { loadConfiguration } from './config/load.ts';
import { bad, doubtful, well } from './core/check.ts';
import type { CheckResult } from './core/check.ts';
import type { Cluster } from './core/cluster.ts';
import type { Configuration } from './core/configuration.ts';
import { DeployError, problemOf } from './core/errors.ts';
import { knownClusters } from './core/mapping.ts';
import type { Branch } from './core/mapping.ts';
import type { Repository } from './core/repository.ts';
import { checkOutside } from './files/check-outside.ts';
import { missingHooks } from './forge/install.ts';
import { localPath } from './forge/repository-place.ts';
import { checkRepository } from './requests/check-repository.ts';
import { checkServer } from './requests/check-server.ts';
import { openTransport } from './transport/open.ts';
import { openVersionControl } from './vcs/open.ts';

const REPOSITORIES_AT_ONCE = 4;
const SERVERS_AT_ONCE = 8;
const REPOSITORY_LIMIT_MS = 60_000;
const SERVER_LIMIT_MS = 45_000;

/** Asks each repository for its heads, in a directory of its own: the daemon's mirrors are the daemon's. */
export const checkRepositories: CliWiring['checkRepositories'] = async (file) => {
  const { configuration } = await loadConfiguration(file);
  return inTemporary(async (directory) => {
    const open = openVersionControl({ directory });
    const results: RepositoryResult[] = [];
    const branches: Branch[] = [];
    await eachOf([...configuration.repositories.values()], REPOSITORIES_AT_ONCE, async (repository) => {
      const found = await checkOne(configuration, repository, open);
      results.push(...found.results.map((result) => ({ repository: repository.name, ...result })));
      branches.push(...found.branches.map((branch) => ({ repository: repository.name, branch })));
    });
    return { results: results.sort((a, b) => a.repository.localeCompare(b.repository, 'en')), branches };
  });
};

async function checkOne(configuration: Configuration, repository: Repository, open: ReturnType<typeof openVersionControl>) {
  try {
    const signal = AbortSignal.timeout(REPOSITORY_LIMIT_MS);
    const { results, branches } = await checkRepository(configuration, repository.name, open(repository), signal);
    return { results: [...results, ...(await hookResults(repository))], branches };
  } catch (error) {
    return { results: [bad(problemOf(error).message, 'correct the repository in the configuration')], branches: [] };
  }
}

/** Only of repositories on this machine; those of others are not for us to look into. */
async function hookResults({ url, name }: Repository): Promise<CheckResult[]> {
  const path = localPath(url);
  if (path === null) return [];
  try {
    const missing = await missingHooks(path);
    if (missing.length === 0) return [well('its hooks are installed')];
    const install = `lockstep hooks install ${path} --repository ${name}`;
    return [doubtful(`its hook ${missing.join(', ')} is not Lockstep's: commits are only seen by the poller`, install)];
  } catch (error) {
    return [doubtful(`its hooks cannot be read: ${problemOf(error).message}`, 'run as an account that can read the repository')];
  }
}

export const checkOutsideFiles: CliWiring['checkOutside'] = async (file, which) => {
  const checks: ClusterCheck[] = [];
  for (const cluster of await clustersOf(file, which)) {
    const results = await checkOutside(cluster, AbortSignal.timeout(SERVER_LIMIT_MS));
    checks.push(...results.map((result) => ({ cluster: cluster.name, ...result })));
  }
  return checks;
};

async function clustersOf(
  file: string,
  { cluster: only, branches }: { cluster: string | null; branches: readonly Branch[] },
): Promise<Cluster[]> {
  const { configuration } = await loadConfiguration(file);
  const all = knownClusters(configuration, branches);
  const clusters = all.filter(({ name }) => only === null || name === only);
  if (only !== null && clusters.length === 0) {
    throw new DeployError('not-found', `there is no cluster ${JSON.stringify(only)}; there are: ${all.map(({ name }) => name).join(', ')}`);
  }
  return clusters;
}

/** Looks at each server, a few at a time. Rejects with `not-found` when there is no such cluster. */
export const checkServers: CliWiring['checkServers'] = async (file, data, which) => {
  const clusters = await clustersOf(file, which);
  return inTemporary(async (runtime) => {
    const transport = openTransport({ directory: join(data, 'ssh'), runtime });
    const checks: ServerCheck[] = [];
    const jobs = clusters.flatMap((cluster) => cluster.servers.map((server) => ({ cluster, server })));
    try {
      await eachOf(jobs, SERVERS_AT_ONCE, async ({ cluster, server }) => {
        // Epoch 0: nothing is changed by asking, and nothing could be.
        const channel = transport.channel(server, { epoch: 0, cluster });
        try {
          const results = await checkServer(channel, cluster, AbortSignal.timeout(SERVER_LIMIT_MS));
          checks.push(...results.map((result) => ({ cluster: cluster.name, server: server.name, ...result })));
        } finally {
          await channel.close();
        }
      });
    } finally {
      await transport.close();
    }
    return checks.sort((a, b) => `${a.cluster} ${a.server}`.localeCompare(`${b.cluster} ${b.server}`, 'en', { numeric: true }));
  });
};

async function eachOf<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
}

async function inTemporary<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'lockstep-'));
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
