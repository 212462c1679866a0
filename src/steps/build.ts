// build: once for a revision, whatever the number of servers and clusters; then the release gets its name.
import { releaseTree } from '../core/manifest.ts';
import { releaseName } from '../core/release-name.ts';
import type { ReleaseParts } from '../core/release-name.ts';
import type { Facts } from '../core/event.ts';
import type { Work } from './perform.ts';
import { checkSeeds } from './seed.ts';

export async function build({ deployment, tools, signal }: Work): Promise<Facts> {
  const { repository, branch, revision, build, cluster, number } = deployment;
  const commit = await tools.versionControl(repository).commit(branch, revision, signal);
  const log = (text: string): void => tools.log(number, text);
  const artifact = await tools.builder.build({ repository, branch, commit, build, log }, signal);
  checkSeeds(releaseTree(artifact.manifest, cluster.shared), cluster.shared);
  const parts = {
    project: cluster.project,
    environment: cluster.environment,
    version: artifact.version ?? shortOf(repository.type, revision),
    branch,
    author: commit.author,
  };
  // The same artifact with other files from outside is another release: what is served now must not change before the switch.
  const sealedAt = cluster.files === undefined ? artifact.sealedAt : deployment.requestedAt;
  const release = releaseName({ ...parts, sealedAt });
  const taken = [...deployment.shelf.good, ...deployment.shelf.failed];
  if (!deployment.anew || !taken.includes(release)) return { commit, artifact: artifact.id, release };
  return { commit, artifact: artifact.id, release: freshName(parts, tools.now(), taken) };
}

/** A release that is served is never written to: its repair comes under a name of its own, with the time of now. */
function freshName(parts: Omit<ReleaseParts, 'sealedAt'>, now: number, taken: readonly string[]): string {
  for (let at = now; ; at += 1_000) {
    const name = releaseName({ ...parts, sealedAt: at });
    if (!taken.includes(name)) return name;
  }
}

const shortOf = (type: 'git' | 'svn', revision: string): string => (type === 'git' ? revision.slice(0, 8) : `r${revision}`);
