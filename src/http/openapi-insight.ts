// The description of what insight-routes.ts serves.
import {
  cluster,
  common,
  count,
  failure,
  json,
  listOf,
  milliseconds,
  number,
  object,
  orNull,
  plain,
  query,
  ref,
  text,
  time,
  unknown,
} from './openapi-parts.ts';

const noRepository = { 502: failure('The repository cannot be asked.') };

export const insightPaths = {
  '/api/v1/clusters/{name}/commits': {
    get: {
      summary: 'Commits of the branch that are not deployed yet, newest first, at most 50',
      parameters: [cluster],
      responses: { ...common, ...unknown, ...noRepository, 200: json('From what is live to the head.', ref('Commits')) },
    },
  },
  '/api/v1/clusters/{name}/configuration': {
    get: {
      summary: 'The configuration in force',
      description: 'Secrets are named by where they are, never by what they are.',
      parameters: [cluster],
      responses: { ...common, ...unknown, 200: json('The settings.', ref('Configuration')) },
    },
  },
  '/api/v1/clusters/{name}/access': {
    get: {
      summary: 'Who may do what to the cluster, and what of it who asks may',
      parameters: [cluster],
      responses: { ...common, ...unknown, 200: json('`refusal` is null for what who asks may.', ref('Access')) },
    },
  },
  '/api/v1/deployments/{number}/access': {
    get: {
      summary: "Who may do what to the deployment's cluster, and whether who asks can approve the deployment",
      parameters: [number],
      responses: { ...common, ...unknown, 200: json('`refusal` is null for what who asks may.', ref('Access')) },
    },
  },
  '/api/v1/deployments/{number}/times': {
    get: {
      summary: 'When each server began and finished each stage, and how long stages usually take',
      parameters: [number],
      responses: { ...common, ...unknown, 200: json('The times.', ref('Times')) },
    },
  },
  '/api/v1/deployments/{number}/changes': {
    get: {
      summary: 'Commits and files between what was live and the revision of the deployment',
      parameters: [number],
      responses: { ...common, ...unknown, ...noRepository, 200: json('At most 50 commits and 500 files.', ref('Changes')) },
    },
  },
  '/api/v1/servers/{name}/{server}': {
    get: {
      summary: 'One server: its releases, its state, and its last deployments',
      parameters: [cluster, { name: 'server', in: 'path', required: true, schema: text }],
      responses: { ...common, ...unknown, 200: json('The server.', ref('Server')) },
    },
  },
  '/api/v1/queue': {
    get: { summary: 'What waits, and for what', responses: { ...common, 200: json('The queue.', ref('Queue')) } },
  },
  '/api/v1/statistics': {
    get: {
      summary: 'How often, how long, how many went wrong and how soon they were mended',
      parameters: [
        query('since', text, 'A date or time (ISO 8601), or a span like `30d`, `12w`; without it `90d`.'),
        query('cluster', text, 'Of this cluster only.'),
      ],
      responses: { ...common, ...unknown, 200: json('The figures, with their definitions.', ref('Statistics')) },
    },
  },
};

const inBrowser = { security: [{ token: [] }, { browser: [] }] };

/** What is read by people without a script, by feed readers and by wall displays: the token also counts as the password of basic authentication. */
export const pagePaths = {
  '/': { get: { summary: 'The overview, as HTML', ...inBrowser, responses: { ...common, 200: plain('HTML.', 'text/html') } } },
  '/clusters/{name}': {
    get: {
      summary: 'One cluster, as HTML',
      ...inBrowser,
      parameters: [cluster],
      responses: { ...common, ...unknown, 200: plain('HTML.', 'text/html') },
    },
  },
  '/deployments/{number}': {
    get: {
      summary: 'One deployment, as HTML',
      ...inBrowser,
      parameters: [number],
      responses: { ...common, ...unknown, 200: plain('HTML.', 'text/html') },
    },
  },
  '/deployments/{number}/log': {
    get: {
      summary: 'Its log',
      ...inBrowser,
      parameters: [number],
      responses: { ...common, ...unknown, 200: plain('Lines of text.', 'text/plain') },
    },
  },
  '/api/v1/clusters/{name}/badge.svg': {
    get: {
      summary: 'Its state as a picture',
      ...inBrowser,
      parameters: [cluster],
      responses: { ...common, ...unknown, 200: plain('SVG.', 'image/svg+xml') },
    },
  },
  '/cctray.xml': {
    get: {
      summary: 'All clusters, for build monitors (CCTray)',
      ...inBrowser,
      responses: { ...common, 200: plain('XML.', 'application/xml') },
    },
  },
  '/feed.atom': {
    get: {
      summary: 'The newest deployments, for feed readers (Atom)',
      ...inBrowser,
      parameters: [query('cluster', text, 'Of this cluster only.')],
      responses: { ...common, 200: plain('Atom.', 'application/atom+xml') },
    },
  },
};

const commit = object({ revision: text, author: text, message: text, at: time });
const stage = { action: text, step: text, direction: text };
const orCount = orNull(count);
const rate = orNull({ type: 'number', minimum: 0 });

const figures = {
  deployments: count,
  results: object({ done: count, failed: count, aborted: count, 'rolled-back': count }),
  changes: count,
  changesPerWeek: { type: 'number', minimum: 0 },
  leadTimeMs: rate,
  failedChanges: count,
  changeFailureRate: rate,
  timeToRecoveryMs: rate,
  cutoverMs: rate,
  longestCutoverMs: rate,
  durationMs: rate,
  waitedMs: rate,
};

export const insightSchemas = {
  Access: object({
    cluster: text,
    you: object({ name: text, role: text }),
    deeds: listOf(object({ deed: text, role: text, who: orNull(listOf(text)), refusal: orNull(text) })),
    approvals: orNull(object({ needed: count, by: listOf(text) })),
  }),
  Times: object({
    deployment: count,
    cluster: text,
    requestedAt: { ...count, description: 'Milliseconds since 1970.' },
    servers: { ...listOf(text), description: 'Elsewhere servers are indices into this list.' },
    stages: listOf(
      object({
        ...stage,
        scope: { enum: ['server', 'cluster'] },
        state: text,
        startedMs: { ...milliseconds, description: 'After the request; -1: not yet.' },
        finishedMs: milliseconds,
        total: count,
        done: count,
        failed: count,
        began: { ...listOf(milliseconds), description: "By server, after the stage's start; what is missing at the end is -1." },
        took: { ...listOf(milliseconds), description: 'By server; -1: not finished.' },
        failures: listOf(count),
      }),
    ),
    event: { ...count, description: 'Go on with the stream after this event.' },
    estimate: listOf(object({ action: text, ms: count, deployments: count })),
  }),
  Server: object({
    cluster: text,
    name: text,
    state: text,
    release: orNull(text),
    error: orNull(text),
    host: text,
    user: orNull(text),
    path: text,
    transport: text,
    behind: { type: 'boolean' },
    drift: orNull(object({ finding: text, at: time })),
    releases: listOf(object({ id: text, revision: text, state: text, current: { type: 'boolean' } })),
    contact: {
      ...orNull(object({ at: time, freeBytes: count, freeInodes: count })),
      description: 'When it last answered; null: not since the daemon started.',
    },
    deployments: listOf(
      object({
        number: count,
        requestedAt: time,
        steps: listOf(
          object({ action: text, direction: text, startedMs: milliseconds, tookMs: milliseconds, failed: { type: 'boolean' } }),
        ),
      }),
    ),
  }),
  Queue: object({
    waiting: listOf(
      object({
        deployment: orCount,
        cluster: text,
        waitsFor: text,
        kind: { enum: ['deployment', 'lock', 'pause', 'operator', 'hold', 'server'] },
        since: orNull(time),
        revision: orNull(text),
        requestedBy: orNull(text),
      }),
    ),
    running: listOf(object({ deployment: count, cluster: text, state: text, since: time, requestedBy: text })),
  }),
  Commits: object({
    cluster: text,
    repository: text,
    branch: text,
    base: orNull(text),
    head: orNull(text),
    commits: listOf(commit),
    total: orCount,
    diverged: { type: 'boolean', description: 'What is live is not in the history of the head.' },
  }),
  Changes: object({
    deployment: count,
    base: orNull(text),
    head: text,
    commits: listOf(commit),
    totalCommits: orCount,
    files: listOf(object({ path: text, change: { enum: ['added', 'changed', 'deleted'] } })),
    totalFiles: orCount,
    diverged: { type: 'boolean' },
  }),
  Configuration: object({
    cluster: text,
    hash: { ...text, description: 'SHA-256 of the file and the pages that it names.' },
    loadedAt: time,
    problem: orNull(text),
    branch: orNull(object({ repository: text, branch: text, url: text, type: text, build: { type: 'object' } })),
    settings: { type: 'object' },
  }),
  Statistics: object({
    since: time,
    until: time,
    total: object(figures),
    clusters: listOf(object({ cluster: text, environment: text, ...figures })),
    environments: listOf(object({ environment: text, ...figures })),
    weeks: listOf(object({ week: { ...text, description: 'Its Monday, UTC.' }, ...figures })),
    slowest: listOf(object({ cluster: text, server: text, times: count, slowerByMs: { type: 'number' } })),
    truncated: { type: 'boolean' },
    definitions: { type: 'object', additionalProperties: text },
  }),
};
