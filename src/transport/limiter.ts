// At most so many at a time; the others wait in order.

export type Limiter = {
  /** Runs `work` when there is room. Rejects with the reason of `signal` while it waits. */
  run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>;
};

export function limiter(most: number): Limiter {
  let running = 0;
  const waiting = new Set<() => void>();
  const next = (): void => {
    running -= 1;
    const [first] = waiting;
    first?.();
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
      if (running < most) return start();
      waiting.add(start);
      signal.addEventListener('abort', giveUp, { once: true });
    });
  return {
    run: async (work, signal) => {
      await room(signal);
      try {
        return await work();
      } finally {
        next();
      }
    },
  };
}
