// Waiting and time limits that end with a signal and leave no timer behind.

/** Resolves after `ms`; rejects with the reason of `signal`. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

/** What comes of `work`; or rejects with the reason of `signal`, and does not wait for it any longer. */
export function orStopped<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

/** The `limitMs` of `within` is over. */
export class TimeOver extends Error {
  override readonly name = 'TimeoutError';
}

/** Stops the clock of a limit until what it returns is called. */
export type StopClock = () => () => void;

/** Gives `work` a signal that aborts with `signal`, or with TimeOver after `limitMs` in which its clock was not stopped. */
export async function within<T>(
  limitMs: number,
  signal: AbortSignal,
  work: (signal: AbortSignal, stopClock: StopClock) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const controller = new AbortController();
  const stop = (): void => controller.abort(signal.reason);
  const timeOver = (): void => controller.abort(new TimeOver(`no end after ${Math.round(limitMs / 1000)} s`));
  let left = limitMs;
  let runsSince = performance.now();
  let timer = setTimeout(timeOver, left);
  const stopClock = (): (() => void) => {
    clearTimeout(timer);
    left -= performance.now() - runsSince;
    return () => {
      runsSince = performance.now();
      timer = setTimeout(timeOver, left);
    };
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await work(controller.signal, stopClock);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

/** Milliseconds before the next try: doubles up to two seconds, and a random half of it, so that many do not come at once. */
export function backoffMs(attempt: number): number {
  const full = Math.min(2_000, 200 * 2 ** attempt);
  return full / 2 + Math.random() * (full / 2);
}

/** Is this the reason of a signal whose time was over (ours, or AbortSignal.timeout's), rather than somebody's wish? */
export function isTimeOver(reason: unknown): boolean {
  return typeof reason === 'object' && reason !== null && 'name' in reason && reason.name === 'TimeoutError';
}
