// Names of refs and people as they come from outside: what can be one, and how it is written here.
import type { ChangedRef } from '../core/repository.ts';

const MOST_REFS = 1000;
const MOST_CHARACTERS = 4096;

/**
 * Neither Git nor Subversion allows the control characters of ASCII in names (those of Unicode, they do); half of a surrogate pair
 * would not survive being stored.
 */
export const isName = (text: string): boolean =>
  text !== '' && text.length <= MOST_CHARACTERS && !/[\u0000-\u001f\u007f\p{Cs}]/u.test(text);

/** As the configuration writes branches: `refs/heads/servers/demo` → `servers/demo`; other refs stay whole. '' is no ref. */
export const shortRef = (ref: string): string => (ref.startsWith('refs/heads/') ? ref.slice('refs/heads/'.length) : ref);

/** The id that Git uses for "nothing": all zeros, 40 or 64 of them. */
export const isNothing = (id: unknown): boolean => typeof id === 'string' && /^0+$/.test(id);

/** Object ids of SHA-1 and SHA-256 repositories. */
export const isObjectId = (value: unknown): value is string => typeof value === 'string' && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(value);

/** What a payload says of one ref. `revision`: where it was moved to, of any kind; left out where that is not told. */
export type RefUpdate = { readonly ref: string | null; readonly deleted: boolean; readonly revision?: unknown };

/**
 * Each ref once; the last word on it counts. What can be no ref is left out, for the others' sake: the repository is asked anyway. None at
 * all, or too many to record them one by one: empty, which means that anything may have changed.
 */
export function changedRefs(updates: readonly RefUpdate[]): readonly ChangedRef[] {
  const refs = new Map<string, ChangedRef>();
  for (const { ref, deleted, revision } of updates) {
    if (ref === null || !isName(shortRef(ref))) continue;
    const name = shortRef(ref);
    refs.set(name, !deleted && isObjectId(revision) ? { ref: name, deleted, revision } : { ref: name, deleted });
  }
  return refs.size > MOST_REFS ? [] : [...refs.values()];
}

/** Who did it is worth knowing, but no reason to refuse a notice: `null` when nobody is named. */
export function personIn(...candidates: readonly unknown[]): string | null {
  for (const value of candidates) {
    if (typeof value !== 'string') continue;
    const name = value
      .replace(/[\p{Cc}\p{Cs}]/gu, '')
      .trim()
      .slice(0, 200);
    if (name !== '') return name;
  }
  return null;
}
