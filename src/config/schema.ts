// The source of truth for branches.config.json: from it come validation, the published JSON Schema and docs/configuration.md.
import { z } from 'zod';
import { COMMIT_COMMANDS } from '../core/commit-commands.ts';
import { BUILT_IN } from '../core/files.ts';
import { FORGES } from '../core/forge.ts';
import { noticesSchema, reportSchema } from './notices-schema.ts';
import { peopleSchema } from './people-schema.ts';
import { approvalsSchema, permissionsSchema, teamsSchema } from './permissions-schema.ts';
import { commandText, duration, keys, secretSource, text } from './schema-parts.ts';
import { transferKeys } from './transfer.ts';
import { serverZoneKeys, zonesKeys } from './zones.ts';
import { isNetwork, parseFailureBudget, PERCENT, relativePathProblem } from './values.ts';

/** `{{ secret NAME }}` would be hard to tell from a variable of this name. */
const RESERVED: readonly string[] = [...BUILT_IN, 'secret'];

const relativePath = z.string().superRefine((value, context) => {
  const problem = relativePathProblem(value);
  if (problem !== null) context.addIssue({ code: 'custom', message: problem });
});

/** A name that people type and that stands in URLs: of a project or a repository. */
const plainName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    'is not a name; letters, digits, ".", "-" and "_" are allowed, a letter or digit first, 64 at most',
  );

/** A link beside `current`. */
const linkName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'is not a plain name; letters, digits, ".", "-" and "_" are allowed, a letter or digit first')
  .refine(
    (name) => !['current', 'next', 'releases', 'shared', 'maintenance', 'maintenance.html', 'maintenance.json'].includes(name),
    'is a name that Lockstep uses itself',
  );

const clusterName = z
  .string()
  .regex(
    /^(?:[A-Za-z0-9]|\{[A-Za-z][A-Za-z0-9]*\})(?:[A-Za-z0-9._-]|\{[A-Za-z][A-Za-z0-9]*\})*$/,
    'is not a name of a cluster; letters, digits, ".", "-", "_" and {name} are allowed, a letter, digit or {name} first',
  )
  .max(100, 'is too long for a name; at most 100 characters are allowed');

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

export const buildSchema = keys({
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

const variables = z
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

const serverObject = keys({
  name: text.optional().meta({
    description: 'What people call it; unique in its cluster.',
    'x-default': 'its host; on this machine the last part of its path',
  }),
  host: text.optional().meta({ description: 'Host name or address, reached by ssh.', 'x-default': 'none: a directory on this machine' }),
  port: z.int().min(1).max(65535).optional().meta({ description: 'Port of its sshd.', 'x-default': '22' }),
  user: text.optional().meta({ description: 'Account on it.', 'x-default': 'the one ssh would choose' }),
  path: text
    .optional()
    .meta({ description: 'Directory that holds `releases/`, `current` and `shared/`.', 'x-default': "the cluster's `path`" }),
  ...serverZoneKeys,
  variables: variables.meta({ description: "Variables for the templates of `files`, over the cluster's.", 'x-default': 'none' }),
});

const command = (timeout: string, description: string) =>
  z
    .union([
      commandText,
      keys({
        run: commandText.meta({ description: 'The command, run by `sh` in the directory of the release.' }),
        timeout: duration('1s').prefault(timeout).meta({ description: 'A command that takes longer is ended and has failed.' }),
      }),
    ])
    .optional()
    .meta({ description });

const migrate = z
  .union([
    commandText,
    keys({
      run: commandText.meta({ description: 'The command, run by `sh` in the directory of the release.' }),
      timeout: duration('1s').prefault('1h').meta({ description: 'A command that takes longer is ended and has failed.' }),
      on: text.optional().meta({
        description: "Name of the server that runs it, or `daemon`: the daemon's machine.",
        'x-default': "the cluster's first server",
      }),
    }),
  ])
  .optional()
  .meta({ description: 'Brings the database structure up to date, once for the cluster, after all servers have switched.' });

const httpCheckObject = keys({
  url: text.meta({ description: 'URL to ask for.' }),
  address: text.optional().meta({
    description: 'Where to connect instead, as `host:port`; the request still names the host of the URL: `{host}:8080`.',
    'x-default': "the URL's own host and port",
  }),
  status: z
    .int()
    .min(100)
    .max(599)
    .optional()
    .meta({ description: 'Status code of a good answer.', 'x-default': "the verification's `expect`" }),
  body: text.optional().meta({ description: 'Text that the body must hold.', 'x-default': 'any body' }),
  headers: z
    .record(z.string().regex(/^[A-Za-z0-9-]+$/, 'is not the name of a header'), text)
    .default({})
    .meta({
      description: 'Headers of the answer and text that each must hold.',
    }),
  latency: duration('1ms')
    .optional()
    .meta({ description: 'Longest time to the end of the answer.', 'x-default': 'the time limit of the check' }),
  when: z.enum(['before-switch', 'before-unlock', 'after-unlock']).default('after-unlock').meta({
    description:
      '`before-switch`: of the new release, where the web server shows it as `<path>/next`, before anything changes; `before-unlock`: behind the maintenance page, at an address that it does not cover; `after-unlock`: when users are back.',
  }),
  times: z.int().min(1).max(1000).default(1).meta({ description: 'How often it is asked in a row; more than once warms caches up.' }),
});

const httpCheck = z.union([text, httpCheckObject], { error: 'must be a URL or an object with url, address, status, body, …' });

const migrations = keys({
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
  servers: z
    .array(z.union([text, serverObject], { error: 'must be "user@host:port" or an object with host, path, …' }))
    .min(1, 'must name at least one server')
    .meta({
      description: 'Its servers: `"deploy@web1.example.org"`, `"deploy@web[1-40].example.org:2222"` for forty of them, or objects.',
    }),
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
  layout: keys({
    kind: z.literal('ab').meta({ description: 'Two links that web servers serve in turn.' }),
    a: linkName.default('production_a').meta({ description: "The one, in the server's `path`." }),
    b: linkName.default('production_b').meta({ description: 'The other one.' }),
    config: text.meta({
      description:
        "The web server's configuration on the servers, whose `root` names one of the two; a relative path counts from the server's `path`.",
    }),
    test: text
      .default('nginx -t')
      .meta({ description: 'Shell command that tests the changed configuration; if it fails, the old one is put back.' }),
    reload: text.default('nginx -s reload').meta({ description: 'Shell command that makes the web server read it.' }),
  })
    .optional()
    .meta({ description: 'How web servers come to the release, see servers.md.', 'x-default': 'they serve `current`' }),
  maintenance: z
    .union(
      [
        z.literal(false),
        keys({
          page: text.optional().meta({
            description: 'HTML file that visitors get meanwhile; a relative path counts from the configuration file.',
            'x-default': 'a built-in page: "We are updating the software. Please try again in several seconds."',
          }),
          lockTimeout: duration('1s')
            .prefault('120s')
            .meta({ description: 'A locked server unlocks itself after this time, even if the daemon never comes back.' }),
          botsTimeout: duration('0s').optional().meta({
            description: 'How long `lock` waits for bots that hold the shared lock; shorter than lockTimeout.',
            'x-type': 'duration',
            'x-default': '`"30s"`, but at most half of lockTimeout',
          }),
        }),
      ],
      { error: 'must be false (no maintenance window) or an object with page, lockTimeout, botsTimeout' },
    )
    .prefault({})
    .meta({
      description: 'The maintenance window of a deployment; `false`: none, servers switch while they serve.',
      'x-default': 'a window with the defaults below',
    }),
  behind: z.enum(['lock', 'drain', 'serve']).optional().meta({
    description:
      'What becomes of a server that was left behind, until it has caught up: `lock` shows the maintenance page, `drain` runs `commands.drain`, `serve` lets it serve what it has.',
    'x-default': '`lock` with a maintenance window, else `drain` with `commands.drain`, else `serve`',
  }),
  commands: keys({
    drain: command('5m', 'Run on every server before it is locked: take it out of the load balancer.'),
    lock: command('5m', 'Run on every server when it has been locked: tell its bots to stop.'),
    install: command(
      '5m',
      'Run on every server after the switch, in the release that it serves from now on, also when going back: crontab, service files.',
    ),
    migrate,
    unlock: command('5m', 'Run on every server when it is unlocked: start its bots again.'),
    flush: command('5m', 'Run on every server after unlocking: flush opcode and application caches.'),
    readd: command('5m', 'Run on every server at the end, when it is well: put it back into the load balancer.'),
  })
    .prefault({})
    .meta({
      description: 'Commands of the steps. `{name}`s of the cluster are filled in; `${name}` is left to the shell.',
      'x-default': 'none',
    }),
  migrations,
  verify: keys({
    http: z
      .array(httpCheck)
      .default([])
      .meta({ description: 'URLs to ask each server for; in them `{host}`, `{server}`, `{release}` and `{revision}` are filled in.' }),
    cluster: z
      .array(httpCheck)
      .default([])
      .meta({ description: 'URLs to ask for once, when every server is well: the site as its users see it.' }),
    heartbeat: command('30s', 'Run on every server after unlocking; it must end with 0.'),
    expect: z.int().min(100).max(599).default(200).meta({ description: 'Status code of checks that name none.' }),
    timeout: duration('100ms').prefault('10s').meta({ description: 'How long a server has to become well.' }),
    watch: duration('0s').prefault('0s').meta({ description: 'For so long after that it must stay well; asked every two seconds.' }),
    log: text.optional().meta({
      description: "File on the servers, from the server's `path` (`shared/log/app.log`), whose end goes into the record of a failure.",
      'x-default': 'none',
    }),
  })
    .optional()
    .meta({ description: 'Checks; a bad one takes the whole cluster back.', 'x-default': 'no checks' }),
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

export type RepositoryInput = z.output<typeof repositorySchema>;
export type BranchInput = z.output<typeof branchSchema>;
export type ClusterInput = z.output<typeof clusterSchema>;
export type PeopleInput = z.output<typeof peopleSchema>;
export type NoticesInput = z.output<typeof noticesSchema>;
export type ServerInput = ClusterInput['servers'][number];
export type HttpCheckInput = z.output<typeof httpCheck>;
