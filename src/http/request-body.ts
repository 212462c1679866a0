// The JSON bodies of the API's requests: read, checked, and turned into precise values.
import type { Request } from 'express';
import { z } from 'zod';
import { ROLES } from '../core/actor.ts';
import type { Actor } from '../core/actor.ts';
import { DeployError } from '../core/errors.ts';
import { visibleLine } from '../core/escape.ts';
import { readBody } from './body.ts';
import { Malformed } from './route.ts';

const LARGEST_BODY = 64 * 1024;
const BODY_TIMEOUT_MS = 10_000;

/** Text that becomes part of a journal line: one line, not too long. */
const line = (limit: number) => z.string().trim().min(1).max(limit).transform(visibleLine);
/** Who asks, as the asking program tells; only who holds the daemon's own token may say so. */
const by = line(100).nullable().default(null);

/** The actor that is recorded: the owner is who they say they are, as the commands do; everybody else has a name of their own. */
export const speaker = (actor: Actor, name: string | null): Actor => (actor.kind === 'owner' && name !== null ? { ...actor, name } : actor);

export const DEPLOY = z.strictObject({
  revision: z.string().min(1).max(200).nullable().default(null),
  force: z.boolean().default(false),
  drift: z.enum(['warn', 'refuse', 'save']).nullable().default(null),
  by,
});
export const ROLLBACK = z.strictObject({
  to: z.string().min(1).max(200).nullable().default(null),
  emergency: z.boolean().default(false),
  by,
});
export const LOCK = z.strictObject({ reason: line(500).default('by hand'), by });
export const REJECT = z.strictObject({ reason: line(500).or(z.literal('')).default(''), by });
export const WHO = z.strictObject({ by });
export const SKIP = z.strictObject({ server: line(100), by });
export const RETRY = z.strictObject({ server: line(100).nullable().default(null), by });
export const TOKEN = z.strictObject({
  name: z.string().max(100),
  role: z.enum(ROLES),
  clusters: z.array(z.string().max(100)).max(100),
  days: z.number().positive().max(1000).nullable().default(null),
  by,
});
export const USER = z.strictObject({
  name: z.string().max(100),
  password: z.string().max(4096),
  role: z.enum(ROLES),
  clusters: z.array(z.string().max(100)).max(100),
  teams: z.array(z.string().max(100)).max(100).default([]),
  by,
});
/** What is left out stays as it is; one of them has to be there. */
export const GRANT = z
  .strictObject({
    role: z.enum(ROLES).optional(),
    clusters: z.array(z.string().max(100)).max(100).optional(),
    teams: z.array(z.string().max(100)).max(100).optional(),
    by,
  })
  .refine(({ role, clusters, teams }) => [role, clusters, teams].some((one) => one !== undefined), {
    message: 'names neither "role" nor "clusters" nor "teams", so there is nothing to change',
  });
export const PASSWORD = z.strictObject({ password: z.string().max(4096), by });
export const MIGRATION = z.strictObject({ done: z.boolean(), by });

/** An empty body is `{}`. Throws `Malformed`, with the key's name first where there is one; anything but JSON is `refused`. */
export async function readJson<T>(request: Request, schema: z.ZodType<T>): Promise<T> {
  const isJson = /^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '');
  // What a form on a web page can send without asking is never JSON: this is a second lock against foreign pages.
  if (!isJson && (hasBody(request) || request.headers['content-type'] !== undefined)) {
    throw new DeployError('refused', 'The body of the request must be of the type application/json.');
  }
  const body = await readBody(request, LARGEST_BODY, BODY_TIMEOUT_MS);
  if (typeof body === 'string')
    throw new Malformed(`the body ${body === 'large' ? `has more than ${LARGEST_BODY} bytes` : 'did not come whole in time'}`);
  const checked = schema.safeParse(parse(body));
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  const path = issue?.path.join('.') ?? '';
  throw new Malformed(visibleLine(`${path === '' ? 'the body' : path}: ${issue?.message ?? 'is not what was expected'}`).slice(0, 300));
}

const LARGEST_FORM = 8 * 1024;

/** The fields of an HTML form. Throws `refused` for any other type, `Malformed` for more than a form of ours has. */
export async function readForm(request: Request): Promise<URLSearchParams> {
  if (!/^application\/x-www-form-urlencoded\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
    throw new DeployError('refused', 'The body of the request must be a form.');
  }
  const body = await readBody(request, LARGEST_FORM, BODY_TIMEOUT_MS);
  if (typeof body === 'string')
    throw new Malformed(`the form ${body === 'large' ? `has more than ${LARGEST_FORM} bytes` : 'did not come whole in time'}`);
  return new URLSearchParams(body.toString('utf8'));
}

function parse(body: Buffer): unknown {
  if (body.length === 0) return {};
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new Malformed('the body is not JSON');
  }
}

const hasBody = (request: Request): boolean =>
  request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
