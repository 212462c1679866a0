// Reads the notices of our own hooks (hooks/lockstep-notify): a push to Git, a commit to Subversion, or a ping.
import type { DeployError } from '../core/errors.ts';
import type { Change, ChangedRef } from '../core/repository.ts';
import { isName, isNothing, isObjectId, personIn, shortRef } from './names.ts';
import { malformed as malformedFor, payloadOf } from './payload.ts';
import type { Payload } from './payload.ts';

const MOST_REFS = 1000;
const MOST_PATHS = 2000;
const MOST_OPTIONS = 50;
const REMEDY = 'Is the hook of another version? Run: lockstep hooks install';

/**
 * `repository` is the name in the request's address, `delivery` its id, `body` UTF-8 JSON that has been authenticated:
 * `{"refs":[{"ref","old","new"}…],"actor"}`, `{"revision","author","paths":[…]|null}` or `{"event":"ping"}`; other keys are ignored.
 * Throws DeployError `refused` for everything else, and nothing but that for any bytes.
 */
export function parseHook(repository: string, delivery: string, body: Uint8Array): Change | { readonly ping: true } {
  const notice = payloadOf({}, body, REMEDY);
  const meant = notice['repository'];
  if (meant !== undefined && meant !== repository) {
    throw malformed(`it is about another repository than ${JSON.stringify(repository)}, whose address it was sent to`);
  }
  if (notice['event'] === 'ping') return { ping: true };
  if (notice['refs'] !== undefined) {
    const change = { delivery, repository, refs: refsIn(notice['refs']), actor: personIn(notice['actor']), source: 'hook' };
    return { ...change, ...optionsIn(notice) };
  }
  if (!Number.isSafeInteger(notice['revision'])) throw malformed('it has neither "refs" (Git) nor a "revision" (Subversion)');
  const paths = pathsIn(notice['paths']);
  const change = { delivery, repository, refs: [], actor: personIn(notice['author']), source: 'hook' };
  return paths === null ? change : { ...change, paths };
}

/** Options of the push; only those for us are kept. */
function optionsIn({ options, pushed }: Payload): Pick<Change, 'options' | 'pushedAt'> {
  if (options === undefined || options === null) return {};
  if (!Array.isArray(options) || options.length > MOST_OPTIONS) throw malformed('"options" is not a list of some options');
  const own: string[] = [];
  for (const [index, option] of (options as unknown[]).entries()) {
    if (typeof option !== 'string' || option.length > 200 || !isName(option)) throw malformed(`options[${index}] is not an option`);
    if (option.startsWith('deploy.')) own.push(option);
  }
  if (own.length === 0) return {};
  const seconds = Number.isSafeInteger(pushed) ? (pushed as number) : null;
  return seconds === null ? { options: own } : { options: own, pushedAt: seconds * 1000 };
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
    const name = shortRef(ref);
    if (name === '') throw malformed(`refs[${index}].ref is not the name of a ref`);
    refs.set(name, isNothing(now) ? { ref: name, deleted: true } : { ref: name, deleted: false, revision: now });
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

const malformed = (why: string): DeployError => malformedFor(why, REMEDY);
