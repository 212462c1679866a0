// The shape of a release: what its tree and contents must be on a server. Computed once for all servers that serve it.
import { createHash } from 'node:crypto';
import type { Channel, ReleaseShape } from '../core/channel.ts';
import type { Cluster, SharedPath } from '../core/cluster.ts';
import { contentLines, releaseTree, treeLines } from '../core/manifest.ts';
import type { Provided } from '../core/manifest.ts';
import type { Artifacts } from '../core/ports.ts';

/** `null`: the artifact is not on this machine any more. */
export type Shapes = (artifact: string, shared: readonly SharedPath[], provided: Provided | null) => Promise<ReleaseShape | null>;

/** Texts of some 150 bytes per file; the few releases that are compared at the same time are kept. */
const KEPT = 4;

export function rememberShapes(artifacts: Artifacts): Shapes {
  const known = new Map<string, Promise<ReleaseShape | null>>();
  return (artifact, shared, provided) => {
    const key = `${artifact} ${JSON.stringify([shared, provided])}`;
    const shape = known.get(key) ?? shapeOf(artifacts, artifact, shared, provided);
    known.delete(key);
    known.set(key, shape);
    const forget = (): void => void known.delete(key);
    // What is missing now may be there later.
    shape.then((found) => (found === null ? forget() : undefined), forget);
    const oldest = known.keys().next().value;
    if (known.size > KEPT && oldest !== undefined) known.delete(oldest);
    return shape;
  };
}

/** The files from outside that a release has on this server; `null`: none, or the cluster has no such files. */
export async function providedOn(channel: Channel, cluster: Cluster, release: string, signal: AbortSignal): Promise<Provided | null> {
  if (cluster.files === undefined) return null;
  const paths = await channel.provided(release, signal);
  return paths === null ? null : { release, paths };
}

async function shapeOf(
  artifacts: Artifacts,
  id: string,
  shared: readonly SharedPath[],
  provided: Provided | null,
): Promise<ReleaseShape | null> {
  const artifact = await artifacts.find(id);
  if (artifact === null) return null;
  const release = releaseTree(artifact.manifest, shared, provided);
  const tree = treeLines(release).join('');
  const content = contentLines(release.entries).join('');
  return { tree, content, treeHash: sha256(tree), contentHash: sha256(content) };
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
