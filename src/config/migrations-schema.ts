// The keys of the built-in migrations.
import { z } from 'zod';
import { keys, relativePath, secretSource, text } from './schema-parts.ts';

export const migrationsSchema = keys({
  directory: relativePath.meta({ description: 'Directory of the artifact with the files `*.sql`, which run in natural order.' }),
  database: text.meta({
    description:
      'URL without a password: `postgres://user@host/name`, `mysql://…`, `mariadb://…` (with `?tls=verify` or `encrypt`, `?socket=…`), or `sqlite:///absolute/path`.',
  }),
  password: secretSource.optional().meta({ description: 'Where its password stands, read whenever it is needed.' }),
  when: z.enum(['after-switch', 'before-lock']).default('after-switch').meta({
    description:
      '`after-switch`: while the servers are locked. `before-lock`: before the first is locked, for changes that the release before can live with.',
  }),
  lint: z.enum(['off', 'warn', 'refuse']).optional().meta({
    description: 'What is done about destructive statements in new files.',
    'x-default': '`"refuse"` for the environment production, else `"warn"`',
  }),
})
  .optional()
  .meta({
    description:
      'Built-in migrations: SQL files of the release, each executed exactly once (see docs/migrations.md). Instead of `commands.migrate`.',
  });
