// The shape of a release: what its tree and contents must be on a server. Computed once for all servers that serve it.
import { createHash } from 'node:crypto';
import type { ReleaseShape } from '../core/channel.ts';
import type { SharedPath } from '../core/cluster.ts';
import { contentLines, releaseTree, treeLines } from '../core/manifest.ts';
import type { Artifacts } from '../core/ports.ts';

/** `null`: the artifact is not on this machine any more. */
export type Shapes = (artifact: string, shared: readonly SharedPath[]) => Promise<ReleaseShape | null>;

/** Texts of some 150 bytes per file; the few releases that are compared at the same time are kept. */
const KEPT = 4;

export function rememberShapes(artifacts: Artifacts): Shapes {
  const known = new Map<string, Promise<ReleaseShape | null>>();
  return (artifact, shared) => {
    const key = `${artifact} ${JSON.stringify(shared)}`;
    const shape = known.get(key) ?? shapeOf(artifacts, artifact, shared);
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

async function shapeOf(artifacts: Artifacts, id: string, shared: readonly SharedPath[]): Promise<ReleaseShape | null> {
  const artifact = await artifacts.find(id);
  if (artifact === null) return null;
  const release = releaseTree(artifact.manifest, shared);
  const tree = treeLines(release).join('');
  const content = contentLines(release.entries).join('');
  return { tree, content, treeHash: sha256(tree), contentHash: sha256(content) };
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
