// The shape of a release: what its tree and contents must be on a server. Computed once for all servers that serve it.
import { hash } from 'node:crypto';
import type { Artifact } from '../core/artifact.ts';
import type { Channel, ReleaseShape } from '../core/channel.ts';
import type { Cluster, SharedPath } from '../core/cluster.ts';
import { contentLines, releaseTree, treeLines } from '../core/manifest.ts';
import type { Provided, ReleaseTree } from '../core/manifest.ts';
import type { Artifacts } from '../core/ports.ts';

/** `null`: the artifact is not on this machine any more. */
export type Shapes = (artifact: string, shared: readonly SharedPath[], provided: Provided | null) => Promise<ReleaseShape | null>;

/** The few releases that are compared at the same time are kept. */
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
  // Texts of some 150 bytes per file, for the servers where something differs.
  let tree: string | undefined;
  let content: string | undefined;
  let contentHash: string | undefined;
  return {
    treeHash: treeHashOf(artifact, release),
    get tree() {
      return (tree ??= treeLines(release).join(''));
    },
    get content() {
      return (content ??= contentLines(release.entries).join(''));
    },
    get contentHash() {
      return (contentHash ??= hashOfLines(contentLines(release.entries)));
    },
  };
}

/** What is the target of a deployment is compared with the servers', and is the base of the next one. */
const treeHashes = new WeakMap<Artifact, Map<string, string>>();

/** The hash over `treeLines` of an artifact with what is laid over it. */
export function treeHashOf(artifact: Artifact, tree: ReleaseTree): string {
  const known = treeHashes.get(artifact) ?? new Map<string, string>();
  treeHashes.set(artifact, known);
  const laid = JSON.stringify(tree.links);
  const treeHash = known.get(laid) ?? hashOfLines(treeLines(tree));
  known.set(laid, treeHash);
  return treeHash;
}

export const hashOfLines = (lines: readonly string[]): string => hash('sha256', lines.join(''));
