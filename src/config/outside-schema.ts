// The keys about what servers have beside the files of the repository: shared paths, files from outside, their variables and secrets.
import { z } from 'zod';
import { BUILT_IN } from '../core/files.ts';
import { keys, relativePath, text } from './schema-parts.ts';

/** `{{ secret NAME }}` would be hard to tell from a variable of this name. */
const RESERVED: readonly string[] = [...BUILT_IN, 'secret'];

export const variables = z
  .record(
    z
      .string()
      .regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/, 'is not a name; letters, digits and "_" are allowed, a letter first')
      .refine((name) => !RESERVED.includes(name), `has a meaning of its own; these are taken: ${RESERVED.join(', ')}`),
    z.union([z.string(), z.number(), z.boolean()], { error: 'must be text, a number, true or false' }),
  )
  .optional();

const secretName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/, 'is not a name of a secret; letters, digits and "_" are allowed, a letter first');

const secret = keys({
  file: text
    .optional()
    .meta({ description: 'File that holds it; a relative path counts from the configuration file.', 'x-default': 'none' }),
  environment: text.optional().meta({ description: "Variable of the daemon's environment that holds it.", 'x-default': 'none' }),
  command: text
    .optional()
    .meta({ description: "Command that prints it, run by `sh` on the daemon's machine within 30 s.", 'x-default': 'none' }),
});

const filesSource = z.union(
  [
    text,
    keys({
      repository: text.meta({ description: 'Name of a repository.' }),
      branch: text.meta({ description: 'Branch of it whose head is read at each deployment.' }),
      subdirectory: z
        .union([z.literal('.'), relativePath])
        .default('.')
        .meta({ description: 'Directory of it that holds the layers.' }),
    }),
  ],
  { error: 'must be a directory, or an object with repository, branch and subdirectory' },
);

const shared = z.union(
  [
    relativePath,
    keys({
      path: relativePath.meta({ description: 'The path, as without a seed.' }),
      seed: relativePath.meta({
        description:
          'File (or directory, for a path with a slash at its end) of the release that it begins as, on servers that do not have it yet.',
      }),
    }),
  ],
  { error: 'must be a path, or an object with path and seed' },
);

/** Keys of a cluster. */
export const outsideKeys = {
  shared: z.array(shared).default([]).meta({
    description:
      'Paths that outlive releases, linked into each: files (`config/local.php`), and directories with a slash at the end (`var/uploads/`). `{ "path": …, "seed": … }` says what one begins as.',
  }),
  files: filesSource.optional().meta({
    description:
      'Files from outside the repository, in layers (see docs/files.md): a directory, which counts from the configuration file, or `{ "repository": …, "branch": … }`.',
    'x-default': 'none',
  }),
  variables: variables.meta({
    description: 'Variables for the templates of `files`. No secrets: they would stand in this file.',
    'x-default': 'none',
  }),
  secrets: z.record(secretName, secret).optional().meta({
    description: 'Secrets for the templates of `files`, each by one reference; the daemon reads them when a deployment begins.',
    'x-default': 'none',
  }),
};
