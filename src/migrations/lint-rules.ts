// The rules of the lint: what each looks for endangers servers that still run the release before, or what users can do meanwhile.

export const RULES = {
  'drop-table':
    'the release before still reads it, and its rows are gone for good; drop it in a later release, when nothing uses it any more',
  'drop-column':
    'the release before still reads it, and its values are gone for good; drop it in a later release, when nothing uses it any more',
  'drop-database': 'everything in it is gone for good; do this by hand, with a backup',
  'drop-index': 'queries that need it become slow at once; see that nothing uses it first (and PostgreSQL: drop it CONCURRENTLY)',
  'drop-view': 'the release before still reads it; drop it in a later release, when nothing uses it any more',
  'drop-object': 'the release before still uses it; drop it in a later release, when nothing uses it any more',
  'rename-table': 'the release before still uses the old name; add a table or a view with the new name, move over, drop the old one later',
  'rename-column': 'the release before still uses the old name; add a column, copy the values, drop the old one in a later release',
  truncate: 'all rows are gone for good; delete what is meant with a WHERE',
  'delete-all': 'without WHERE all rows are gone for good; say which are meant',
  'update-all': 'without WHERE every row is written, locked and overwritten; say which are meant, in portions if they are many',
  'create-index': 'the table cannot be written to while the index is built',
  'add-not-null':
    'rows that are there, and those that the release before inserts, have no value for it; give it a default, or allow NULL first',
  'change-type': 'the table may be rewritten and locked meanwhile, and values may not fit; add a column of the new type and move over',
} as const;

export type Rule = keyof typeof RULES;

export const isRule = (name: string): name is Rule => Object.hasOwn(RULES, name);
