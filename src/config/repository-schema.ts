// The keys of a repository: where it is, how the daemon gets in, and whose hooks it believes.
import { z } from 'zod';
import { FORGES } from '../core/forge.ts';
import { reportSchema } from './notices-schema.ts';
import { duration, keys, text } from './schema-parts.ts';
import { isNetwork } from './values.ts';

export type RepositoryInput = z.output<typeof repositorySchema>;

const hosts = z
  .array(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9.:-]*$/, 'is not a host name'))
  .min(1, 'must name at least one host, or be false');

export const repositorySchema = keys({
  type: z.enum(['git', 'svn']).meta({ description: 'Kind of repository.' }),
  url: text.meta({
    description:
      'Where the daemon reads it: `ssh://`, `https://`, `user@host:path` (Git), `svn+ssh://`, `https://`, `svn://` (Subversion), `file://`, or a path; a relative path counts from the configuration file. No passwords.',
  }),
  poll: duration('1s').prefault('3m').meta({ description: 'How often the daemon asks for new heads by itself, in case a hook got lost.' }),
  submodules: z
    .union([z.literal(false), hosts], { error: 'must be false or a list of host names' })
    .default(false)
    .meta({ description: 'Git: export submodules too, from these hosts only (`file`: repositories on this machine).' }),
  lfs: z.boolean().default(false).meta({ description: 'Git: replace Large File Storage pointers by their files.' }),
  externals: z
    .union([z.literal(false), hosts], { error: 'must be false or a list of host names' })
    .default(false)
    .meta({ description: 'Subversion: follow `svn:externals`, to these hosts only (`file`: repositories on this machine).' }),
  username: text.optional().meta({ description: 'Account, for `https://` and `svn://`.' }),
  passwordFile: text
    .optional()
    .meta({ description: 'File that holds its password, read whenever it is needed. Passwords never stand here.' }),
  identity: text.optional().meta({ description: 'Private key for `ssh`.', 'x-default': "the account's own" }),
  knownHosts: text.optional().meta({ description: 'File of trusted host keys for `ssh`.', 'x-default': "the account's own" }),
  forge: z.enum(FORGES).optional().meta({
    description:
      'Git: where it is hosted, so that its webhooks are understood; `lockstep hooks secret` says what to enter there. Our own hooks are understood always.',
    'x-default': 'none: our own hooks only',
  }),
  hookSources: z
    .array(z.string().refine(isNetwork, 'is not an address or a network such as "192.30.252.0/22" or "2606:50c0::/32"'))
    .max(1000)
    .default([])
    .meta({
      description:
        'Hooks and webhooks are taken from these addresses and networks only, our own hooks too. It is the address that connects to the daemon, so of a proxy where there is one.',
      'x-default': 'from everywhere',
    }),
  report: reportSchema,
});
