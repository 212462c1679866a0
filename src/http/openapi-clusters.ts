// The description of what cluster-routes.ts serves.
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
  object,
  orNull,
  query,
  ref,
  server,
  text,
  unknown,
} from './openapi-parts.ts';

const release = object({ id: text, revision: text, author: text, message: text, live: { ...text, format: 'date-time' } });

export const clusterPaths = {
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

export const clusterSchemas = {
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
};
