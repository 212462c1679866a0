// seed: a part of upload. Shared paths that a server does not have yet begin as a copy of something in the release.
import type { Seed } from '../core/channel.ts';
import type { SharedPath } from '../core/cluster.ts';
import { DeployError } from '../core/errors.ts';
import type { ReleaseTree } from '../core/manifest.ts';
import type { ServerWork } from './perform.ts';

/** Rejects with DeployError `artifact` when a seed is missing in the release: asked before any server is touched. */
export function checkSeeds(tree: ReleaseTree, shared: readonly SharedPath[]): void {
  for (const { path, kind, seed } of shared) {
    if (seed === undefined || isThere(tree, kind, seed)) continue;
    const message = `shared path ${path} is to begin as ${seed}, but the release has no such ${kind}; commit it, or correct "seed"`;
    throw new DeployError('artifact', message);
  }
}

const isThere = ({ entries }: ReleaseTree, kind: SharedPath['kind'], seed: string): boolean =>
  entries.some((entry) => entry.type === kind && entry.path === seed);

/** After the release is sealed. A release from before the seed was configured (a roll back) may lack it. */
export async function seed({ deployment, channel, op, signal }: ServerWork, tree: ReleaseTree): Promise<void> {
  const { release, cluster } = deployment;
  const seeds = cluster.shared.flatMap(({ path, kind, seed: from }): Seed[] =>
    from !== undefined && isThere(tree, kind, from) ? [{ path, seed: from }] : [],
  );
  if (seeds.length > 0) await channel.seed(`${op}-seed`, release ?? '', seeds, signal);
}
