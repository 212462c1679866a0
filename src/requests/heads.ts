// Heads: what the daemon knows of the branches of each repository, and which of them have been dealt with.
import type { Branch } from '../core/mapping.ts';
import type { HeadRecord } from '../core/records.ts';

export type Heads = {
  /** Revision of the head that was dealt with last; `null`: the branch was deleted; undefined: never seen. */
  get(repository: string, branch: string): string | null | undefined;
  set(head: HeadRecord): void;
  /** Branches that exist, oldest acquaintance first. */
  branches(): Branch[];
  of(repository: string): string[];
};

export function createHeads(records: readonly HeadRecord[]): Heads {
  const known = new Map<string, HeadRecord>();
  const keyOf = (repository: string, branch: string): string => `${repository}\0${branch}`;
  for (const record of records) known.set(keyOf(record.repository, record.branch), record);
  const existing = (): HeadRecord[] => [...known.values()].filter((head) => head.revision !== null);
  return {
    get: (repository, branch) => known.get(keyOf(repository, branch))?.revision,
    set: (head) => void known.set(keyOf(head.repository, head.branch), head),
    branches: () => existing().map(({ repository, branch }) => ({ repository, branch })),
    of: (repository) =>
      existing()
        .filter((head) => head.repository === repository)
        .map((head) => head.branch),
  };
}
