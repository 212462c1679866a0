// Files and secrets of a cluster, looked at before anything is deployed: what is missing is named then, and not by the first deployment.
import { bad, well } from '../core/check.ts';
import type { CheckResult } from '../core/check.ts';
import type { Cluster } from '../core/cluster.ts';
import { problemOf } from '../core/errors.ts';
import { readLayers } from './layers.ts';
import { checkNames } from './outside.ts';
import { readSecrets } from './secrets.ts';

/**
 * Reads the files that hold secrets, and a directory of files with its templates. Commands and variables of the environment are left alone: they
 * are the daemon's, and whoever asks may have others. So are files of a second repository. Nothing: the cluster has neither.
 */
export async function checkOutside(cluster: Cluster, signal: AbortSignal): Promise<CheckResult[]> {
  const { files } = cluster;
  const secrets = Object.entries(cluster.secrets ?? {});
  const problems: CheckResult[] = [];
  const note = (error: unknown, remedy: string): void => {
    problems.push(bad(problemOf(error).message, remedy));
  };
  for (const [name, reference] of secrets) {
    if (!('file' in reference)) continue;
    const remedy = `make the file, readable for the daemon's account, or correct "secrets" of ${cluster.name}`;
    await readSecrets(cluster.name, { [name]: reference }, signal).catch((error: unknown) => note(error, remedy));
  }
  if (files?.kind === 'directory') {
    const where = `files of ${cluster.name} in ${files.path}`;
    try {
      const layersOf = await readLayers(files.path, where, cluster);
      for (const server of cluster.servers) checkNames({ where, layersOf, secrets: new Map(secrets) }, cluster, server);
    } catch (error) {
      note(error, `correct it there, or "files" of ${cluster.name}`);
    }
  }
  if (files === undefined && secrets.length === 0) return [];
  return problems.length > 0 ? problems : [well('its files and secrets are there')];
}
