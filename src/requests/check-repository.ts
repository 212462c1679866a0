// Checks one repository: does it answer, and do the branches exist that the configuration names?
import { bad, doubtful, well } from '../core/check.ts';
import type { CheckResult } from '../core/check.ts';
import type { Configuration } from '../core/configuration.ts';
import { problemOf } from '../core/errors.ts';
import { branchesOf } from '../core/mapping.ts';
import { matchPattern, parsePattern } from '../core/pattern.ts';
import type { VersionControl } from '../core/ports.ts';

export type RepositoryCheck = {
  readonly results: readonly CheckResult[];
  /** Branches that exist. */ readonly branches: readonly string[];
};

/** Never rejects: a repository that does not answer is a result. */
export async function checkRepository(
  configuration: Configuration,
  name: string,
  versionControl: VersionControl,
  signal: AbortSignal,
): Promise<RepositoryCheck> {
  const wanted = branchesOf(configuration, name);
  try {
    const branches = [...(await versionControl.heads(wanted, signal)).keys()];
    const missing = wanted.filter((branch) => !branches.some((one) => isMatch(branch, one)));
    const answers = well(`answers; ${wanted.length - missing.length} of ${wanted.length} configured branches and patterns exist`);
    return { results: [answers, ...missing.map(missingResult)], branches };
  } catch (error) {
    const { message } = problemOf(error);
    return { results: [bad(message, 'see the message; the same command by hand, as the account of the daemon, shows more')], branches: [] };
  }
}

function isMatch(wanted: string, branch: string): boolean {
  const pattern = parsePattern(wanted);
  return 'pattern' in pattern && matchPattern(pattern.pattern, branch) !== null;
}

const missingResult = (branch: string): CheckResult =>
  branch.includes('{')
    ? well(`no branch matches ${branch} yet`)
    : doubtful(
        `there is no branch ${branch} yet`,
        `push it, or correct "branch" in the configuration; until then nothing is deployed from it`,
      );
