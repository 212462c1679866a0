// The description of the address of the hooks, and of what delivery-routes.ts serves.
import { body, by, change, common, count, failure, json, listOf, object, orNull, query, ref, text } from './openapi-parts.ts';

const decision = object({ ref: text, action: text, reason: text, deployment: orNull(count), cluster: orNull(text) });

export const hookPaths = {
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

export const deliveryPaths = {
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

export const hookSchemas = {
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
};
