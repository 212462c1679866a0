// Somebody changed files in the release that a server serves: before it is left, that is told, refused, or set aside.
import type { Differences, Greeting, ReleaseShape } from '../core/channel.ts';
import { differencesInShort } from '../core/differences.ts';
import { driftSettings, sharedOf } from '../core/drift.ts';
import { DeployError, problemOf } from '../core/errors.ts';
import type { ServerWork } from './perform.ts';
import { providedOn } from './shapes.ts';

const MOST_NAMED = 10;

/**
 * The warning to show; `null`: nothing was changed, or nobody can say. The server's tree came with its greeting, so a server that is well
 * costs nothing more. Rejects with `conflict` where the cluster refuses; a roll back is never refused: then users come first.
 */
export async function handleChanges(work: ServerWork, { current, tree }: Greeting): Promise<string | null> {
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
