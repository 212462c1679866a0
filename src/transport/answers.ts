// Reads the agent's answers. A server may be broken or in foreign hands: nothing is taken from it that is not exactly as agreed.
import type { Greeting, RunResult } from '../core/channel.ts';
import type { ErrorCode } from '../core/errors.ts';
import { visibleLine } from '../core/escape.ts';

/** The agent's refusal of a request. */
export type Refusal = { readonly code: ErrorCode | 'overtaken'; readonly message: string; readonly last: number };

const REFUSALS = [
  'fenced',
  'command',
  'overtaken',
  'conflict',
  'refused',
  'not-found',
  'mismatch',
  'lock-lost',
  'ambiguous',
  'timeout',
  'disk',
] as const;
const NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$/;
const HASH = /^[0-9a-f]{64}$/;

type Fields = Readonly<Record<string, unknown>>;

/** `null`: not a refusal. */
export function refusalOf(value: unknown): Refusal | null {
  if (!isFields(value) || value['error'] === undefined) return null;
  const { error, message, last } = value;
  const code = REFUSALS.find((one) => one === error);
  if (code === undefined || typeof message !== 'string') throw new BadAnswer();
  return { code, message: printable(message), last: code === 'overtaken' ? count(last) : 0 };
}

/** Any answer but a refusal; for verbs that say only that they are done. */
export function done(value: unknown): void {
  fields(value);
}

export function greetingOf(value: unknown): Greeting {
  const { current, sealed, adopted, lock, revision, freeBytes, freeInodes, rsync } = fields(value);
  if (!Array.isArray(sealed) || !Array.isArray(adopted)) throw new BadAnswer();
  return {
    current: nameOrNull(current),
    sealed: sealed.map((one: unknown) => {
      if (!Array.isArray(one) || one.length !== 2) throw new BadAnswer();
      return { release: matching(one[0], NAME), artifact: matching(one[1], HASH) };
    }),
    adopted: adopted.map((one: unknown) => matching(one, NAME)),
    lock: nameOrNull(lock),
    revision: revision === null ? null : matching(revision, /^[0-9a-f]{40}$|^[0-9a-f]{64}$|^r?[0-9]{1,9}$/),
    freeBytes: count(freeBytes),
    freeInodes: count(freeInodes),
    rsync: rsync === null ? null : matching(rsync, /^[0-9][0-9.]{0,20}$/),
  };
}

/** One of these words in the field `state`. */
export function stateOf<T extends string>(value: unknown, words: readonly T[]): T {
  const { state } = fields(value);
  const word = words.find((one) => one === state);
  if (word === undefined) throw new BadAnswer();
  return word;
}

export function previousOf(value: unknown): string | null {
  return nameOrNull(fields(value)['previous']);
}

/** A command's end, or `null`: it has not ended yet. */
export function runResultOf(value: unknown): RunResult | null {
  const { exit, output, state } = fields(value);
  if (state === 'running' || state === 'busy') return null;
  if (typeof exit !== 'number' || !Number.isInteger(exit) || exit < 0 || exit > 255) throw new BadAnswer();
  return { exit, output: Buffer.from(matching(output, /^[A-Za-z0-9+/=]*$/), 'base64').toString('utf8') };
}

/** Lines in one text. */
export function warningsOf(value: unknown): string[] {
  const { warnings } = fields(value);
  if (typeof warnings !== 'string') throw new BadAnswer();
  return warnings.trim() === '' ? [] : [printable(warnings)];
}

/** The answer is not as agreed. */
export class BadAnswer extends Error {}

function fields(value: unknown): Fields {
  if (!isFields(value)) throw new BadAnswer();
  return value;
}

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

function count(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw new BadAnswer();
  return value;
}

function matching(value: unknown, pattern: RegExp): string {
  if (typeof value !== 'string' || !pattern.test(value)) throw new BadAnswer();
  return value;
}

const nameOrNull = (value: unknown): string | null => (value === null ? null : matching(value, NAME));

/** Messages go to terminals and pages. */
const printable = (text: string): string => visibleLine(text).slice(0, 600);
