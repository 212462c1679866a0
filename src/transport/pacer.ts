// The bandwidth budget of a zone: all that is sent to its servers at the same time shares so many bytes per second.

export type Pacer = {
  readonly bytesPerSecond: number;
  /** Whoever sends more at once would not keep to the budget. */
  readonly pieceBytes: number;
  /** Resolves when it is the turn of so many bytes, in the order of asking. */
  wait(bytes: number): Promise<void>;
  /** Bytes that cannot wait: questions to agents. Those that can will wait for them. */
  spend(bytes: number): void;
  /** For a program that paces itself (rsync): one at a time, and nothing else is sent meanwhile but what cannot wait. */
  alone<T>(work: () => Promise<T>): Promise<T>;
};

/** What was not sent before may be sent at once, up to this much. */
const SAVED_MS = 100;
const PIECES_PER_SECOND = 20;

export function pacerOf(bytesPerSecond: number): Pacer {
  /** The time (of performance.now) at which everything that was asked for so far will have been sent. */
  let until = 0;
  let alone: Promise<unknown> = Promise.resolve();

  const spend = (bytes: number): void => {
    until = Math.max(until, performance.now() - SAVED_MS) + (bytes / bytesPerSecond) * 1_000;
  };

  return {
    bytesPerSecond,
    pieceBytes: Math.max(1_024, Math.min(64 * 1024, Math.floor(bytesPerSecond / PIECES_PER_SECOND))),
    spend,
    wait: async (bytes) => {
      await alone;
      spend(bytes);
      const waitMs = until - performance.now();
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    },
    alone: (work) => {
      const mine = alone.then(work);
      alone = mine.catch(() => undefined);
      return mine;
    },
  };
}
