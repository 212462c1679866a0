// The source of truth for branches.config.json: from it come validation, the published JSON Schema and docs/configuration.md.
import { z } from 'zod';
import { branchSchema } from './branch-schema.ts';
import { clusterSchema } from './cluster-schema.ts';
import { noticesSchema } from './notices-schema.ts';
import { peopleSchema } from './people-schema.ts';
import { permissionsSchema, teamsSchema } from './permissions-schema.ts';
import { repositorySchema } from './repository-schema.ts';
import { keys } from './schema-parts.ts';

/** A name that people type and that stands in URLs: of a project or a repository. */
const plainName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    'is not a name; letters, digits, ".", "-" and "_" are allowed, a letter or digit first, 64 at most',
  );

const clusterName = z
  .string()
  .regex(
    /^(?:[A-Za-z0-9]|\{[A-Za-z][A-Za-z0-9]*\})(?:[A-Za-z0-9._-]|\{[A-Za-z][A-Za-z0-9]*\})*$/,
    'is not a name of a cluster; letters, digits, ".", "-", "_" and {name} are allowed, a letter, digit or {name} first',
  )
  .max(100, 'is too long for a name; at most 100 characters are allowed');

export const configurationSchema = keys({
  $schema: z.string().optional().meta({ description: 'For editors: `./branches.config.schema.json`.' }),
  project: plainName.meta({ description: 'Name of the project; release names begin with it.' }),
  repositories: z.record(plainName, repositorySchema).meta({ description: 'Repositories by name.' }),
  branches: z.array(branchSchema).meta({
    description:
      'Which branch is deployed to which clusters. An exact branch beats a pattern; of two patterns the one with more literal characters.',
  }),
  clusters: z.record(clusterName, clusterSchema).meta({
    description:
      'Clusters by name. A name with `{name}` in it is a pattern: one cluster for each branch, with `{name}` filled in in its name, its servers and commands.',
  }),
  people: peopleSchema,
  permissions: permissionsSchema,
  teams: teamsSchema,
  notices: noticesSchema,
});
