// GET /api/v1/openapi.json: the description of the API, written by hand and checked against the routes by a test.
// https://spec.openapis.org/oas/v3.1.0

import { auditPaths, auditSchemas } from './openapi-audit.ts';
import { clusterPaths, clusterSchemas } from './openapi-clusters.ts';
import { deploymentPaths, deploymentSchemas } from './openapi-deployments.ts';
import { hookPaths, hookSchemas, deliveryPaths } from './openapi-hooks.ts';
import { insightPaths, insightSchemas, pagePaths } from './openapi-insight.ts';
import { noticePaths, noticeSchemas } from './openapi-notices.ts';
import { common, count, failure, json, object, orNull, plain, query, text } from './openapi-parts.ts';
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

const schemas = {
  ...hookSchemas,
  ...clusterSchemas,
  ...deploymentSchemas,
  ...insightSchemas,
  ...auditSchemas,
  ...peopleSchemas,
  ...noticeSchemas,
  Failure: object({ error: object({ code: text, message: text }) }),
  Accepted: object({ message: text, deployment: orNull(count) }),
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
};
