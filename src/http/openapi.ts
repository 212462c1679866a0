// GET /api/v1/openapi.json: the description of the API, written by hand and checked against the routes by a test.
// https://spec.openapis.org/oas/v3.1.0

import { insightPaths, insightSchemas, pagePaths } from './openapi-insight.ts';
import {
  body,
  by,
  change,
  cluster,
  common,
  count,
  failure,
  json,
  listOf,
  number,
  object,
  orNull,
  plain,
  query,
  ref,
  text,
  unknown,
} from './openapi-parts.ts';
import type { Json } from './openapi-parts.ts';
import { peoplePaths, peopleSchemas } from './openapi-people.ts';

export function openApi(version: string): Json {
  return {
    openapi: '3.1.0',
    info: { title: 'Lockstep', version, license: { name: 'MIT', identifier: 'MIT' } },
    security: [{ token: [] }],
    paths: {
      ...hookPaths,
      ...clusterPaths,
      ...deploymentPaths,
      ...deliveryPaths,
      ...insightPaths,
      ...auditPaths,
      ...peoplePaths,
      ...noticePaths,
      ...pagePaths,
      ...otherPaths,
    },
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' }, browser: { type: 'http', scheme: 'basic' } }, schemas },
  };
}

const hookPaths = {
  '/hooks/{repository}': {
    post: {
      summary: 'Tell that a repository may have changed',
      description:
        'Our own hooks are signed as Standard Webhooks says; webhooks of the forge that the configuration names for the repository, as that forge signs them (docs/hooks.md). With `Accept: text/plain` the answer is its lines.',
      security: [],
      parameters: [
        { name: 'repository', in: 'path', required: true, schema: text },
        ...['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => ({ name, in: 'header', schema: text })),
      ],
      requestBody: { required: true, content: { 'application/json': { schema: { anyOf: [ref('Push'), ref('Commit'), ref('Ping')] } } } },
      responses: {
        200: json('A ping, or a delivery that had been received before.', {
          anyOf: [object({ pong: { const: true } }), ref('HookAnswer')],
        }),
        202: json('Durably accepted.', ref('HookAnswer')),
        400: failure('Authentic, but not understood.'),
        401: failure('No valid signature for this address, for whatever reason.'),
        408: failure('The body did not come whole in time.'),
        413: failure('More than 1 MiB (forges: 25 MiB).'),
        503: failure('Nothing can be accepted now; send it again later.'),
      },
    },
  },
};

const clusterPaths = {
  '/api/v1/clusters': {
    get: { summary: 'All clusters', responses: { ...common, 200: json('Everything an overview shows.', ref('Overview')) } },
  },
  '/api/v1/clusters/{name}': {
    get: { summary: 'One cluster', parameters: [cluster], responses: { ...common, ...unknown, 200: json('The cluster.', ref('Cluster')) } },
  },
  '/api/v1/clusters/{name}/plan': {
    get: {
      summary: 'What a deployment would do, without doing it',
      parameters: [cluster, query('revision', text, "Without it: the head of the cluster's branch.")],
      responses: { ...common, ...unknown, 200: json('The plan.', ref('Plan')), 502: failure('The repository cannot be asked.') },
    },
  },
  '/api/v1/clusters/{name}/deploy': {
    post: {
      summary: 'Deploy',
      parameters: [cluster],
      requestBody: body({
        revision: { ...orNull(text), description: "Null: the head of the cluster's branch." },
        force: { type: 'boolean', default: false, description: 'Even if the revision is live already; its release is brought anew.' },
        drift: {
          ...orNull({ enum: ['warn', 'refuse', 'save'] }),
          description: "What to do about files that were changed on servers; null: as the cluster's `drift.onDeploy` says.",
        },
        by,
      }),
      responses: { ...change, 202: json('Accepted.', ref('Accepted')), 502: failure('The repository cannot be asked.') },
    },
  },
  '/api/v1/clusters/{name}/drift': {
    post: {
      summary: 'Compare every server with what was put there; changes nothing',
      parameters: [cluster],
      requestBody: body({ by }),
      responses: { ...change, 200: json('What was found.', ref('Drift')) },
    },
  },
  '/api/v1/clusters/{name}/releases': {
    get: {
      summary: 'Releases that were live on the cluster, newest first',
      parameters: [cluster],
      responses: { ...common, ...unknown, 200: json('The releases.', object({ releases: listOf(ref('PastRelease')) })) },
    },
  },
  '/api/v1/clusters/{name}/rollback': {
    post: {
      summary: 'Go back to a release that was live',
      parameters: [cluster],
      requestBody: body({
        to: { ...orNull(text), description: 'Name or revision of the release; null: the last good one before the live one.' },
        emergency: { type: 'boolean', default: false, description: 'At once, without maintenance page and verification.' },
        by,
      }),
      responses: { ...change, 202: json('Accepted.', ref('Accepted')) },
    },
  },
  '/api/v1/clusters/{name}/release-hold': {
    post: {
      summary: 'Let the branch head that was rolled back from be deployed again',
      parameters: [cluster],
      requestBody: body({ by }),
      responses: { ...change, 200: json('Released.', ref('Accepted')) },
    },
  },
  '/api/v1/clusters/{name}/lock': {
    post: {
      summary: 'Let deployments wait',
      parameters: [cluster],
      requestBody: body({ reason: { ...text, maxLength: 500 }, by }),
      responses: { ...change, 200: json('Locked.', ref('Accepted')) },
    },
  },
  '/api/v1/clusters/{name}/unlock': {
    post: {
      summary: 'Let deployments go on',
      parameters: [cluster],
      requestBody: body({ by }),
      responses: { ...change, 200: json('Unlocked.', ref('Accepted')) },
    },
  },
};

const deploymentPaths = {
  '/api/v1/deployments': {
    get: {
      summary: 'The history, newest first',
      parameters: [
        query('cluster', text, 'Of this cluster only.'),
        query('before', { type: 'integer', minimum: 1 }, 'With smaller numbers than this: the next page.'),
        query('limit', { type: 'integer', minimum: 1, maximum: 500, default: 50 }, 'At most so many.'),
      ],
      responses: { ...common, 200: json('A page of it.', object({ deployments: listOf(ref('Deployment')) })) },
    },
  },
  '/api/v1/deployments/{number}': {
    get: {
      summary: 'One deployment',
      parameters: [
        number,
        query('servers', { enum: ['odd'] }, 'Only servers that are not well, or have a warning.'),
        query('server', text, 'With `servers=odd`: this one as well.'),
      ],
      responses: { ...common, ...unknown, 200: json('The deployment.', ref('Deployment')) },
    },
  },
  '/api/v1/deployments/{number}/log': {
    get: {
      summary: 'Its log',
      parameters: [number, query('follow', { enum: ['0', '1'] }, '1: until the deployment has ended.')],
      responses: { ...common, ...unknown, 200: plain('Lines of text.', 'text/plain') },
    },
  },
  '/api/v1/deployments/{number}/abort': {
    post: {
      summary: 'Stop it',
      parameters: [number],
      requestBody: body({ by }),
      responses: { ...change, 202: json('Accepted.', ref('Accepted')) },
    },
  },
  ...Object.fromEntries(
    [
      { verb: 'pause', summary: 'Begin nothing new until it is resumed', members: {}, required: [] },
      { verb: 'resume', summary: 'Go on', members: {}, required: [] },
      { verb: 'approve', summary: "Let somebody else's deployment begin that waits for approval", members: {}, required: [] },
      { verb: 'reject', summary: 'Give up a deployment that waits for approval', members: { reason: text }, required: [] },
      { verb: 'skip', summary: 'Leave a server out; it catches up afterwards', members: { server: text }, required: ['server'] },
      { verb: 'retry', summary: 'The same again, or only a server that was left behind', members: { server: orNull(text) }, required: [] },
    ].map(({ verb, summary, members, required }) => [
      `/api/v1/deployments/{number}/${verb}`,
      {
        post: {
          summary,
          parameters: [number],
          requestBody: body({ ...members, by }, required),
          responses: { ...change, 202: json('Accepted.', ref('Accepted')) },
        },
      },
    ]),
  ),
  '/api/v1/deployments/{number}/migration': {
    post: {
      summary: 'Settle a migration of which nobody knows whether it ran',
      parameters: [number],
      requestBody: body({ done: { type: 'boolean', description: 'Does it count as done?' }, by }, ['done']),
      responses: { ...change, 202: json('Accepted.', ref('Accepted')), 502: failure('The database of the migrations cannot be asked.') },
    },
  },
};

const deliveryPaths = {
  '/api/v1/deliveries': {
    get: {
      summary: 'What hooks and webhooks told, newest first, and what came of it',
      parameters: [
        query('repository', text, 'Of this repository only.'),
        query('limit', { type: 'integer', minimum: 1, maximum: 1000, default: 50 }, 'At most so many; the newest 10,000 are kept.'),
      ],
      responses: { ...common, 200: json('The deliveries.', object({ deliveries: listOf(ref('Delivery')) })) },
    },
  },
  '/api/v1/deliveries/{repository}/{id}/replay': {
    post: {
      summary: 'Look at the repository again as if the delivery had just come',
      parameters: [
        { name: 'repository', in: 'path', required: true, schema: text },
        { name: 'id', in: 'path', required: true, schema: text, description: "The sender's id of the delivery." },
      ],
      requestBody: body({ by }),
      responses: { ...change, 202: json('Accepted.', ref('HookAnswer')) },
    },
  },
};

const auditPaths = {
  '/api/v1/audit': {
    get: {
      summary: 'Who did what, from where, and what was refused',
      parameters: [
        query('cluster', text, 'Of this cluster only.'),
        query('since', { ...text, format: 'date-time' }, 'From then on.'),
        query('before', count, 'Entries before this one.'),
        query('limit', count, 'How many; 50 by default, 1000 at most.'),
        query('format', { enum: ['json', 'jsonl', 'csv'] }, '`jsonl` and `csv`: everything that fits, oldest first.'),
      ],
      responses: {
        ...common,
        200: json('Newest first.', object({ entries: listOf(ref('AuditEntry')) })),
        400: failure('The request is malformed.'),
        403: failure('Refused.'),
      },
    },
  },
  '/api/v1/audit/verify': {
    get: {
      summary: 'Is every entry of the audit as it was written?',
      parameters: [query('expect', text, 'Number and hash of an entry that was kept elsewhere: `4711:9f86d0…`.')],
      responses: {
        ...common,
        200: json(
          '`problem` is null when it is.',
          object({ entries: count, newest: orNull(object({ number: count, hash: text })), problem: orNull(text) }),
        ),
        400: failure('The request is malformed.'),
        403: failure('Refused.'),
      },
    },
  },
};

const noticePaths = {
  '/api/v1/notices': {
    get: {
      summary: 'Who is told of deployments, and what did not arrive',
      responses: { ...common, 200: json('Newest first.', ref('Notices')) },
    },
  },
  '/api/v1/notices/{id}/retry': {
    post: {
      summary: 'Send a notice that waits or was given up now',
      parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'integer', minimum: 1 } }],
      requestBody: body({ by }),
      responses: { ...change, 202: json('Accepted.', ref('Accepted')) },
    },
  },
  '/api/v1/notices/targets/{name}/test': {
    post: {
      summary: 'Send a notice of nothing to a target',
      parameters: [{ name: 'name', in: 'path', required: true, schema: text }],
      requestBody: body({ by }),
      responses: { ...change, 200: json('It was taken.', ref('Accepted')) },
    },
  },
};

const otherPaths = {
  '/api/v1/events': {
    get: {
      summary: 'Events as they happen (server-sent events)',
      description: '`data` is an Event. `event: resync`: something was left out, ask for the state anew. A comment comes every 15 s.',
      parameters: [
        query('after', count, 'Begin after this event; without it, with what happens from now on.'),
        { name: 'Last-Event-ID', in: 'header', schema: count, description: 'The same, and stronger.' },
        query('deployment', { type: 'integer', minimum: 1 }, 'With `form=cells`: of this deployment.'),
        query(
          'form',
          { enum: ['cells'] },
          'Compact, at most ten messages a second: `data` is [[server, stage, state, ms], …]: index of the server (-1: once for the cluster), index into the course, 1 began, 2 finished, 3 failed, milliseconds since the request. `event: course`: [{action, step, direction}, …], first and when the deployment turns back. `event: change`: names of other events; ask for the deployment anew. `event: end`: it has ended.',
        ),
      ],
      responses: { ...common, 200: plain('The stream.', 'text/event-stream') },
    },
  },
  '/api/v1/openapi.json': { get: { summary: 'This description', responses: { ...common, 200: json('OpenAPI 3.1.', { type: 'object' }) } } },
  '/metrics': { get: { summary: 'Numbers for Prometheus', responses: { ...common, 200: plain('Text format 0.0.4.', 'text/plain') } } },
  '/livez': { get: { summary: 'Does the daemon run?', security: [], responses: { 200: json('Yes.', object({ live: { const: true } })) } } },
  '/readyz': {
    get: {
      summary: 'Are changes accepted?',
      security: [],
      responses: {
        200: json('Yes.', object({ ready: { const: true } })),
        503: json('No.', object({ ready: { const: false }, reason: text })),
      },
    },
  },
  ...Object.fromEntries(
    ['/clusters/{name}/servers/{server}', '/queue', '/deliveries', '/statistics', '/audit'].map((path) => [
      path,
      {
        get: {
          summary: 'A screen of the page',
          security: [{ token: [] }, { browser: [] }],
          parameters: [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({ name, in: 'path', required: true, schema: text })),
          responses: { ...common, 200: plain('HTML.', 'text/html') },
        },
      },
    ]),
  ),
  '/assets/{file}': {
    get: {
      summary: "A file of the page's own",
      security: [],
      parameters: [{ name: 'file', in: 'path', required: true, schema: text }],
      responses: { 200: plain('Code, styles or a picture.', 'text/javascript'), 404: failure('There is no such file.') },
    },
  },
};

const release = object({ id: text, revision: text, author: text, message: text, live: { ...text, format: 'date-time' } });
const server = { name: text, state: text, release: orNull(text), error: orNull(text) };
const step = { step: text, state: text, direction: text, startedAt: orNull(text), finishedAt: orNull(text), done: count, total: count };
const decision = object({ ref: text, action: text, reason: text, deployment: orNull(count), cluster: orNull(text) });

const schemas = {
  ...peopleSchemas,
  ...insightSchemas,
  Failure: object({ error: object({ code: text, message: text }) }),
  Accepted: object({ message: text, deployment: orNull(count) }),
  Overview: object({ version: text, clusters: listOf(ref('Cluster')), configurationProblem: orNull(text), storeProblem: orNull(text) }),
  Cluster: object({
    cluster: text,
    environment: text,
    state: text,
    release: orNull(release),
    held: orNull(text),
    locked: orNull(text),
    deployment: orNull(count),
    waiting: orNull(count),
    waitsFor: orNull(ref('Wait')),
    skipped: { ...orNull(text), description: 'Why the head of its branch is not deployed, when who committed or pushed it said so.' },
    branches: listOf(object({ repository: text, branch: text })),
    head: {
      ...orNull(object({ revision: text, ahead: orNull(count) })),
      description: 'Head of the branch; `ahead`: commits that are not deployed, null: not counted yet.',
    },
    drifted: listOf(object({ server: text, finding: text, at: { ...text, format: 'date-time' } })),
    servers: listOf(object(server)),
    removed: { ...listOf(text), description: 'Servers that left the configuration; they keep what they serve.' },
  }),
  Wait: {
    ...object({ kind: { enum: ['time', 'approval'] }, until: text, text, needed: count, approvedBy: listOf(text), by: listOf(text) }, [
      'needed',
      'approvedBy',
      'by',
    ]),
    description: 'What a deployment that has not begun waits for, besides its turn.',
  },
  Deployment: object(
    {
      number: count,
      cluster: text,
      repository: text,
      purpose: { enum: ['deploy', 'roll-back', 'emergency', 'catch-up'] },
      branch: text,
      revision: text,
      author: orNull(text),
      message: orNull(text),
      release: orNull(text),
      previous: orNull(text),
      artifact: orNull(text),
      state: text,
      result: orNull(text),
      reason: text,
      problem: orNull(object({ code: text, message: text, detail: orNull(text) })),
      requestedBy: text,
      requestedAt: { ...text, format: 'date-time' },
      waitsFor: orNull(ref('Wait')),
      endedAt: orNull(text),
      supersededBy: orNull(count),
      actions: { ...listOf({ enum: ['abort', 'pause', 'resume', 'skip', 'settle'] }), description: 'What can be asked of it now.' },
      steps: listOf(object(step)),
      servers: listOf(object({ ...server, bytes: count, carrier: orNull(text), warning: orNull(text) })),
    },
    ['actions'],
  ),
  AuditEntry: object({
    number: count,
    at: { ...text, format: 'date-time' },
    actor: text,
    kind: text,
    address: orNull(text),
    action: text,
    cluster: orNull(text),
    deployment: orNull(count),
    text,
    hash: { ...text, description: 'SHA-256 over the hash before, a line feed, and the canonical JSON of the rest.' },
  }),
  PastRelease: object({
    id: text,
    revision: text,
    author: text,
    message: text,
    live: text,
    state: { enum: ['sealed', 'live', 'good', 'failed', 'bad'] },
    reason: orNull(text),
    branch: text,
    deployment: count,
    present: { ...count, description: 'On how many servers it lies.' },
    missing: { ...listOf(text), description: 'Servers that lack it.' },
  }),
  Delivery: object({
    id: text,
    repository: text,
    source: { ...text, description: '`hook`: our own; else the forge.' },
    actor: orNull(text),
    receivedAt: { ...text, format: 'date-time' },
    replayedBy: orNull(text),
    state: { enum: ['open', 'decided'] },
    summary: { ...text, description: 'Why something happened or not, in one sentence.' },
    decisions: listOf(
      object({ ref: text, action: text, reason: text, deployment: orNull(count), cluster: orNull(text), revision: orNull(text) }),
    ),
    replayable: { type: 'boolean', description: 'Who asked for the list may replay it.' },
  }),
  Notices: object({
    targets: listOf(object({ name: text, kind: text, waiting: count, dead: count, deliveredAt: orNull(text), problem: orNull(text) })),
    notices: listOf(
      object({
        id: count,
        target: text,
        state: text,
        summary: text,
        createdAt: { ...text, format: 'date-time' },
        attempts: count,
        nextAt: { ...orNull(text), description: 'Null: it was given up.' },
        error: orNull(text),
      }),
    ),
  }),
  Drift: object({
    cluster: text,
    release: orNull(text),
    skipped: orNull(text),
    drift: { type: 'boolean' },
    servers: listOf(
      object({
        name: text,
        findings: listOf(object({ kind: text, isDrift: { type: 'boolean' }, text })),
        facts: orNull(
          object({
            current: orNull(text),
            freeBytes: count,
            freeInodes: count,
            skewMs: { type: 'integer' },
            rsync: orNull(text),
            agent: text,
          }),
        ),
      }),
    ),
  }),
  Plan: object({
    cluster: text,
    repository: text,
    branch: text,
    revision: text,
    author: text,
    message: text,
    live: orNull(release),
    built: { type: 'boolean' },
    steps: listOf(object({ step: text, what: text })),
    servers: listOf(text),
    verdict: text,
  }),
  Event: object({
    id: count,
    at: { ...text, format: 'date-time' },
    deployment: orNull(count),
    cluster: orNull(text),
    type: text,
    text,
    step: orNull(text),
    server: orNull(text),
  }),
  HookAnswer: object({ delivery: text, decisions: listOf(decision), lines: listOf(text), repeated: { type: 'boolean' } }, ['repeated']),
  Push: object({ repository: text, refs: listOf(object({ ref: text, old: orNull(text), new: text }, ['old'])), actor: orNull(text) }, [
    'repository',
    'actor',
  ]),
  Commit: object({ repository: text, revision: count, author: orNull(text), paths: orNull(listOf(text)) }, [
    'repository',
    'author',
    'paths',
  ]),
  Ping: object({ repository: text, event: { const: 'ping' } }, ['repository']),
};
