// Commands that stand in a commit's message: who commits can say that the commit is not to be deployed, or to be built from scratch.

/** What can be switched on and off in the configuration. `skip deploy` is also understood as `[deploy skip]`. */
export const COMMIT_COMMANDS = ['skip deploy', 'skip ci', 'from scratch'] as const;
export type CommitCommand = (typeof COMMIT_COMMANDS)[number];

export type CommitWishes = {
  /** The command that says so, as it was written: `[skip deploy]`; `null`: nothing speaks against a deployment. */
  readonly skip: string | null;
  /** Build without caches, and deploy even what is live already. */
  readonly fromScratch: boolean;
};

/** Reads the whole message, not only its first line; upper and lower case are the same. Only `understood` commands count. */
export function commandsIn(message: string, understood: readonly CommitCommand[]): CommitWishes {
  const find = (pattern: RegExp, command: CommitCommand): string | null =>
    understood.includes(command) ? (pattern.exec(message)?.[0] ?? null) : null;
  return {
    skip: find(/\[(?:skip deploy|deploy skip)\]/i, 'skip deploy') ?? find(/\[(?:skip ci|ci skip)\]/i, 'skip ci'),
    fromScratch: find(/\[from scratch\]/i, 'from scratch') !== null,
  };
}
