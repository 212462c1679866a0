// What descriptions of routes are put together from.

export type Json = Readonly<Record<string, unknown>>;

/** Kept open on purpose: views gain fields, and a reader that refuses unknown ones would break. */
export const text = { type: 'string' };
export const count = { type: 'integer', minimum: 0 };
/** -1: not yet. */
export const milliseconds = { type: 'integer', minimum: -1 };
export const time = { ...text, format: 'date-time' };
export const orNull = (schema: Json): Json => ({ anyOf: [schema, { type: 'null' }] });
export const listOf = (items: Json): Json => ({ type: 'array', items });
export const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
export const object = (properties: Json, optional: readonly string[] = []): Json => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
});

/** A server of a cluster or deployment. */
export const server = { name: text, state: text, release: orNull(text), error: orNull(text) };

export const cluster = { name: 'name', in: 'path', required: true, schema: text, description: "The cluster's name." };
export const number = {
  name: 'number',
  in: 'path',
  required: true,
  schema: { type: 'integer', minimum: 1 },
  description: "The deployment's number.",
};
export const query = (name: string, schema: Json, description: string): Json => ({ name, in: 'query', schema, description });

export const json = (description: string, schema: Json): Json => ({ description, content: { 'application/json': { schema } } });
export const plain = (description: string, type: string): Json => ({ description, content: { [type]: { schema: text } } });
export const failure = (description: string): Json => json(description, ref('Failure'));

export const body = (properties: Json, required: readonly string[] = []): Json => ({
  required: required.length > 0,
  content: { 'application/json': { schema: { type: 'object', additionalProperties: false, properties, required } } },
});
export const by = { ...text, maxLength: 100, description: 'Who asks; shown in the history.' };

export const common = { 401: failure('The token is missing or wrong.') };
export const unknown = { 404: failure('There is no such cluster or deployment.') };
export const change = {
  ...common,
  ...unknown,
  400: failure('The request is malformed.'),
  403: failure('Refused.'),
  409: failure('Not possible in this state; the message says why.'),
  503: failure('The journal cannot be written: nothing was accepted.'),
};
