// SQL text as tokens: just enough to know what is code and what is a string, a quoted name or a comment, for each dialect.
import type { DatabaseKind } from '../core/database-url.ts';

export type Token = {
  readonly kind: 'space' | 'comment' | 'string' | 'name' | 'word' | 'symbol' | 'unterminated';
  readonly start: number;
  readonly end: number;
};

const SPACE = /\s+/y;
const WORD = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|\d[\w.]*/y;
/** PostgreSQL: $$…$$ and $tag$…$tag$; a `$` inside a word belongs to the word, and $1 is a parameter. */
const DOLLAR = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;

/** The token that begins at `start`; `start` is inside the text. */
export function tokenAt(text: string, start: number, kind: DatabaseKind): Token {
  const isMysql = kind === 'mysql' || kind === 'mariadb';
  const one = text.charAt(start);
  const two = text.slice(start, start + 2);
  const upTo = (found: number, what: Token['kind']): Token =>
    found < 0 ? { kind: 'unterminated', start, end: text.length } : { kind: what, start, end: found };
  const matched = (pattern: RegExp): number => ((pattern.lastIndex = start), pattern.test(text) ? pattern.lastIndex : -1);

  const space = matched(SPACE);
  if (space > 0) return { kind: 'space', start, end: space };
  // MySQL takes `--` for a comment only before a space or the end of the line.
  const isDashes = two === '--' && (!isMysql || /^\s?$/.test(text.charAt(start + 2)));
  if (isDashes || (isMysql && one === '#')) return { kind: 'comment', start, end: endOfLine(text, start) };
  // MySQL executes what stands in /*! … */.
  if (isMysql && /^\/\*M?!/.test(text.slice(start, start + 4))) return { kind: 'symbol', start, end: start + 3 };
  if (two === '/*') return upTo(endOfComment(text, start, kind === 'postgresql'), 'comment');
  if (kind === 'postgresql' && /^[eE]'/.test(two)) return upTo(endOfQuoted(text, start + 1, true), 'string');
  if (one === "'") return upTo(endOfQuoted(text, start, isMysql), 'string');
  if (one === '"') return upTo(endOfQuoted(text, start, isMysql), isMysql ? 'string' : 'name');
  if (one === '`' && kind !== 'postgresql') return upTo(endOfQuoted(text, start, false), 'name');
  if (one === '[' && kind === 'sqlite') return upTo(after(text, ']', start + 1), 'name');
  const dollar = kind === 'postgresql' ? matched(DOLLAR) : -1;
  if (dollar > 0) return upTo(after(text, text.slice(start, dollar), dollar), 'string');
  const word = matched(WORD);
  return word > 0 ? { kind: 'word', start, end: word } : { kind: 'symbol', start, end: start + 1 };
}

export function* tokensOf(text: string, kind: DatabaseKind): Generator<Token> {
  for (let at = 0; at < text.length;) {
    const token = tokenAt(text, at, kind);
    yield token;
    at = token.end;
  }
}

/** Code in upper case with one space between words, without comments; strings become `''`, names stay quoted by `"`. For a look at keywords. */
export function skeletonOf(text: string, kind: DatabaseKind): string {
  let skeleton = '';
  for (const token of tokensOf(text, kind)) {
    if (token.kind === 'space' || token.kind === 'comment') skeleton += ' ';
    else if (token.kind === 'string') skeleton += "''";
    else if (token.kind === 'name') skeleton += `"${text.slice(token.start + 1, token.end - 1).toUpperCase()}"`;
    else skeleton += text.slice(token.start, token.end).toUpperCase();
  }
  return skeleton.replace(/\s+/g, ' ').trim();
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}

function after(text: string, what: string, from: number): number {
  const found = text.indexOf(what, from);
  return found < 0 ? -1 : found + what.length;
}

/** The quote that `start` points to is doubled to mean itself; with `backslash`, one before it does that too. */
function endOfQuoted(text: string, start: number, backslash: boolean): number {
  const quote = text.charAt(start);
  for (let at = start + 1; at < text.length; at++) {
    const one = text.charAt(at);
    if (backslash && one === '\\') at += 1;
    else if (one === quote && text.charAt(at + 1) === quote) at += 1;
    else if (one === quote) return at + 1;
  }
  return -1;
}

/** PostgreSQL nests block comments. */
function endOfComment(text: string, start: number, isNesting: boolean): number {
  const marks = /\/\*|\*\//g;
  marks.lastIndex = start + 2;
  let depth = 1;
  for (let mark = marks.exec(text); mark !== null; mark = marks.exec(text)) {
    if (mark[0] === '*/') depth -= 1;
    else if (isNesting) depth += 1;
    if (depth === 0) return marks.lastIndex;
  }
  return -1;
}
