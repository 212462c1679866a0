// What lies between two revisions of a branch: the commits and files of a change, as far as a person wants to read them.

export type FileChange = { readonly path: string; readonly change: 'added' | 'changed' | 'deleted' };

export type Between = {
  /** Newest first. `message` is the first line; `time` in milliseconds since 1970. */
  readonly commits: readonly { readonly revision: string; readonly author: string; readonly message: string; readonly time: number }[];
  /** `null`: not known, or too many to count. */
  readonly totalCommits: number | null;
  readonly files: readonly FileChange[];
  readonly totalFiles: number | null;
  /** The older one is not in the history of the newer. */
  readonly diverged: boolean;
};

/** At most so many are listed; 0: none are looked for. */
export type BetweenLimits = { readonly commits: number; readonly files: number };
