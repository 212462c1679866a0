// The description of what notice-routes.ts serves.
import { body, by, change, common, count, json, listOf, object, orNull, ref, text } from './openapi-parts.ts';

export const noticePaths = {
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

export const noticeSchemas = {
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
};
