// The keys of a branch: which clusters it feeds, and how its artifact is made.
import { z } from 'zod';
import { COMMIT_COMMANDS } from '../core/commit-commands.ts';
import { duration, keys, relativePath, text } from './schema-parts.ts';

export type BranchInput = z.output<typeof branchSchema>;

const version = z
  .union(
    [
      z.literal('tag'),
      keys({
        command: z
          .string()
          .min(1, 'must not be empty')
          .optional()
          .meta({ description: 'The first line that it prints; run after the build, in the same place.', 'x-default': 'none' }),
        file: relativePath.optional().meta({
          description: 'The first line of this file of the artifact; of a `.json` file its field `version`.',
          'x-default': 'none',
        }),
      }),
    ],
    { error: 'must be "tag", or an object with command or file' },
  )
  .optional()
  .meta({
    description:
      'What stands for the revision in the names of releases. `"tag"`: the Git tag at the revision, else the last one before it and the distance, as `git describe` writes them.',
    'x-default': 'the short revision',
  });

const buildSchema = keys({
  command: z
    .string()
    .min(1, 'must not be empty')
    .optional()
    .meta({ description: 'Shell command, run once in a clean export of the revision.', 'x-default': 'none: the export is the artifact' }),
  output: z
    .union([z.literal('.'), relativePath])
    .default('.')
    .meta({ description: 'Directory that becomes the artifact.' }),
  subdirectory: z
    .union([z.literal('.'), relativePath])
    .default('.')
    .meta({ description: 'Directory of the repository that is exported; the rest is left out.' }),
  timeout: duration('1s').prefault('30m').meta({ description: 'A build that takes longer is ended and has failed.' }),
  cache: z.array(relativePath).default([]).meta({ description: 'Directories that survive between builds, such as `node_modules`.' }),
  environment: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'is not a name of a variable; letters, digits and "_" are allowed'), z.string())
    .default({})
    .meta({ description: 'Variables for the build. No secrets: they would stand in this file and in the log.' }),
  network: z.boolean().default(true).meta({ description: 'May the build use the network?' }),
  version,
});

export const branchSchema = keys({
  repository: text.meta({ description: 'Name of a repository.' }),
  branch: text.meta({
    description:
      'Branch that is deployed: a Git branch (`servers/production`) or a Subversion path (`trunk`). `{name}` stands for one path segment or a part of it: `servers/{developer}`.',
  }),
  clusters: z
    .array(text)
    .min(1, 'must name at least one cluster')
    .meta({ description: 'Clusters that it feeds, with the same `{name}`s: `sandbox-{developer}`.' }),
  commitCommands: z.array(z.enum(COMMIT_COMMANDS)).optional().meta({
    description:
      'Commands that are understood in the messages of commits: `[skip deploy]` (or `[deploy skip]`), `[skip ci]` and `[from scratch]`. `[]`: none.',
    'x-default': 'all of them',
  }),
  build: buildSchema.prefault({}).meta({ description: 'How the artifact is made.', 'x-default': 'no build: the export is deployed' }),
});
