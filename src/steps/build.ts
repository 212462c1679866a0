// build: once for a revision, whatever the number of servers and clusters; then the release gets its name.
// What can be wrong with its migrations is found here, too: before any server is touched.
import { releaseName } from '../core/release-name.ts';
import type { Facts } from '../core/event.ts';
import { checkMigrations } from './migrations.ts';
import type { Work } from './perform.ts';

export async function build(work: Work): Promise<Facts> {
  const { deployment, tools, signal } = work;
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
  await checkMigrations(work, artifact);
  return { commit, artifact: artifact.id, release };
}

const shortOf = (type: 'git' | 'svn', revision: string): string => (type === 'git' ? revision.slice(0, 8) : `r${revision}`);
