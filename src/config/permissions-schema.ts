// Keys about people: who may do what, teams, and approvals.
import { z } from 'zod';
import { ACTIONS, WHO } from '../core/permission.ts';
import { duration, keys, text } from './schema-parts.ts';

const person = z
  .string()
  .regex(
    WHO,
    'is nobody; write a name, "user:NAME", "pusher:NAME", "token:NAME", "team:NAME", "role:viewer", "deployer", "operator" or "admin", or "*"',
  );

const people = z.array(person).min(1, 'must name somebody');

export const permissionsSchema = z
  .array(
    keys({
      who: people.meta({
        description:
          'A name means a user and a pusher of that name; `user:`, `pusher:`, `token:`, `team:` and `role:` say it closer; `*`: everybody, and heads of which nobody knows who pushed them.',
      }),
      may: z.array(z.enum(ACTIONS)).min(1, 'must name at least one action').meta({
        description:
          '`deploy` (also retry, release a hold), `rollback` (also in an emergency), `abort`, `pause` (also resume, skip a server), `lock` (and unlock), `settle` (a migration), `approve` (and reject).',
      }),
      clusters: z.array(text).min(1, 'must name at least one cluster').default(['*']).meta({
        description: 'Names of clusters; `*` stands for any characters: `sandbox-*`.',
      }),
    }),
  )
  .max(1000)
  .optional()
  .meta({
    description: 'Who may do what, beside what their role allows (see docs/permissions.md). With any rule, what no rule allows is refused.',
    'x-default': 'none: roles alone decide, and who can push may deploy',
  });

export const teamsSchema = z
  .record(text, z.array(person))
  .optional()
  .meta({ description: 'Teams by name, for `team:NAME`, beside those that people are signed in with.', 'x-default': 'none' });

export const approvalsSchema = keys({
  needed: z.int().min(1).max(10).default(1).meta({ description: 'How many people have to approve.' }),
  by: people.default(['role:operator']).meta({ description: 'Who may approve, as in `permissions`. A token only where it is named.' }),
  expires: duration('1s').prefault('24h').meta({ description: 'A deployment that is not approved by then is given up.' }),
})
  .optional()
  .meta({
    description:
      'Deployments of this cluster, and roll backs that are no emergency, wait until somebody else approves them (see docs/permissions.md).',
    'x-default': 'none are needed',
  });
