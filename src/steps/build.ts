// build: once for a revision, whatever the number of servers and clusters; then the release gets its name.
import { releaseTree } from '../core/manifest.ts';
import { releaseName } from '../core/release-name.ts';
import type { Facts } from '../core/event.ts';
import type { Work } from './perform.ts';
import { checkSeeds } from './seed.ts';

export async function build({ deployment, tools, signal }: Work): Promise<Facts> {
  const { repository, branch, revision, build, cluster, number } = deployment;
  const commit = await tools.versionControl(repository).commit(branch, revision, signal);
  const log = (text: string): void => tools.log(number, text);
  const artifact = await tools.builder.build({ repository, branch, commit, build, log }, signal);
  checkSeeds(releaseTree(artifact.manifest, cluster.shared), cluster.shared);
  const release = releaseName({
    project: cluster.project,
    environment: cluster.environment,
    version: artifact.version ?? shortOf(repository.type, revision),
    branch,
    // The same artifact with other files from outside is another release: what is served now must not change before the switch.
    sealedAt: cluster.files === undefined ? artifact.sealedAt : deployment.requestedAt,
    author: commit.author,
  });
  return { commit, artifact: artifact.id, release };
}

const shortOf = (type: 'git' | 'svn', revision: string): string => (type === 'git' ? revision.slice(0, 8) : `r${revision}`);
