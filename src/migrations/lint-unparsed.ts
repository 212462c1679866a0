// The same for statements that the parser does not know, by their keywords: MySQL's dialect has many of them.
import type { DatabaseKind } from '../core/database-url.ts';
import { tableName } from './lint-parsed.ts';
import type { Reading } from './lint-parsed.ts';
import type { Rule } from './lint-rules.ts';
import { skeletonOf } from './tokens.ts';

const STATEMENTS: readonly [RegExp, Rule][] = [
  [/^DROP TABLE (?:IF EXISTS )?(\S+)/, 'drop-table'],
  [/^CREATE OR REPLACE TABLE (\S+)/, 'drop-table'],
  [/^DROP (?:DATABASE|SCHEMA)\b/, 'drop-database'],
  [/^DROP INDEX\b/, 'drop-index'],
  [/^DROP (?:MATERIALIZED )?VIEW\b/, 'drop-view'],
  [/^DROP (?:AGGREGATE )?(?:FUNCTION|PROCEDURE|TYPE|SEQUENCE|EVENT|PACKAGE|EXTENSION)\b/, 'drop-object'],
  [/^RENAME TABLES? (?:IF EXISTS )?(\S+)/, 'rename-table'],
  [/^TRUNCATE (?:TABLE )?(\S+)/, 'truncate'],
  [/^DELETE (?:\w+ )*?FROM (\S+)(?!.* WHERE )/, 'delete-all'],
  [/^UPDATE (?:LOW_PRIORITY |IGNORE )*(\S+)(?!.* WHERE )/, 'update-all'],
  [/^CREATE (?:OR REPLACE )?(?:UNIQUE |FULLTEXT |SPATIAL )?INDEX .*? ON (?:ONLY )?([^\s(]+)/, 'create-index'],
];

/** Of ALTER TABLE, in order: the first that fits says what an action is. `null`: harmless. */
const ACTIONS: readonly [RegExp, Rule | null][] = [
  [/^DROP (?:PRIMARY KEY|FOREIGN KEY|CONSTRAINT|CHECK|PARTITION)\b/, null],
  [/^DROP (?:INDEX|KEY)\b/, 'drop-index'],
  [/^DROP\b/, 'drop-column'],
  [/^RENAME (?:INDEX|KEY)\b/, null],
  [/^RENAME COLUMN\b/, 'rename-column'],
  [/^RENAME\b/, 'rename-table'],
  [/^CHANGE (?:COLUMN )?(?:IF EXISTS )?"?([^\s"]+)"? (?!"?\1"? )/, 'rename-column'],
  [/^(?:CHANGE|MODIFY|CONVERT TO)\b/, 'change-type'],
  [/^ALTER (?:COLUMN )?\S+ (?:SET DATA )?TYPE\b/, 'change-type'],
  [/^ADD (?:CONSTRAINT|PRIMARY|FOREIGN|CHECK|PARTITION)\b/, null],
  [/^ADD (?:UNIQUE |FULLTEXT |SPATIAL )?(?:INDEX|KEY)\b|^ADD (?:UNIQUE|FULLTEXT|SPATIAL)\b/, 'create-index'],
  [/^ADD\b(?=.* NOT NULL)(?!.* (?:DEFAULT|AUTO_INCREMENT|GENERATED|AS)\b)/, 'add-not-null'],
  [/^(?:ADD|ALTER|ALGORITHM|LOCK|ENGINE|COMMENT|AUTO_INCREMENT|ENABLE|DISABLE|ROW_FORMAT|DEFAULT|CHARACTER|COLLATE|ORDER)\b/, null],
];

/** `null`: nothing can be said about it. */
export function readUnparsed(text: string, kind: DatabaseKind): Reading | null {
  const skeleton = skeletonOf(text, kind);
  const created = /^CREATE (?:OR REPLACE )?(?:(?:GLOBAL |LOCAL )?TEMP(?:ORARY)? |UNLOGGED )?TABLE (IF NOT EXISTS )?([^\s(]+)/.exec(
    skeleton,
  );
  const alter = /^ALTER (?:ONLINE )?(?:IGNORE )?TABLE (?:IF EXISTS )?(?:ONLY )?(\S+) (.*)$/.exec(skeleton);
  if (alter !== null) return readAlter(tableName(alter[1] ?? ''), alter[2] ?? '');
  // With IF NOT EXISTS it may have been there before.
  const creates = created === null || created[1] !== undefined ? [] : [tableName(created[2] ?? '')];
  for (const [pattern, rule] of STATEMENTS) {
    const match = pattern.exec(skeleton);
    if (match === null) continue;
    const table = match[1] === undefined ? null : tableName(match[1].replace(/[,;(].*$/, ''));
    return { hits: [{ rule, offset: 0, table }], creates };
  }
  return created === null ? null : { hits: [], creates };
}

function readAlter(table: string, actions: string): Reading | null {
  const rules = topLevel(actions).map((action) => ACTIONS.find(([pattern]) => pattern.test(action))?.[1]);
  const hits = rules.flatMap((rule) => (rule === null || rule === undefined ? [] : [{ rule, offset: 0, table }]));
  return hits.length === 0 && rules.includes(undefined) ? null : { hits, creates: [] };
}

/** Parts between commas that stand in no parentheses. */
function topLevel(text: string): string[] {
  const parts = [''];
  let depth = 0;
  for (const one of text) {
    if (one === '(') depth += 1;
    if (one === ')') depth -= 1;
    if (one === ',' && depth === 0) parts.push('');
    else parts.push((parts.pop() ?? '') + one);
  }
  return parts.map((part) => part.trim());
}
