// A file of SQL as its statements: MySQL takes them one at a time, and the lint reads each by itself.
import type { DatabaseKind } from '../core/database-url.ts';
import { tokenAt } from './tokens.ts';

export type Statement = {
  /** Without the delimiter, and without spaces and comments around it. */
  readonly text: string;
  /** In the file, from 1. */
  readonly line: number;
  /** Its first words, in upper case: `CREATE`, `UNIQUE`, `INDEX`, … */
  readonly words: readonly string[];
};

export type Split = {
  readonly statements: readonly Statement[];
  /** Comments on a line of their own or behind code, without `--`. */
  readonly comments: readonly { readonly text: string; readonly line: number }[];
  /** A string, a comment or a body that never ends: line of its beginning; `null`: all is well. */
  readonly unterminated: number | null;
};

const KEPT_WORDS = 12;
/** MySQL: the client's own command. It stands at the beginning of a line, and takes the rest of it. */
const DELIMITER = /delimiter[ \t]+(\S+)[^\n]*/iy;

/** Never throws. Understands what `psql`, `mysql` and `sqlite3` would take for one statement, with bodies in BEGIN … END. */
export function split(text: string, kind: DatabaseKind): Split {
  const statements: Statement[] = [];
  const comments: Split['comments'][number][] = [];
  const lineAt = lineCounter(text);
  const isMysql = kind === 'mysql' || kind === 'mariadb';
  let delimiter = ';';
  let unterminated: number | null = null;
  let open = newStatement();

  const close = (): void => {
    if (open.start >= 0) {
      statements.push({ text: text.slice(open.start, open.end), line: lineAt(open.start), words: open.words });
    }
    open = newStatement();
  };

  for (let at = 0; at < text.length;) {
    DELIMITER.lastIndex = at;
    const command = isMysql && open.start < 0 && isLineStart(text, at) ? DELIMITER.exec(text) : null;
    if (command !== null) {
      delimiter = command[1] ?? ';';
      at = DELIMITER.lastIndex;
      continue;
    }
    if (text.startsWith(delimiter, at) && (delimiter !== ';' || open.depth === 0)) {
      close();
      at += delimiter.length;
      continue;
    }
    const token = tokenAt(text, at, kind);
    at = token.end;
    const own = text.slice(token.start, token.end);
    if (token.kind === 'unterminated') unterminated ??= lineAt(token.start);
    if (token.kind === 'comment' && own.startsWith('--')) comments.push({ text: own.slice(2).trim(), line: lineAt(token.start) });
    if (token.kind === 'comment' || token.kind === 'space') continue;
    if (open.start < 0) open.start = token.start;
    open.end = token.end;
    if (token.kind === 'word') takeWord(open, own.toUpperCase(), kind);
  }
  if (open.depth > 0) unterminated ??= lineAt(open.start);
  close();
  return { statements, comments, unterminated };
}

type Open = { start: number; end: number; depth: number; words: string[]; last: string };

const newStatement = (): Open => ({ start: -1, end: -1, depth: 0, words: [], last: '' });

/**
 * Keeps count of BEGIN and CASE, which END closes, in statements with a body. `END IF`, `END LOOP` and their like close what is not
 * counted; inside a body no semicolon ends the statement anyway.
 */
function takeWord(open: Open, word: string, kind: DatabaseKind): void {
  const { last } = open;
  open.last = word;
  if (open.words.length < KEPT_WORDS) open.words.push(word);
  if (!hasBody(open.words, kind)) return;
  // MariaDB's BEGIN NOT ATOMIC is known for what it is with its second word.
  if (word === 'NOT' && open.words.length === 2) open.depth += 1;
  const isNested = open.depth > 0;
  if (last === 'END' && ['IF', 'LOOP', 'REPEAT', 'WHILE', 'FOR'].includes(word)) open.depth += 1;
  else if (word === 'BEGIN' || (word === 'CASE' && isNested && last !== 'END')) open.depth += 1;
  else if (word === 'END' && isNested) open.depth -= 1;
}

/** Only these may hold semicolons of their own. PostgreSQL quotes bodies, except for those of BEGIN ATOMIC. */
function hasBody(words: readonly string[], kind: DatabaseKind): boolean {
  if (words[0] === 'BEGIN') return kind !== 'sqlite' && kind !== 'postgresql' && words[1] === 'NOT';
  if (words[0] !== 'CREATE') return false;
  const what = words
    .slice(1)
    .find((word) => ['TRIGGER', 'PROCEDURE', 'FUNCTION', 'EVENT', 'PACKAGE', 'TABLE', 'VIEW', 'INDEX'].includes(word));
  if (what === undefined) return false;
  return kind === 'sqlite' ? what === 'TRIGGER' : ['TRIGGER', 'PROCEDURE', 'FUNCTION', 'EVENT', 'PACKAGE'].includes(what);
}

function isLineStart(text: string, at: number): boolean {
  return at === 0 || /^[ \t]*$/.test(text.slice(text.lastIndexOf('\n', at - 1) + 1, at));
}

/** Lines are asked for in rising order: each part of the text is counted once. */
function lineCounter(text: string): (offset: number) => number {
  let line = 1;
  let counted = 0;
  return (offset) => {
    if (offset < counted) [line, counted] = [1, 0];
    for (let at = text.indexOf('\n', counted); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) {
      line += 1;
      counted = at + 1;
    }
    return line;
  };
}
