// Somebody changed files in the release that a server serves: that is refused or set aside before it is left, or told when users are served.
import type { Differences, ReleaseShape } from '../core/channel.ts';
import type { Deployment } from '../core/deployment.ts';
import { differencesInShort } from '../core/differences.ts';
import { driftSettings, sharedOf } from '../core/drift.ts';
import { DeployError, problemOf } from '../core/errors.ts';
import type { ServerWork } from './perform.ts';
import { providedOn } from './shapes.ts';

const MOST_NAMED = 10;

/** May what was changed keep the deployment from going on, or has it to be set aside first? A roll back is never kept: then users come first. */
export function looksBefore({ cluster, target }: Deployment): boolean {
  const { onDeploy } = driftSettings(cluster);
  return onDeploy === 'save' || (onDeploy === 'refuse' && target === null);
}

/** Otherwise nobody waits for it: what was served before still lies there when users are served. */
export async function changesAfter(work: ServerWork): Promise<string | null> {
  const { deployment, member, channel, signal } = work;
  const { previous } = member;
  if (looksBefore(deployment) || previous === undefined || previous === null || previous === deployment.release) return null;
  return handleChanges(work, { current: previous, tree: await channel.tree(previous, signal) });
}

/** A release that a server serves or served, and the hash of its tree; `null`: not known. */
type Served = { readonly current: string | null; readonly tree: string | null };

/**
 * The warning to show; `null`: nothing was changed, or nobody can say. Rejects with `conflict` where the cluster refuses.
 */
export async function handleChanges(work: ServerWork, { current, tree }: Served): Promise<string | null> {
  const { deployment, tools, server, channel, op, signal } = work;
  if (current === null || tree === null) return null;
  const release = tools.remembered(deployment.cluster.name, current);
  if (release === null || release.artifact === null) return null;
  const provided = await providedOn(channel, deployment.cluster, current, signal);
  const shape = await tools.shapes(release.artifact, sharedOf(release, deployment.cluster), provided).catch(() => null);
  if (shape === null || shape.treeHash === tree) return null;

  const { onDeploy } = driftSettings(deployment.cluster);
  if (onDeploy === 'save') {
    const found = await channel.save(`${op}-save`, current, shape, signal);
    const where = found.saved === null ? '' : `; the files as they were are in ${server.path}/.lockstep/saved/${found.saved}`;
    return `${changeText(current, found)}${where}`;
  }
  const found = await differences(work, current, shape);
  if (onDeploy === 'warn' || deployment.target !== null) return changeText(current, found);
  const name = deployment.cluster.name;
  throw new DeployError(
    'conflict',
    `${server.name} refuses: ${changeText(current, found)}. To keep the change, commit it; then, or to discard it: ` +
      `lockstep deploy ${name} --drift save (sets the changed files aside in ${server.path}/.lockstep/saved)`,
  );
}

/** Names are a service: that something was changed is known without them. */
async function differences({ channel, signal }: ServerWork, release: string, shape: ReleaseShape): Promise<Differences | null> {
  try {
    return await channel.compare(release, shape, 'tree', signal);
  } catch (error) {
    if (problemOf(error).code === 'bug') throw error;
    return null;
  }
}

function changeText(release: string, found: Differences | null): string {
  const what = found === null ? '' : `: ${differencesInShort(found, MOST_NAMED)}`;
  return `files of the release that it served, ${release}, were changed by hand${what}`;
}
