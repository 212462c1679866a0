// Reads the notices of our own hooks (hooks/lockstep-notify): a push to Git, a commit to Subversion, or a ping.
import { DeployError } from '../core/errors.ts';
import type { Change, ChangedRef } from '../core/repository.ts';

const MOST_REFS = 1000;
const MOST_PATHS = 2000;
const MOST_CHARACTERS = 4096;
/** Object ids of SHA-1 and SHA-256 repositories. */
const OBJECT_ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/**
 * `repository` is the name in the request's address, `delivery` its id, `body` UTF-8 JSON that has been authenticated:
 * `{"refs":[{"ref","old","new"}…],"actor"}`, `{"revision","author","paths":[…]|null}` or `{"event":"ping"}`; other keys are ignored.
 * Throws DeployError `refused` for everything else, and nothing but that for any bytes.
 */
export function parseHook(repository: string, delivery: string, body: Uint8Array): Change | { readonly ping: true } {
  const notice = objectIn(body);
  const meant = notice['repository'];
  if (meant !== undefined && meant !== repository) {
    throw malformed(`it is about another repository than ${JSON.stringify(repository)}, whose address it was sent to`);
  }
  if (notice['event'] === 'ping') return { ping: true };
  if (notice['refs'] !== undefined) {
    return { delivery, repository, refs: refsIn(notice['refs']), actor: personIn(notice['actor']), source: 'hook' };
  }
  if (!Number.isSafeInteger(notice['revision'])) throw malformed('it has neither "refs" (Git) nor a "revision" (Subversion)');
  const paths = pathsIn(notice['paths']);
  const change = { delivery, repository, refs: [], actor: personIn(notice['author']), source: 'hook' };
  return paths === null ? change : { ...change, paths };
}

/** A prototype-less look at the JSON object, so that a key such as `constructor` is only there if it was sent. */
function objectIn(body: Uint8Array): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    // A ref that is not UTF-8 gets replacement characters: it names no branch of ours, and the other refs of the push still count.
    parsed = JSON.parse(new TextDecoder().decode(body));
  } catch (error) {
    throw malformed('it is not JSON', error);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw malformed('it is not a JSON object');
  return Object.assign(Object.create(null) as Record<string, unknown>, parsed);
}

/** Each ref once; the last word on it counts. */
function refsIn(value: unknown): ChangedRef[] {
  if (!Array.isArray(value)) throw malformed('"refs" is not a list');
  if (value.length > MOST_REFS) throw malformed(`it has more than ${MOST_REFS} refs`);
  const refs = new Map<string, ChangedRef>();
  for (const [index, entry] of (value as unknown[]).entries()) {
    if (typeof entry !== 'object' || entry === null) throw malformed(`refs[${index}] is not an object`);
    const { ref, old, new: now } = entry as Record<string, unknown>;
    if (typeof ref !== 'string' || !isName(ref)) throw malformed(`refs[${index}].ref is not the name of a ref`);
    if (!isObjectId(now)) throw malformed(`refs[${index}].new is not an object id`);
    if (old !== undefined && old !== null && !isObjectId(old)) throw malformed(`refs[${index}].old is not an object id`);
    const name = ref.startsWith('refs/heads/') ? ref.slice('refs/heads/'.length) : ref;
    if (name === '') throw malformed(`refs[${index}].ref is not the name of a ref`);
    refs.set(name, { ref: name, deleted: /^0+$/.test(now) });
  }
  return [...refs.values()];
}

/** `null`: too many to tell, so anything may have changed. */
function pathsIn(value: unknown): string[] | null {
  if (value === null || value === undefined) return null;
  if (!Array.isArray(value)) throw malformed('"paths" is not a list');
  if (value.length > MOST_PATHS) return null;
  const paths = new Set<string>();
  for (const [index, path] of (value as unknown[]).entries()) {
    if (typeof path !== 'string' || (path !== '' && !isName(path))) throw malformed(`paths[${index}] is not a path`);
    paths.add(path.split('/').filter(Boolean).join('/'));
  }
  return [...paths];
}

/** Who did it is worth knowing, but no reason to refuse a notice. */
function personIn(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  const name = value
    .replace(/[\p{Cc}\p{Cs}]/gu, '')
    .trim()
    .slice(0, 200);
  return name === '' ? null : name;
}

/**
 * Neither Git nor Subversion allows the control characters of ASCII in names (those of Unicode, they do); half of a surrogate pair
 * would not survive being stored.
 */

const isName = (text: string): boolean => text !== '' && text.length <= MOST_CHARACTERS && !/[\u0000-\u001f\u007f\p{Cs}]/u.test(text);

const isObjectId = (value: unknown): value is string => typeof value === 'string' && OBJECT_ID.test(value);

const malformed = (why: string, cause?: unknown): DeployError =>
  new DeployError(
    'refused',
    `The notice cannot be understood: ${why}. Is the hook of another version? Run: lockstep hooks install`,
    null,
    cause,
  );
