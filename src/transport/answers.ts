// Reads the agent's answers. A server may be broken or in foreign hands: nothing is taken from it that is not exactly as agreed.
import { ABILITIES, COMPRESSIONS } from '../core/channel.ts';
import type { Differences, Examination, Greeting, Inspection, RunResult, Unpacked } from '../core/channel.ts';
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

const VERSION = /^[0-9][0-9.]{0,20}$/;
const POINTERS = ['release', 'gone', 'elsewhere', 'directory', 'none'] as const;
/** See `find_differences` in agent/look.sh. */
const DIFFERENCE = /^\t?(?:f [0-7]{1,5} \d{1,16} -?\d{1,12}|[dlcu?] - - -) [^]{1,8200}$/;

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
  const { current, sealed, adopted, lock, revision, freeBytes, freeInodes, rsync, unpacks, tree } = fields(value);
  if (!Array.isArray(sealed) || !Array.isArray(adopted) || !Array.isArray(unpacks)) throw new BadAnswer();
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
    rsync: matchingOrNull(rsync, VERSION),
    unpacks: COMPRESSIONS.filter((one) => unpacks.includes(one)),
    tree: matchingOrNull(tree, HASH),
  };
}

export function unpackedOf(value: unknown): Omit<Unpacked, 'bytes'> {
  const { clone } = fields(value);
  const how = (['ahead', 'now', 'none'] as const).find((one) => one === clone);
  if (how === undefined) throw new BadAnswer();
  return { state: stateOf(value, ['unpacked', 'sealed'] as const), clone: how };
}

/** `null`: handed over; else why not. */
export function handedOf(value: unknown): string | null {
  if (stateOf(value, ['handed', 'kept'] as const) === 'handed') return null;
  const { message } = fields(value);
  if (typeof message !== 'string') throw new BadAnswer();
  return printable(message);
}

/** `sent`, `received`: when the question left and the answer came, milliseconds since 1970. */
export function inspectionOf(value: unknown, sent: number, received: number): Inspection {
  const said = fields(value);
  const pointer = POINTERS.find((one) => one === said['pointer']);
  const { target, maintenance } = said;
  const current = nameOrNull(said['current']);
  if (pointer === undefined || typeof maintenance !== 'boolean' || (target !== null && typeof target !== 'string')) throw new BadAnswer();
  if ((pointer === 'release') !== (current !== null) && pointer !== 'gone') throw new BadAnswer();
  return {
    pointer,
    current,
    target: target === null ? null : printable(target),
    artifact: matchingOrNull(said['artifact'], HASH),
    tree: matchingOrNull(said['tree'], HASH),
    content: matchingOrNull(said['content'], HASH),
    lock: nameOrNull(said['lock']),
    lockLeftMs: count(said['lockLeft']) * 1_000,
    maintenance,
    freeBytes: count(said['freeBytes']),
    freeInodes: count(said['freeInodes']),
    rsync: matchingOrNull(said['rsync'], VERSION),
    agent: matching(said['agent'], HASH),
    skewMs: skewOf(count(said['clock']), count(said['took']), sent, received),
  };
}

/** The server said its time at the end of what took so long; that moment lies between the two times of ours. */
function skewOf(clock: number, took: number, sent: number, received: number): number {
  if (clock > received) return clock - received;
  const earliest = Math.min(sent + took, received);
  return clock < earliest ? clock - earliest : 0;
}

export function differencesOf(value: unknown): Differences {
  const { total, lines } = fields(value);
  return { total: count(total), lines: recordsIn(lines).filter((line) => DIFFERENCE.test(line)) };
}

export function savedOf(value: unknown): Differences & { readonly saved: string | null } {
  return { ...differencesOf(value), saved: nameOrNull(fields(value)['saved']) };
}

export function examinationOf(value: unknown): Omit<Examination, 'secondSession'> {
  const { lacks, missing } = fields(value);
  if (!Array.isArray(lacks)) throw new BadAnswer();
  return { lacks: ABILITIES.filter((one) => lacks.includes(one)), missing: recordsIn(missing) };
}

/** NUL-ended records in base64. The last one may have been cut, and has no end then. */
function recordsIn(value: unknown): string[] {
  return Buffer.from(matching(value, /^[A-Za-z0-9+/=]*$/), 'base64')
    .toString('utf8')
    .split('\0')
    .slice(0, -1);
}

/** One of these words in the field `state`. */
export function stateOf<T extends string>(value: unknown, words: readonly T[]): T {
  const { state } = fields(value);
  const word = words.find((one) => one === state);
  if (word === undefined) throw new BadAnswer();
  return word;
}

/** Does the field `state` hold just this word? */
export const isState = (value: unknown, word: string): boolean => isFields(value) && value['state'] === word;

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

/** Paths inside a release, one a line in base64; `null`: there is nothing of which they could be. */
export function pathsOf(value: unknown): string[] | null {
  const { paths } = fields(value);
  if (paths === null) return null;
  const lines = Buffer.from(matching(paths, /^[A-Za-z0-9+/=]*$/), 'base64')
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '');
  if (!lines.every(isInnerPath)) throw new BadAnswer();
  return lines.sort();
}

const isInnerPath = (path: string): boolean =>
  !/\p{Cc}/u.test(path) && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');

/** Lines in one text. */
export const treeOf = (value: unknown): string | null => matchingOrNull(fields(value)['tree'], HASH);

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

const matchingOrNull = (value: unknown, pattern: RegExp): string | null => (value === null ? null : matching(value, pattern));

const nameOrNull = (value: unknown): string | null => (value === null ? null : matching(value, NAME));

/** Messages go to terminals and pages. */
const printable = (text: string): string => visibleLine(text).slice(0, 600);
