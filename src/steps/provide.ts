// provide: a part of upload. Files from outside are put on the server, rendered for it, before anything else of the release.
import { DeployError, problemOf } from '../core/errors.ts';
import type { Provided } from '../core/manifest.ts';
import type { ServerWork } from './perform.ts';

/** `provided` null: the cluster has no files from outside. */
export type Provision = { readonly provided: Provided | null; readonly warning: string | null };

/**
 * Puts the files where the release's links will lead. A roll back must be possible also where they cannot be read any more: those that the
 * release was given when it was uploaded are kept then, with a warning.
 */
export async function provide(work: ServerWork): Promise<Provision> {
  const { deployment, channel, server, op, tools, signal } = work;
  if (deployment.cluster.files === undefined) return { provided: null, warning: null };
  const release = deployment.release ?? '';
  try {
    const files = await tools.files.render(deployment, server, signal);
    await channel.provide(`${op}-provide`, { release, files }, signal);
    return { provided: { release, paths: files.map((file) => file.path) }, warning: null };
  } catch (error) {
    const paths = deployment.target === null || !isOfSource(error) ? null : await channel.provided(release, signal);
    if (paths === null) throw error;
    const warning = `the files of ${release} on ${server.name} are kept as they are: ${problemOf(error).message}`;
    tools.log(deployment.number, `${warning}\n`);
    return { provided: { release, paths }, warning };
  }
}

/** Not the server's fault. */
function isOfSource(error: unknown): boolean {
  return error instanceof DeployError && ['configuration', 'repository', 'hostile-tree'].includes(error.code);
}
