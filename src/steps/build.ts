// build: once for a revision, whatever the number of servers and clusters; then the release gets its name.
import { releaseName } from '../core/release-name.ts';
import type { Facts } from '../core/event.ts';
import type { Work } from './perform.ts';

export async function build({ deployment, tools, signal }: Work): Promise<Facts> {
  const { repository, branch, revision, build, cluster, number } = deployment;
  const commit = await tools.versionControl(repository).commit(branch, revision, signal);
  const log = (text: string): void => tools.log(number, text);
  const artifact = await tools.builder.build({ repository, branch, commit, build, log }, signal);
  const release = releaseName({
    project: cluster.project,
    environment: cluster.environment,
    version: shortOf(repository.type, revision),
    branch,
    sealedAt: artifact.sealedAt,
    author: commit.author,
  });
  return { commit, artifact: artifact.id, release };
}

const shortOf = (type: 'git' | 'svn', revision: string): string => (type === 'git' ? revision.slice(0, 8) : `r${revision}`);
