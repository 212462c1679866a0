// `report` of a repository: which forge is told of its deployments, and under which name it knows the repository.
import type { Forge } from '../core/forge.ts';
import type { Repository } from '../core/repository.ts';
import type { Files } from './files.ts';
import type { Path, Problems } from './problems.ts';
import type { RepositoryInput } from './repository-schema.ts';

/** Gogs, Azure DevOps, Gerrit and Gitee have no place for it in their APIs that a token of a repository could use. */
const REPORTED: readonly Forge[] = ['github', 'gitlab', 'gitea', 'forgejo', 'bitbucket-cloud', 'bitbucket-server'];

/** Only what is set. `path`: of the repository. */
export function resolveReport(input: RepositoryInput, path: Path, files: Files, problems: Problems): Pick<Repository, 'report'> {
  const { report, forge } = input;
  if (report === undefined) return {};
  if (forge === undefined) problems.reportKey([...path, 'report'], 'needs "forge" beside it');
  else if (!REPORTED.includes(forge)) {
    problems.reportKey([...path, 'report'], `is not for ${forge}, which cannot be told of deployments; it is for ${REPORTED.join(', ')}`);
  }
  const { token, api, project } = report;
  return {
    report: {
      token: 'file' in token ? { file: files.resolve(token.file) } : token,
      api: api?.replace(/\/+$/, '') ?? null,
      project: project ?? null,
    },
  };
}
