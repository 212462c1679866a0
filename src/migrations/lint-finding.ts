// A finding of the lint: where, which rule, why and what to do.
import type { Rule } from './lint-rules.ts';

export type Finding = {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** `unreadable`: the statement cannot be checked; `unknown-rule`: an `allow` names a rule that does not exist. */
  readonly rule: Rule | 'unreadable' | 'unknown-rule';
  readonly message: string;
  /** Refused where the lint refuses; otherwise only told. */
  readonly isGrave: boolean;
};

/** `003_x.sql:14: drop-table: …` */
export const findingText = ({ file, line, rule, message }: Finding): string => `${file}:${line}: ${rule}: ${message}`;
