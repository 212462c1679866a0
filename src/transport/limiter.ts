// So many at a time as is good: the window opens with each success and halves when the other side is crowded; the others wait in order.

export type Limiter = {
  /** Runs `work` when there is room. Rejects with the reason of `signal` while it waits. */
  run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>;
};

/**
 * `most`: never more than this. `isCrowded`: does this failure of `work` mean that there were too many? sshd drops connections at random from
 * the eleventh on that has not said who it is (sshd_config(5), MaxStartups), which is where the window begins. It grows with each success, and
 * several that are turned away together halve it once.
 */
export function limiter(most: number, isCrowded: (error: unknown) => boolean = () => false): Limiter {
  let window = Math.min(most, FIRST);
  let running = 0;
  let generation = 0;
  const waiting = new Set<() => void>();
  const next = (): void => {
    for (const start of waiting) {
      if (running + 1 > window) return;
      start();
    }
  };
  const room = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const start = (): void => {
        waiting.delete(start);
        signal.removeEventListener('abort', giveUp);
        running += 1;
        resolve();
      };
      const giveUp = (): void => {
        waiting.delete(start);
        reject(signal.reason as Error);
      };
      if (signal.aborted) return giveUp();
      if (running + 1 <= window && waiting.size === 0) return start();
      waiting.add(start);
      signal.addEventListener('abort', giveUp, { once: true });
    });
  return {
    run: async (work, signal) => {
      await room(signal);
      const begun = generation;
      try {
        const result = await work();
        // Once the limit has been met, it is felt for slowly.
        window = Math.min(most, window + (generation === 0 ? 1 : 1 / window));
        return result;
      } catch (error) {
        if (isCrowded(error) && begun === generation) {
          generation += 1;
          window = Math.max(1, window / 2);
        }
        throw error;
      } finally {
        running -= 1;
        next();
      }
    },
  };
}

const FIRST = 10;
