// The description of the routes about people: tokens.
import { ROLES } from '../core/actor.ts';
import { body, by, change, common, failure, json, listOf, object, orNull, ref, text } from './openapi-parts.ts';

const name = { name: 'name', in: 'path', required: true, schema: text, description: 'Its name.' };
const grant = {
  role: { enum: ROLES, description: 'Each may what those before it may.' },
  clusters: { ...listOf(text), description: 'Clusters that the role is for; `*` in a name stands for any characters.' },
};
const forAdmins = { 403: failure('Not for your role, or not for your clusters.') };

export const peoplePaths = {
  '/api/v1/tokens': {
    get: {
      summary: 'Tokens that were given to somebody',
      responses: { ...common, ...forAdmins, 200: json('The tokens, without their secrets.', object({ tokens: listOf(ref('Token')) })) },
    },
    post: {
      summary: 'Make a token',
      requestBody: body(
        {
          name: { ...text, maxLength: 64 },
          ...grant,
          days: { ...orNull({ type: 'number' }), description: 'How long it is valid; null: 90 days. At most 366.' },
          by,
        },
        ['name', 'role', 'clusters'],
      ),
      responses: {
        ...change,
        201: json('Made. `secret` is shown this once.', object({ token: ref('Token'), secret: text })),
      },
    },
  },
  '/api/v1/tokens/{name}/revoke': {
    post: {
      summary: 'Let nobody come in with it any more',
      parameters: [name],
      requestBody: body({ by }),
      responses: { ...change, 200: json('Revoked.', object({ token: ref('Token') })) },
    },
  },
};

export const peopleSchemas = {
  Token: object({
    name: text,
    role: text,
    clusters: listOf(text),
    createdBy: text,
    createdAt: { ...text, format: 'date-time' },
    expiresAt: { ...text, format: 'date-time' },
    usedAt: { ...orNull(text), description: 'To the minute.' },
    state: { enum: ['valid', 'expired', 'revoked'] },
  }),
};
