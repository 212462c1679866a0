// Files from outside the repository: read once for a deployment, rendered for each of its servers, forgotten at its end.
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Deployment } from '../core/deployment.ts';
import type { Cluster } from '../core/cluster.ts';
import { DeployError } from '../core/errors.ts';
import type { FilesSource, ProvidedFile } from '../core/files.ts';
import { BUILT_IN } from '../core/files.ts';
import type { OpenVersionControl, OutsideFiles } from '../core/ports.ts';
import type { Server } from '../core/server.ts';
import { configuration, LARGEST_FILE, LARGEST_SET, readLayers, tooLarge } from './layers.ts';
import type { Layer, LayerFile } from './layers.ts';
import type { SecretMasking } from './masking.ts';
import { readSecrets } from './secrets.ts';
import { hasSecret, renderTemplate, unknownName } from './template.ts';
import type { Known, Values } from './template.ts';

export type OutsideOptions = {
  /** `<data>/files`: where a second repository is exported to, for as long as it is read. One daemon at a time. */
  readonly directory: string;
  readonly versionControl: OpenVersionControl;
  readonly masking: SecretMasking;
  /** Adds to a deployment's log. */
  readonly log: (deployment: number, text: string) => void;
};

/** What was read for one deployment. */
type Read = { readonly where: string; readonly layersOf: (server: Server) => Layer; readonly secrets: ReadonlyMap<string, string> };

/** Removes what a daemon that was killed left in its directory. */
export async function openOutsideFiles(options: OutsideOptions): Promise<OutsideFiles> {
  await mkdir(options.directory, { recursive: true, mode: 0o700 });
  for (const name of await readdir(options.directory)) await rm(join(options.directory, name), { recursive: true, force: true });
  const known = new Map<number, Promise<Read>>();

  const read = (deployment: Deployment, signal: AbortSignal): Promise<Read> => {
    const made = known.get(deployment.number) ?? readAll(options, deployment, signal);
    known.set(deployment.number, made);
    return made;
  };

  return {
    async read(deployment, signal) {
      const { files, secrets } = deployment.cluster;
      if (files !== undefined || secrets !== undefined) await read(deployment, signal);
    },
    async render(deployment, server, signal) {
      const { where, layersOf, secrets } = await read(deployment, signal);
      const values: Values = { variables: variablesOf(deployment, server), secrets };
      const rendered = [...layersOf(server)].map(([path, file]) => renderFile(path, file, values, where));
      if (rendered.reduce((sum, one) => sum + one.content.length, 0) > LARGEST_SET) throw tooLarge(where, server);
      return rendered;
    },
    forget(deployment) {
      known.delete(deployment);
      options.masking.forget(deployment);
    },
  };
}

/** Secrets first: they are masked before anything else can go wrong. Then everything is checked that can be, for every server. */
async function readAll(options: OutsideOptions, deployment: Deployment, signal: AbortSignal): Promise<Read> {
  const { cluster, number } = deployment;
  const secrets = await readSecrets(cluster.name, cluster.secrets ?? {}, signal);
  options.masking.learn(number, secrets.values());
  if (cluster.files === undefined) return { where: '', layersOf: () => new Map(), secrets };
  const read = { ...(await readSource(options, cluster.files, deployment, signal)), secrets };
  for (const server of cluster.servers) checkNames(read, cluster, server);
  return read;
}

async function readSource(
  { directory, versionControl, log }: OutsideOptions,
  source: FilesSource,
  { cluster, number }: Deployment,
  signal: AbortSignal,
): Promise<Omit<Read, 'secrets'>> {
  if (source.kind === 'directory') {
    const where = `files of ${cluster.name} in ${source.path}`;
    return { where, layersOf: await readLayers(source.path, where, cluster) };
  }
  const { repository, branch, subdirectory } = source;
  const place = versionControl(repository);
  const revision = (await place.heads([branch], signal)).get(branch);
  if (revision === undefined)
    throw new DeployError('repository', `files of ${cluster.name}: ${repository.name} has no branch ${branch}; push it first`);
  const where = `files of ${cluster.name} in ${repository.name} ${branch} at ${revision.slice(0, 12)}`;
  log(number, `${where}\n`);
  const target = await mkdtemp(join(directory, 'export-'));
  try {
    await place.export(branch, revision, subdirectory, target, signal);
    return { where, layersOf: await readLayers(target, where, cluster) };
  } finally {
    await rm(target, { recursive: true, force: true });
  }
}

/** Rejects with DeployError `configuration` when a template for the server names what nobody has given. */
export function checkNames(
  { where, layersOf, secrets }: Pick<Read, 'where' | 'layersOf'> & Pick<Known, 'secrets'>,
  cluster: Cluster,
  server: Server,
): void {
  const variables = new Set([...BUILT_IN, ...Object.keys(ownVariables(cluster, server))]);
  for (const { origin, template } of layersOf(server).values()) {
    const problem = template === null ? null : unknownName(template, { variables, secrets });
    if (problem !== null) throw configuration(where, `${origin}:${problem.line}: ${problem.message}`);
  }
}

const ownVariables = (cluster: Cluster, server: Server): Record<string, string> => ({ ...cluster.variables, ...server.variables });

function variablesOf(deployment: Deployment, server: Server): ReadonlyMap<string, string> {
  const { cluster, release, revision, branch, number } = deployment;
  const builtIn: Record<(typeof BUILT_IN)[number], string> = {
    cluster: cluster.name,
    environment: cluster.environment,
    server: server.name,
    host: server.host,
    path: server.path,
    user: server.user ?? '',
    release: release ?? '',
    revision,
    branch,
    deployment: String(number),
  };
  return new Map(Object.entries({ ...ownVariables(cluster, server), ...builtIn }));
}

/** A file with a secret in it is for the account alone from its first byte on. */
function renderFile(path: string, { origin, isExecutable, content, template }: LayerFile, values: Values, where: string): ProvidedFile {
  if (template === null) return { path, mode: isExecutable ? 0o755 : 0o644, content };
  const rendered = Buffer.from(renderTemplate(template, values));
  if (rendered.length > LARGEST_FILE)
    throw configuration(where, `${origin} becomes larger than ${LARGEST_FILE / 1024 / 1024} MiB, which is the most`);
  if (hasSecret(template)) return { path, mode: isExecutable ? 0o700 : 0o600, content: rendered };
  return { path, mode: isExecutable ? 0o755 : 0o644, content: rendered };
}
