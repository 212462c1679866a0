// One look at a commit for all notices that are looked into together: a revision is the same for all of them.
import type { Commit } from '../core/repository.ts';
import type { LookTools } from './look.ts';

/** Asks for each commit once, also when asked twice at the same time; what failed is asked again. For as long as one look at a repository takes. */
export function withSharedCommits(tools: LookTools): LookTools {
  const commits = new Map<string, Promise<Commit>>();
  return {
    ...tools,
    versionControl(repository) {
      const own = tools.versionControl(repository);
      return {
        ...own,
        commit(branch, revision, signal) {
          const key = `${branch}\n${revision}`;
          const asked = commits.get(key) ?? own.commit(branch, revision, signal);
          commits.set(key, asked);
          asked.catch(() => commits.delete(key));
          return asked;
        },
      };
    },
  };
}
