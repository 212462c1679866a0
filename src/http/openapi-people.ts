// The description of the routes about people: tokens, users, signing in.
import { ROLES } from '../core/actor.ts';
import { body, by, change, common, failure, json, listOf, object, orNull, plain, query, ref, text } from './openapi-parts.ts';

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
  '/api/v1/users': {
    get: {
      summary: 'Users with a password of ours',
      responses: { ...common, ...forAdmins, 200: json('The users.', object({ users: listOf(ref('User')) })) },
    },
    post: {
      summary: 'Add a user',
      requestBody: body({ name: { ...text, maxLength: 64 }, password: { ...text, minLength: 10 }, ...grant, teams: listOf(text), by }, [
        'name',
        'password',
        'role',
        'clusters',
      ]),
      responses: { ...change, 201: json('Added.', object({ user: ref('User') })) },
    },
  },
  '/api/v1/users/{name}/change': {
    post: {
      summary: 'Change what a user may, or their teams; what is left out stays',
      parameters: [name],
      requestBody: body({ ...grant, teams: listOf(text), by }),
      responses: { ...change, 200: json('Changed; it counts from the next request on.', object({ user: ref('User') })) },
    },
  },
  '/api/v1/users/{name}/remove': {
    post: {
      summary: 'Remove a user; their sessions end',
      parameters: [name],
      requestBody: body({ by }),
      responses: { ...change, 200: json('Removed.', object({ message: text })) },
    },
  },
  '/api/v1/users/{name}/password': {
    post: {
      summary: 'Give a user another password; their sessions end',
      parameters: [name],
      requestBody: body({ password: { ...text, minLength: 10 }, by }, ['password']),
      responses: { ...change, 200: json('Changed.', object({ message: text })) },
    },
  },
  '/login': {
    get: {
      summary: 'The page to sign in with',
      security: [],
      parameters: [query('next', text, 'Path to go to afterwards.')],
      responses: { 200: plain('HTML.', 'text/html') },
    },
    post: {
      summary: 'Sign in',
      security: [],
      requestBody: {
        required: true,
        content: { 'application/x-www-form-urlencoded': { schema: object({ name: text, password: text, next: text }, ['next']) } },
      },
      responses: {
        303: { description: 'Signed in; the session is in a cookie.' },
        401: plain('The name or the password is wrong.', 'text/html'),
        403: failure('Not from a page of this address.'),
        429: plain('Too many attempts; `Retry-After` says when to try again.', 'text/html'),
      },
    },
  },
  '/login/oidc': {
    get: {
      summary: 'Go to the identity provider to sign in',
      security: [],
      responses: { 303: { description: 'To the provider.' }, 409: failure('None is configured.'), 502: failure('It does not answer.') },
    },
  },
  '/login/oidc/return': {
    get: {
      summary: 'Come back from the identity provider',
      security: [],
      responses: { 200: plain('Signed in; the page goes on by itself.', 'text/html'), 401: plain('Not let in.', 'text/html') },
    },
  },
  '/logout': {
    post: {
      summary: 'Sign out',
      security: [],
      responses: { 303: { description: 'Signed out.' }, 403: failure('Not from a page of this address.') },
    },
  },
  '/api/v1/me': {
    get: {
      summary: 'Who one is, and how one can sign in',
      security: [],
      responses: {
        200: json(
          '`actor` is null for who is not known.',
          object({ actor: orNull(ref('Actor')), ways: ref('SignInWays'), version: text }, ['version']),
        ),
      },
    },
  },
};

export const peopleSchemas = {
  Actor: object({ kind: { enum: ['owner', 'user', 'token'] }, name: text, role: text, clusters: listOf(text), teams: listOf(text) }),
  SignInWays: object({ password: { type: 'boolean', description: 'Are there users with a password?' }, oidc: { type: 'boolean' } }),
  User: object({
    name: text,
    role: text,
    clusters: listOf(text),
    teams: listOf(text),
    createdBy: text,
    createdAt: { ...text, format: 'date-time' },
  }),
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
