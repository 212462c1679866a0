// Errors that an operator can act on. Everything else that is thrown is a bug.

export type ErrorCode =
  | 'configuration'
  | 'not-found'
  | 'conflict'
  | 'refused'
  | 'repository'
  | 'hostile-tree'
  | 'build'
  | 'artifact'
  | 'unreachable'
  | 'untrusted'
  | 'fenced'
  | 'lock-lost'
  | 'mismatch'
  | 'ambiguous'
  | 'command'
  | 'timeout'
  | 'disk'
  | 'bad-answer'
  | 'verification'
  | 'migration'
  | 'aborted'
  | 'store'
  | 'store-closed';

/**
 * An error with a code that an operator can act on. Its message says what was tried, where, what came back and what to do next.
 * `detail` is longer material (the tail of a log, a command's stderr), at most a few kilobytes.
 */
export class DeployError extends Error {
  readonly code: ErrorCode;
  readonly detail: string | null;

  constructor(code: ErrorCode, message: string, detail: string | null = null, cause?: unknown) {
    super(message, { cause });
    this.name = 'DeployError';
    this.code = code;
    this.detail = detail;
  }
}

/** A failure as the journal keeps it. */
export type Problem = { readonly code: ErrorCode | 'bug'; readonly message: string; readonly detail: string | null };

/** Turns anything thrown into a problem for the journal; what is not a DeployError is a bug, and says so. */
export function problemOf(error: unknown): Problem {
  if (error instanceof DeployError) return { code: error.code, message: error.message, detail: error.detail };
  return { code: 'bug', message: `unexpected: ${error instanceof Error ? error.message : String(error)}`, detail: null };
}
