// Notices that were not believed, as the audit has them: who tries it, and how often, without ever filling the disk.
import type { Witness } from '../core/people.ts';

export type RefusalAudit = {
  /** `repository` null: there is none of the name that was asked for. `why`: one line. */
  note(repository: string | null, address: string | null, why: string): void;
  /** Tells what has only been counted until now. */
  close(): void;
};

const WINDOW_MS = 60_000;
/** So many addresses are told apart at a time; those beyond are counted together. */
const MOST_ADDRESSES = 10;
const OTHERS = 'others';

type Seen = { readonly address: string | null; counted: number; repository: string | null; why: string };

/**
 * The first notice of an address is told at once; what follows is counted, and told together once a minute, until there is a minute without.
 * So whatever comes from however many addresses, it is at most two entries a minute for each of eleven.
 */
export function createRefusalAudit(witness: Witness): RefusalAudit {
  const seen = new Map<string, Seen>();
  let timer: NodeJS.Timeout | null = null;

  const tell = (address: string | null, repository: string | null, detail: string): void =>
    witness({ what: 'hook-refused', who: repository === null ? 'a hook' : `a hook of ${repository}`, address, detail });

  function review(): void {
    for (const [key, one] of seen) {
      if (one.counted === 0) seen.delete(key);
      else tell(one.address, one.repository, `${one.counted} more within a minute, the last one because ${one.why}`);
      one.counted = 0;
    }
    if (seen.size > 0) return;
    if (timer !== null) clearInterval(timer);
    timer = null;
  }

  return {
    note(repository, address, why) {
      timer ??= setInterval(review, WINDOW_MS).unref();
      const own = address ?? '';
      const key = seen.has(own) || seen.size < MOST_ADDRESSES ? own : OTHERS;
      const known = seen.get(key);
      if (known !== undefined) {
        Object.assign(known, { counted: known.counted + 1, repository, why });
        return;
      }
      const one: Seen = { address: key === OTHERS ? null : address, counted: 0, repository, why };
      seen.set(key, one);
      tell(one.address, repository, key === OTHERS ? `from more than ${MOST_ADDRESSES} addresses; here because ${why}` : why);
    },
    close() {
      review();
      if (timer !== null) clearInterval(timer);
      timer = null;
      seen.clear();
    },
  };
}
