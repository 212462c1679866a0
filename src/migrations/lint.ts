// The lint: statements that take something away from servers that still run the release before, or that stop them meanwhile.
import type { DatabaseKind } from '../core/database-url.ts';
import type { MigrationFile } from './files.ts';
import type { Finding } from './lint-finding.ts';
import { readParsed } from './lint-parsed.ts';
import type { Hit, Reading } from './lint-parsed.ts';
import { isRule, RULES } from './lint-rules.ts';
import { readUnparsed } from './lint-unparsed.ts';
import type { Statement } from './split.ts';

/** Findings in the order of the files. What is done to a table that the same files have created before is nobody's loss. */
export function lint(files: readonly MigrationFile[], kind: DatabaseKind): Finding[] {
  const created = new Set<string>();
  return files.flatMap((file): Finding[] => {
    const unknown = file.allowed.filter((name) => !isRule(name));
    const strange = unknown.map((name): Finding => {
      const message = `"allow ${name}" names no rule; there are: ${Object.keys(RULES).join(', ')}`;
      return { file: file.name, line: 1, rule: 'unknown-rule', message, isGrave: false };
    });
    return [...strange, ...file.statements.flatMap((statement) => findingsOf(file, statement, kind, created))];
  });
}

function findingsOf(file: MigrationFile, statement: Statement, kind: DatabaseKind, created: Set<string>): Finding[] {
  const { reading, problem } = read(statement, kind);
  if (reading === null) {
    const line = statement.line;
    return [{ file: file.name, line, rule: 'unreadable', message: `the statement cannot be checked (${problem})`, isGrave: false }];
  }
  const hits = reading.hits.filter(({ rule, table }) => !file.allowed.includes(rule) && (table === null || !created.has(table)));
  for (const table of reading.creates) created.add(table);
  return hits.map((hit) => ({
    file: file.name,
    line: statement.line + statement.text.slice(0, hit.offset).split('\n').length - 1,
    rule: hit.rule,
    message: messageOf(hit, kind),
    isGrave: true,
  }));
}

function read({ text: written, words }: Statement, kind: DatabaseKind): { reading: Reading | null; problem: string } {
  const text = withoutMarks(written, kind);
  // What they do stands in a string, or elsewhere.
  if (words[0] === 'DO' || words[0] === 'CALL') return { reading: null, problem: `${words[0]} runs code that is not read` };
  try {
    return { reading: readParsed(text, kind), problem: '' };
  } catch (error) {
    const [problem = ''] = (error as Error).message.split('\n');
    return { reading: readUnparsed(text, kind), problem };
  }
}

/** MySQL executes what stands in these comments; the parser would pass over it. As long as before, so that places stay right. */
function withoutMarks(text: string, kind: DatabaseKind): string {
  if (kind === 'postgresql' || kind === 'sqlite' || !/\/\*M?!/.test(text)) return text;
  return text.replace(/\/\*M?!\d*|\*\//g, (mark) => ' '.repeat(mark.length));
}

function messageOf({ rule, table }: Hit, kind: DatabaseKind): string {
  const what = table === null ? '' : `${table}: `;
  if (rule !== 'create-index') return `${what}${RULES[rule]}`;
  const advice =
    kind === 'postgresql'
      ? 'create it CONCURRENTLY, in a file of its own with "-- lockstep: no-transaction"'
      : kind === 'sqlite'
        ? 'allow it if the table is small'
        : 'allow it if the table is small or the engine builds it online';
  return `${what}${RULES[rule]}; ${advice}`;
}
