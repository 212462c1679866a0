// What a statement does that the lint has a rule for, as the parser reads it.
import { cstVisitor, parse } from 'sql-parser-cst';
import type { AlterActionAddColumn, AlterTableAction, Node, Program } from 'sql-parser-cst';
import type { DatabaseKind } from '../core/database-url.ts';
import type { Rule } from './lint-rules.ts';

/** A thing that a rule is about. `table`: what it is done to, in lower case without quotes. */
export type Hit = { readonly rule: Rule; readonly offset: number; readonly table: string | null };
export type Reading = { readonly hits: readonly Hit[]; readonly creates: readonly string[] };

/** Throws what the parser throws when it cannot read the statement. */
export function readParsed(text: string, kind: DatabaseKind): Reading {
  const program: Program = parse(text, { dialect: kind, includeRange: true });
  const hits: Hit[] = [];
  const creates: string[] = [];
  const hit = (rule: Rule, node: Node, table: Node | null | undefined): void => {
    hits.push({ rule, offset: node.range?.[0] ?? 0, table: table == null ? null : tableName(textOf(table, text)) });
  };
  const first = program.statements[0];
  // Their bodies run later, when somebody calls them.
  if (first !== undefined && /^create_(trigger|procedure|function)_stmt$/.test(first.type)) return { hits, creates };
  cstVisitor({
    create_table_stmt: (node) => {
      if (node.orReplaceKw !== undefined) hit('drop-table', node, node.name);
      // With IF NOT EXISTS it may have been there before.
      if (node.ifNotExistsKw === undefined) creates.push(tableName(textOf(node.name, text)));
    },
    drop_table_stmt: (node) => {
      if (node.kind === undefined) for (const table of node.tables.items) hit('drop-table', node, table);
    },
    drop_schema_stmt: (node) => hit('drop-database', node, null),
    drop_index_stmt: (node) => hit('drop-index', node, node.table),
    drop_view_stmt: (node) => hit('drop-view', node, null),
    drop_function_stmt: (node) => hit('drop-object', node, null),
    drop_procedure_stmt: (node) => hit('drop-object', node, null),
    drop_type_stmt: (node) => hit('drop-object', node, null),
    drop_domain_stmt: (node) => hit('drop-object', node, null),
    drop_sequence_stmt: (node) => hit('drop-object', node, null),
    drop_extension_stmt: (node) => hit('drop-object', node, null),
    rename_table_stmt: (node) => {
      for (const action of node.actions.items) hit('rename-table', action, action.from);
    },
    truncate_stmt: (node) => {
      for (const table of node.tables.items) hit('truncate', node, table);
    },
    delete_stmt: (node) => {
      const clause = node.clauses.find((one) => one.type === 'delete_clause');
      if (!node.clauses.some(({ type }) => type === 'where_clause' || type === 'where_current_of_clause'))
        hit('delete-all', node, clause?.tables.items[0]);
    },
    update_stmt: (node) => {
      const clause = node.clauses.find((one) => one.type === 'update_clause');
      const isLimited = node.clauses.some(({ type }) => type === 'where_clause');
      if (!isLimited) hit('update-all', node, clause?.tables.items[0]);
    },
    create_index_stmt: (node) => {
      if (node.concurrentlyKw === undefined) hit('create-index', node, node.table);
    },
    alter_table_stmt: (node) => {
      for (const action of node.actions.items) {
        const rule = ruleOfAction(action);
        if (rule !== null) hit(rule, action, node.table);
      }
    },
  })(program);
  return { hits, creates };
}

function ruleOfAction(action: AlterTableAction): Rule | null {
  switch (action.type) {
    case 'alter_action_drop_column':
      return 'drop-column';
    case 'alter_action_rename':
      return 'rename-table';
    case 'alter_action_rename_column':
      return 'rename-column';
    case 'alter_action_alter_column':
      return action.action.type === 'alter_action_set_data_type' ? 'change-type' : null;
    case 'alter_action_add_column':
      return lacksValue(action) ? 'add-not-null' : null;
    default:
      return null;
  }
}

/** NOT NULL, and nothing that gives the rows that are there a value. */
function lacksValue({ column }: AlterActionAddColumn): boolean {
  const kinds = column.constraints.map((one) => (one.type === 'constraint' ? one.constraint.type : one.type));
  return kinds.includes('constraint_not_null') && !kinds.some((kind) => /default|generated|auto_increment/.test(kind));
}

const textOf = ({ range }: Node, text: string): string => (range === undefined ? '' : text.slice(...range));

/** `public."Orders" AS o` → `orders` */
export function tableName(written: string): string {
  const [name = ''] = written.trim().split(/\s+(?![^"`[]*["`\]])/);
  return (name.split('.').at(-1) ?? '').replace(/^["`[]|["`\]]$/g, '').toLowerCase();
}
