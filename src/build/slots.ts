// At most so many builds at a time; the others wait in line.
import { DeployError } from '../core/errors.ts';

/** Returns a function that runs an action when one of `count` slots is free. Who aborts while waiting gets DeployError `aborted`. */
export function slots(count: number): <T>(signal: AbortSignal, action: () => Promise<T>) => Promise<T> {
  let free = count;
  const line: (() => void)[] = [];

  const take = async (signal: AbortSignal): Promise<void> => {
    if (signal.aborted) throw new DeployError('aborted', 'the build was aborted before it began');
    if (free > 0) {
      free--;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const enter = (): void => {
        signal.removeEventListener('abort', quit);
        resolve();
      };
      const quit = (): void => {
        line.splice(line.indexOf(enter), 1);
        reject(new DeployError('aborted', 'the build was aborted before it began'));
      };
      signal.addEventListener('abort', quit, { once: true });
      line.push(enter);
    });
  };

  return async (signal, action) => {
    await take(signal);
    try {
      return await action();
    } finally {
      const next = line.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}
