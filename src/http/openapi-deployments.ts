// The description of what deployment-routes.ts serves.
import {
  body,
  by,
  change,
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
  server,
  text,
  unknown,
} from './openapi-parts.ts';

const step = { step: text, state: text, direction: text, startedAt: orNull(text), finishedAt: orNull(text), done: count, total: count };

export const deploymentPaths = {
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

export const deploymentSchemas = {
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
  Wait: {
    ...object({ kind: { enum: ['time', 'approval'] }, until: text, text, needed: count, approvedBy: listOf(text), by: listOf(text) }, [
      'needed',
      'approvedBy',
      'by',
    ]),
    description: 'What a deployment that has not begun waits for, besides its turn.',
  },
};
