// The description of what audit-routes.ts serves.
import { common, count, failure, json, listOf, object, orNull, query, ref, text } from './openapi-parts.ts';

export const auditPaths = {
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

export const auditSchemas = {
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
};
