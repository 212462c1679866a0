// Samples: a cluster, a repository and a request as the configuration would give them, for tests of the pure core.
import type { Cluster, HttpCheck, Verification } from '../../src/core/cluster.ts';
import type { DeployRequest } from '../../src/core/decide.ts';
import type { Build, Repository } from '../../src/core/repository.ts';

export function sampleCluster(servers: number, changes: Partial<Cluster> = {}): Cluster {
  return {
    name: 'production',
    project: 'shop',
    environment: 'production',
    servers: Array.from({ length: servers }, (_, i) => ({
      name: `web${i + 1}`,
      transport: 'simulated' as const,
      host: 'localhost',
      port: 22,
      user: null,
      path: `/srv/web${i + 1}`,
    })),
    concurrency: 10,
    connections: 8,
    maxFailures: { servers: 0 },
    shared: [],
    layout: null,
    maintenance: { page: 'We are updating the software.', lockTimeoutMs: 120_000, botsTimeoutMs: 30_000 },
    behind: 'lock',
    commands: sampleCommands(),
    migrations: null,
    verify: null,
    keep: 5,
    keepFailed: 2,
    forcePush: true,
    drift: { checkMs: null, onDeploy: 'warn' },
    ssh: { identity: null, knownHosts: null, keepMs: 0 },
    simulation: { delayMs: 0, failures: 0 },
    ...changes,
  };
}

export function sampleCommands(changes: Partial<Cluster['commands']> = {}): Cluster['commands'] {
  return { drain: null, lock: null, install: null, migrate: null, unlock: null, flush: null, readd: null, ...changes };
}

/** One check of each server by HTTP, after the unlock. */
export function sampleVerification(url: string, changes: Partial<Verification> = {}): Verification {
  return { http: [sampleCheck(url)], cluster: [], heartbeat: null, timeoutMs: 1, watchMs: 0, log: null, ...changes };
}

export function sampleCheck(url: string, changes: Partial<HttpCheck> = {}): HttpCheck {
  return { url, address: null, status: 200, body: null, headers: {}, latencyMs: null, when: 'after-unlock', times: 1, ...changes };
}

export const sampleRepository: Repository = {
  name: 'shop',
  type: 'git',
  url: '/srv/git/shop.git',
  submodules: null,
  lfs: false,
  externals: null,
  username: null,
  passwordFile: null,
  identity: null,
  knownHosts: null,
  pollMs: 180_000,
  forge: null,
  hookSources: [],
};

export const sampleBuild: Build = {
  command: null,
  output: '.',
  subdirectory: '.',
  timeoutMs: 600_000,
  cache: [],
  environment: {},
  network: true,
};

export const sampleCommand = { run: 'true', timeoutMs: 60_000, on: null };

export function sampleRequest(cluster: Cluster, revision: string, changes: Partial<DeployRequest> = {}): DeployRequest {
  return {
    cluster,
    repository: sampleRepository,
    branch: 'servers/production',
    revision,
    build: sampleBuild,
    requestedBy: 'yuri',
    reason: 'push',
    force: false,
    ...changes,
  };
}
