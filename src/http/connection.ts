// What is known of the other end of a connection: whether it is still there, and whether it keeps up.
import type { Response } from 'express';

/** Aborts when the client goes away before it has its answer. */
export function abortedWith(response: Response): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
}

/** Writes, and waits until the client has taken it. `false`: the client took nothing for `patienceMs`, or `signal` was aborted. */
export async function writeAndWait(response: Response, text: string | Buffer, patienceMs: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false;
  if (response.write(text)) return true;
  return new Promise((resolve) => {
    const finish = (taken: boolean): void => {
      clearTimeout(timer);
      response.off('drain', onDrain);
      signal.removeEventListener('abort', onAbort);
      resolve(taken);
    };
    const onDrain = (): void => finish(true);
    const onAbort = (): void => finish(false);
    const timer = setTimeout(onAbort, patienceMs);
    response.once('drain', onDrain);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
