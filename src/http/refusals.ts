// Notices that were not believed: counted, logged and audited without ever filling log or disk. Nothing of them is kept.
import type { RefusalAudit } from './refusal-audit.ts';

/** `headers`: they prove nothing; `source`: not from an address of `hookSources`; `signature`: not made with a secret of the repository. */
export type RefusalReason = 'headers' | 'source' | 'signature';

export type Refusals = {
  /** `repository` null: there is none of the name that was asked for. `why`: for the log, one line. */
  note(repository: string | null, reason: RefusalReason, address: string | null, why: string): void;
  /** Something odd about a notice that was taken all the same. */
  remark(repository: string, what: string): void;
  counts(): readonly { readonly repository: string; readonly reason: RefusalReason; readonly count: number }[];
};

const QUIET_MS = 60_000;
/** Repositories are few; whoever changes their names again and again must not fill the memory either. */
const MOST_KEYS = 10_000;

/** Of each repository and kind at most one line a minute, which says how many more there were since the last one. */
export function createRefusals(log: (line: string) => void, audit: Pick<RefusalAudit, 'note'>, now: () => number): Refusals {
  const counts = new Map<string, { repository: string; reason: RefusalReason; count: number }>();
  const lines = new Map<string, { at: number; swallowed: number }>();

  function say(key: string, line: string): void {
    const last = lines.get(key);
    if (last !== undefined && now() - last.at < QUIET_MS) {
      last.swallowed += 1;
      return;
    }
    if (lines.size >= MOST_KEYS) lines.clear();
    lines.set(key, { at: now(), swallowed: 0 });
    const more = last === undefined || last.swallowed === 0 ? '' : ` (and ${last.swallowed} more since the last such line)`;
    log(`${line}${more}`);
  }

  return {
    note(repository, reason, address, why) {
      const key = `${reason} ${repository ?? ''}`;
      const entry = counts.get(key) ?? { repository: repository ?? '', reason, count: 0 };
      entry.count += 1;
      if (counts.size < MOST_KEYS) counts.set(key, entry);
      audit.note(repository, address, why);
      say(key, `notices of ${repository ?? 'an unknown repository'} are refused: ${why}`);
    },
    remark: (repository, what) => say(`remark ${repository}`, `a notice of ${repository} is odd: ${what}`),
    counts: () => [...counts.values()],
  };
}
