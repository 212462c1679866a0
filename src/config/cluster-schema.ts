// The keys of a cluster: those of a few lines stand here, the groups in files of their own.
import { z } from 'zod';
import { commandsSchema } from './commands-schema.ts';
import { layoutSchema } from './layout-schema.ts';
import { maintenanceKeys } from './maintenance-schema.ts';
import { migrationsSchema } from './migrations-schema.ts';
import { outsideKeys } from './outside-schema.ts';
import { approvalsSchema } from './permissions-schema.ts';
import { duration, keys, text } from './schema-parts.ts';
import { serversSchema } from './servers-schema.ts';
import { transferKeys } from './transfer.ts';
import { parseFailureBudget, PERCENT } from './values.ts';
import { verifySchema } from './verify-schema.ts';
import { zonesKeys } from './zones.ts';

export type ClusterInput = z.output<typeof clusterSchema>;

export const clusterSchema = keys({
  environment: z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/,
      'is not a word; write development, test, preproduction, gray, production, or a word of your own',
    )
    .optional()
    .meta({
      description: 'development, test, preproduction, gray, production, or a word of your own.',
      'x-default':
        "the cluster's name if it is one of these words, else development for a cluster with `{name}` or called dev or sandbox, test for demo, staging, stage, qa, preview, beta or integration, else production",
    }),
  path: text
    .optional()
    .meta({ description: 'Default of `path` for its servers. On this machine it may count from the configuration file (`./var/site`).' }),
  servers: serversSchema,
  transport: z.literal('simulated').optional().meta({
    description: '`simulated`: the servers exist only in memory, for trying out.',
    'x-default': 'ssh for servers with a host, else this machine',
  }),
  approvals: approvalsSchema,
  allowedSigners: text.optional().meta({
    description:
      'File of trusted keys (ssh-keygen(1), ALLOWED SIGNERS): only heads whose commit is signed by one of them are deployed. A relative path counts from the configuration file.',
    'x-default': 'none: commits need no signature',
  }),
  simulation: keys({
    delay: duration('0ms').prefault('20ms').meta({ description: 'Longest time of one operation.' }),
    failures: z
      .string()
      .regex(PERCENT, 'is not a percentage such as "1%"')
      .transform((value) => Number.parseFloat(value) / 100)
      .prefault('0%')
      .meta({ description: 'How many operations fail.', 'x-type': 'percentage' }),
  })
    .optional()
    .meta({ description: 'How simulated servers behave.' }),
  ...transferKeys,
  ...zonesKeys,
  concurrency: z.int().min(1).max(10_000).default(10).meta({ description: 'At most this many servers are in `upload` at a time.' }),
  connections: z
    .int()
    .min(1)
    .max(1000)
    .default(32)
    .meta({ description: 'At most this many connections are being opened at a time; fewer while servers turn some away.' }),
  maxFailures: z
    .union([z.int().min(0, 'must not be below 0'), z.string().regex(PERCENT, 'is not a percentage such as "5%"')], {
      error: 'must be a number of servers or a percentage such as "5%"',
    })
    .prefault(0)
    .transform(parseFailureBudget)
    .meta({
      description:
        'So many servers may fail or be unreachable before the cutover without stopping the others: a number, or `"5%"` of the cluster.',
      'x-type': 'number or percentage',
    }),
  ...outsideKeys,
  layout: layoutSchema,
  ...maintenanceKeys,
  commands: commandsSchema,
  migrations: migrationsSchema,
  verify: verifySchema,
  keep: z.int().min(1).max(1000).default(5).meta({ description: 'How many releases that were live stay on the servers, to roll back to.' }),
  keepFailed: z.int().min(0).max(100).default(2).meta({ description: 'How many failed or bad releases stay there too, to be looked at.' }),
  forcePush: z.boolean().optional().meta({
    description: 'May a branch head that does not descend from the live revision be deployed?',
    'x-default': 'true, but false for the environment production',
  }),
  drift: keys({
    check: z
      .union([z.literal(false), duration('1s')], { error: 'must be false or a duration such as "1h"' })
      .prefault('1h')
      .meta({
        description: 'How often every server is looked at for files that somebody changed there; `false`: never.',
        'x-type': 'duration or false',
      }),
    onDeploy: z.enum(['warn', 'refuse', 'save']).default('warn').meta({
      description:
        'When a deployment finds them: `warn` goes on and names them, `refuse` lets the server fail, `save` first copies them to `.lockstep/saved` on the server.',
    }),
  })
    .prefault({})
    .meta({ description: 'Files that somebody changed on a server by hand.', 'x-default': 'a look every hour; a deployment warns' }),
  ssh: keys({
    identity: text
      .optional()
      .meta({ description: 'Private key; a relative path counts from the configuration file.', 'x-default': "the daemon's own" }),
    knownHosts: text.optional().meta({ description: 'File of trusted host keys.', 'x-default': "the daemon's own" }),
    keep: duration('0s')
      .prefault('10m')
      .meta({ description: 'How long an idle connection stays open for the next deployment; `0s`: not at all.' }),
  })
    .prefault({})
    .meta({ description: 'How ssh finds its keys, and how long connections stay open.' }),
});
