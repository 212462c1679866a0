// What the commands do without a daemon: a first configuration, hooks, host keys.
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import type { CliWiring } from './cli/wiring.ts';
import { loadConfiguration } from './config/load.ts';
import type { Configuration } from './core/configuration.ts';
import { DeployError } from './core/errors.ts';
import { knownClusters } from './core/mapping.ts';
import type { Repository } from './core/repository.ts';
import { installHooks } from './forge/install.ts';
import { localPath } from './forge/repository-place.ts';
import { settingsFor } from './forge/settings.ts';
import { filesIn } from './migrations/files.ts';
import { lint } from './migrations/lint.ts';
import { addressOf } from './migrations/open-database.ts';
import { openSecrets } from './store/secrets.ts';
import { ensureIdentity } from './transport/identity.ts';
import { trust } from './transport/known-hosts.ts';

export const checkConfiguration: CliWiring['checkConfiguration'] = async (file) => {
  const { configuration, warnings } = await loadConfiguration(file);
  const { repositories, branches, clusters } = configuration;
  const servers = [...clusters.values()].reduce((sum, cluster) => sum + cluster.servers.length, 0);
  const text = `${file} is valid: ${count(repositories.size, 'repository', 'repositories')}, ${count(branches.length, 'branch', 'branches')}, ${count(clusters.size, 'cluster', 'clusters')}, ${count(servers, 'server', 'servers')}`;
  return { text, warnings: [...warnings] };
};

const count = (n: number, one: string, many: string): string => `${n} ${n === 1 ? one : many}`;

/** Makes what is missing of: configuration, data directory, API token, hook secrets, ssh key. Changes nothing that exists. */
export const initialise: CliWiring['initialise'] = async ({ config, data, dir }) => {
  const lines: string[] = [];
  const here = (path: string): string => relative(dir, path) || '.';
  if (await exists(config)) lines.push(`${here(config)} is there already; it was left as it is`);
  else {
    await writeFile(config, firstConfiguration(basename(dir)), { flag: 'wx' });
    lines.push(`wrote ${here(config)}: name your repositories, branches and servers there`);
  }
  await mkdir(data, { recursive: true, mode: 0o700 });
  const secrets = openSecrets(data);
  await secrets.ensureToken();
  lines.push(`the token of the API is in ${here(join(data, 'token'))}`);
  const { configuration } = await loadConfiguration(config);
  for (const name of configuration.repositories.keys()) {
    await secrets.ensureSecret(name);
    lines.push(`the hook secret of ${name} is in ${here(secrets.fileOf(name))}`);
  }
  lines.push(`this daemon's ssh key, for ~/.ssh/authorized_keys on the servers:`, (await ensureIdentity(join(data, 'ssh'))).trim());
  lines.push('next: lockstep check, lockstep servers trust, lockstep doctor, lockstep daemon');
  return lines;
};

function firstConfiguration(name: string): string {
  const project = /^[A-Za-z0-9][A-Za-z0-9-]*$/.test(name) ? name : 'site';
  return `{
  // Every key is described in docs/configuration.md.
  "project": "${project}",
  "repositories": {
    "${project}": { "type": "git", "url": "/srv/git/${project}.git" }
  },
  "branches": [
    { "repository": "${project}", "branch": "servers/production", "clusters": ["production"] }
  ],
  "clusters": {
    "production": {
      "environment": "production",
      "path": "/srv/${project}",
      // "deploy@web1.example.org" is reached by ssh; an object without "host" is a directory on this machine.
      "servers": ["deploy@web1.example.org", "deploy@web2.example.org"]
    }
  }
}
`;
}

/** Installs the hooks of a repository on this machine and tells what was done. */
export const installRepositoryHooks: CliWiring['installHooks'] = async ({ path, repository, url, config, data }) => {
  const { configuration } = await loadConfiguration(config);
  const known = repositoryAt(configuration, path, repository);
  const secret = await openSecrets(data).ensureSecret(known.name);
  const report = await installHooks({ path, repository: known.name, url, secret, kind: known.type });
  const lines = report.changed
    ? [`installed in ${path}: ${report.hooks.map((hook) => basename(hook)).join(', ')} (repository ${known.name})`]
    : [`${path} has the hooks of repository ${known.name} already`];
  for (const kept of report.kept) lines.push(`the hook that was there is kept and called first: ${kept}`);
  lines.push(report.ping.message);
  return lines;
};

/** The secret of a repository, with what to enter at its forge. */
export const hookSecret: CliWiring['hookSecret'] = async ({ repository: name, rotate, retire, url: daemon, config, data }) => {
  const { configuration } = await loadConfiguration(config);
  const repository = configuration.repositories.get(name);
  if (repository === undefined) {
    const names = [...configuration.repositories.keys()].join(', ');
    throw new DeployError('configuration', `no repository ${name} is configured; configured are: ${names}`);
  }
  const secrets = openSecrets(data);
  if (rotate) await secrets.rotateSecret(name);
  const retired = retire ? await secrets.retireSecrets(name) : 0;
  const secret = await secrets.ensureSecret(name);
  const inForce = (await secrets.secretsOf(name)).length;
  const url = `${daemon.replace(/\/+$/, '')}/hooks/${encodeURIComponent(name)}`;
  const lines = settingsFor({ repository: name, forge: repository.forge, url, secret, inForce, retired });
  return { repository: name, forge: repository.forge, url, secret, inForce, lines };
};

function repositoryAt({ repositories }: Configuration, path: string, name: string | null): Repository {
  const all = [...repositories.values()];
  const found = name === null ? all.find((one) => localPath(one.url) === resolve(path)) : repositories.get(name);
  if (found !== undefined) return found;
  const names = all.map((one) => one.name).join(', ');
  const what = name === null ? `no configured repository has the URL ${path}` : `no repository ${name} is configured`;
  throw new DeployError('configuration', `${what}. Say which one it is with --repository; configured are: ${names}`);
}

/** Fetches the host keys of ssh servers and pins those that are not known yet. */
export const trustServers: CliWiring['trustServers'] = async ({ config, data, cluster: only }) => {
  const { configuration } = await loadConfiguration(config);
  const clusters = knownClusters(configuration, []).filter((cluster) => only === null || cluster.name === only);
  if (clusters.length === 0) throw new DeployError('not-found', `there is no cluster ${only ?? ''}`);
  const lines: string[] = [];
  for (const cluster of clusters) {
    const file = cluster.ssh.knownHosts ?? join(data, 'ssh', 'known_hosts');
    for (const server of cluster.servers.filter((one) => one.transport === 'ssh')) {
      for (const { type, fingerprint, isNew } of await trust(server, file)) {
        lines.push(`${cluster.name} ${server.name}: ${fingerprint} (${type}${isNew ? ', new' : ', known'})`);
      }
    }
  }
  return lines.length > 0
    ? [...lines, 'compare these with what the servers say: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub']
    : ['nothing to trust'];
};

export const lintMigrations: CliWiring['lintMigrations'] = async ({ config, cluster, directory, dir }) => {
  const { configuration } = await loadConfiguration(config);
  const settings = configuration.clusters.get(cluster)?.migrations;
  if (settings === undefined) {
    throw new DeployError('not-found', `there is no cluster ${cluster}; there are: ${[...configuration.clusters.keys()].join(', ')}`);
  }
  if (settings === null) throw new DeployError('configuration', `cluster ${cluster} has no "migrations"; see docs/migrations.md`);
  const { kind } = addressOf(settings);
  const place = directory ?? resolve(dir, settings.directory);
  const files = await filesIn(place, kind);
  const impossible = files.flatMap(({ name, problems }) =>
    problems.map(({ line, message }) => ({ file: name, line, rule: 'impossible', message, isGrave: true })),
  );
  // Each by itself: which of them were executed is not known here, and a table of an executed file is in use.
  const findings = files.flatMap((file) => lint([file], kind));
  return { cluster, directory: place, files: files.length, level: settings.lint, findings: [...impossible, ...findings] };
};

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
