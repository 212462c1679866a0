// `report` of a repository: which forge is told of its deployments, and under which name it knows the repository.
import type { Repository } from '../core/repository.ts';
import type { Files } from './files.ts';
import type { Path, Problems } from './problems.ts';
import type { RepositoryInput } from './schema.ts';

/** Only what is set. `path`: of the repository. */
export function resolveReport(input: RepositoryInput, path: Path, files: Files, problems: Problems): Pick<Repository, 'report'> {
  const { report, forge } = input;
  if (report === undefined) return {};
  if (forge === undefined) problems.reportKey([...path, 'report'], 'needs "forge" beside it');
  const { token, api, project } = report;
  return {
    report: {
      token: 'file' in token ? { file: files.resolve(token.file) } : token,
      api: api?.replace(/\/+$/, '') ?? null,
      project: project ?? null,
    },
  };
}
