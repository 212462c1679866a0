// A finding of a check that somebody asked for: good, doubtful or bad, and what to do about it.

export type CheckResult = {
  readonly state: 'ok' | 'warn' | 'fail';
  /** What was found, one line. */
  readonly message: string;
  /** What to do about it; `null`: nothing. */
  readonly remedy: string | null;
};

export const well = (message: string): CheckResult => ({ state: 'ok', message, remedy: null });
export const doubtful = (message: string, remedy: string): CheckResult => ({ state: 'warn', message, remedy });
export const bad = (message: string, remedy: string): CheckResult => ({ state: 'fail', message, remedy });
