// What is wrong with a configuration, in sentences: where (file:line:column, key path), what, and what is allowed.
import type { z } from 'zod';
import type { Source } from './source.ts';

export type Path = readonly (string | number)[];
export type Problem = { readonly path: Path; readonly message: string; readonly offset: number };

/** Collects problems. `report` points at a value, `reportKey` at the key before it. */
export type Problems = {
  readonly all: readonly Problem[];
  report(path: Path, message: string): void;
  reportKey(path: Path, message: string): void;
};

export function createProblems(source: Source): Problems {
  const all: Problem[] = [...source.problems];
  return {
    all,
    report: (path, message) => void all.push({ path, message, offset: source.offsetOf(path, 'value') }),
    reportKey: (path, message) => void all.push({ path, message, offset: source.offsetOf(path, 'key') }),
  };
}

/** More would not be read; the rest is counted. */
const MOST_LINES = 100;

/** One line for each problem in the order of the file: `branches.config.json:12:5  clusters.production.keep: must be at least 1`. */
export function problemLines(file: string, problems: readonly Problem[], source: Source): string[] {
  const sorted = new Map([...problems].sort((a, b) => a.offset - b.offset).map((one) => [`${keyPath(one.path)}: ${one.message}`, one]));
  const lines = [...sorted].slice(0, MOST_LINES).map(([words, { path, message, offset }]) => {
    const { line, column } = source.placeOf(offset);
    return `${file}:${line}:${column}  ${path.length === 0 ? `the file ${message}` : words}`;
  });
  return sorted.size <= MOST_LINES ? lines : [...lines, `${file}: and ${sorted.size - MOST_LINES} more problems`];
}

/** `clusters.production.servers[0]`; a key that is not one word is quoted: `clusters["a b"]`. */
export function keyPath(path: Path): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[\w{}$-]+$/.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${quoted(part)}]`;
  }
  return text;
}

/** A value from the file in a message: on one line, and not endless. */
export function quoted(value: unknown): string {
  const json = value === undefined ? 'nothing' : JSON.stringify(value);
  // JSON leaves these as they are, and terminals obey them.
  const visible = json.replace(
    /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return visible.length > 80 ? `${visible.slice(0, 79)}…` : visible;
}

/** Turns what zod found under `prefix` into problems. */
export function reportIssues(problems: Problems, source: Source, issues: readonly z.core.$ZodIssue[], prefix: Path = []): void {
  for (const issue of issues) {
    const path: Path = [...prefix, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))];
    // Somebody may have written a secret itself where a reference should stand.
    const isSecret =
      (path[0] === 'clusters' && path[2] === 'secrets') || path[0] === 'people' || path[0] === 'notices' || path[2] === 'report';
    const found = isSecret ? (message: string) => message : withFound;
    switch (issue.code) {
      case 'unrecognized_keys':
        for (const key of issue.keys) problems.reportKey([...path, key], unknownKey(key, issue.message.split(' ')));
        break;
      case 'invalid_key':
        problems.reportKey(path, issue.issues[0]?.message ?? 'is not allowed as a key');
        break;
      case 'invalid_union': {
        const member = issue.errors.find((errors) => errors.length > 0 && !errors.some(isAboutTheWhole));
        if (member === undefined) problems.report(path, found(unionMessage(issue), issue.input));
        else reportIssues(problems, source, member, path);
        break;
      }
      case 'invalid_type':
        if (source.has(path)) problems.report(path, found(`must be ${article(issue.expected)}`, issue.input));
        else problems.report(path, `is missing; it must be ${article(issue.expected)}`);
        break;
      case 'invalid_value':
        if (source.has(path)) problems.report(path, valueMessage(issue));
        else problems.report(path, `is missing; allowed: ${issue.values.map(quoted).join(', ')}`);
        break;
      case 'too_small':
      case 'too_big':
        problems.report(path, found(isOwnMessage(issue.message) ? issue.message : limitMessage(issue), issue.input));
        break;
      case 'custom':
      case 'invalid_format':
      case 'not_multiple_of':
      case 'invalid_element':
        problems.report(path, found(issue.message, issue.input));
        break;
      default:
        issue satisfies never;
    }
  }
}

/** The member of a union was not meant at all: it failed by its type, not by what is in it. */
const isAboutTheWhole = (issue: z.core.$ZodIssue): boolean =>
  issue.path.length === 0 && (issue.code === 'invalid_type' || issue.code === 'invalid_value' || issue.code === 'invalid_union');

function unionMessage(issue: z.core.$ZodIssueInvalidUnion): string {
  if (isOwnMessage(issue.message)) return issue.message;
  const kinds = issue.errors.flatMap((errors) =>
    errors.slice(0, 1).map((first) => {
      if (first.code === 'invalid_type') return article(first.expected);
      return first.code === 'invalid_value' ? first.values.map(quoted).join(', ') : first.message;
    }),
  );
  return `must be ${[...new Set(kinds)].join(' or ')}`;
}

function valueMessage(issue: z.core.$ZodIssueInvalidValue): string {
  const known = issue.values.map(String);
  return `is ${quoted(issue.input)}; allowed: ${issue.values.map(quoted).join(', ')}${suggestion(String(issue.input), known)}`;
}

function limitMessage(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): string {
  return issue.code === 'too_small' ? `must be at least ${issue.minimum}` : `must be at most ${issue.maximum}`;
}

const isOwnMessage = (message: string): boolean => !message.startsWith('Too ') && !message.startsWith('Invalid ');

const withFound = (message: string, found: unknown): string =>
  message.startsWith('is ')
    ? `${quoted(found)} ${message}`
    : `${message} (found ${typeof found === 'object' && found !== null ? kindOf(found) : quoted(found)})`;

const kindOf = (value: object): string => (Array.isArray(value) ? 'a list' : 'an object');

/** zod's word for a type, in ours. */
function article(expected: string): string {
  const words: Readonly<Record<string, string>> = {
    array: 'a list',
    object: 'an object',
    record: 'an object',
    int: 'a whole number',
    boolean: 'true or false',
  };
  return Object.hasOwn(words, expected) ? (words[expected] ?? expected) : `a ${expected}`;
}

function unknownKey(key: string, known: readonly string[]): string {
  const guess = suggestion(key, known);
  return `unknown key${guess === '' ? `; allowed: ${known.filter((one) => one !== '$schema').join(', ')}` : guess}`;
}

/** `; did you mean "concurrency"?`, or nothing if no known word is near. */
export function suggestion(word: string, known: readonly string[]): string {
  if (word.length > 100) return '';
  let best: { text: string; distance: number } | null = null;
  for (const text of known) {
    const distance = editDistance(word.toLowerCase(), text.toLowerCase());
    if (distance <= Math.max(1, Math.floor(text.length / 3)) && (best === null || distance < best.distance)) best = { text, distance };
  }
  return best === null ? '' : `; did you mean ${quoted(best.text)}?`;
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a.charAt(i - 1) === b.charAt(j - 1) ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
