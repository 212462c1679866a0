// Work on many things with only a few under way at a time.

/**
 * Calls `action` for each item, at most `limit` at a time, in order of start. After a failure nothing new is started; rejects with it when
 * what was under way has ended.
 */
export async function forEachBounded<T>(
  items: readonly T[],
  limit: number,
  action: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      try {
        await action(items[index] as T, index);
      } catch (error) {
        next = items.length;
        throw error;
      }
    }
  };
  const lanes = Array.from({ length: Math.min(limit, items.length) }, lane);
  await Promise.allSettled(lanes);
  await Promise.all(lanes);
}
