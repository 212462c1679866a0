// How many commits each cluster is behind the head of its branch: counted in the background, so that an overview never waits for a repository.
import type { Between } from '../core/between.ts';

export type CommitsAhead = {
  /** `null`: not known yet; it is being counted, and known when the overview is asked for next. */
  get(key: { repository: string; branch: string; base: string; head: string }): number | null;
};

const MOST_KEPT = 1_000;

/** `count` is called for one at a time. A failure shows where somebody asks for the commits; here it only means that nothing is known. */
export function createCommitsAhead(
  count: (key: { repository: string; branch: string; base: string; head: string }) => Promise<Between>,
): CommitsAhead {
  const known = new Map<string, number | null>();
  const wanted: (() => Promise<void>)[] = [];
  let isCounting = false;

  async function countAll(): Promise<void> {
    isCounting = true;
    for (let next = wanted.shift(); next !== undefined; next = wanted.shift()) await next();
    isCounting = false;
  }

  return {
    get(key) {
      if (key.base === key.head) return 0;
      const name = [key.repository, key.branch, key.base, key.head].join('\0');
      if (known.has(name)) return known.get(name) ?? null;
      const [oldest] = known.keys();
      if (known.size >= MOST_KEPT && oldest !== undefined) known.delete(oldest);
      known.set(name, null);
      wanted.push(async () => {
        known.set(name, (await count(key).catch(() => null))?.totalCommits ?? null);
      });
      if (!isCounting) void countAll();
      return null;
    },
  };
}
