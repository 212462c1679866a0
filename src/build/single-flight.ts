// Two who ask for the same thing at the same time share one run of it.
import { DeployError } from '../core/errors.ts';

type Flight<T> = { result: Promise<T>; controller: AbortController; waiters: number; listeners: Set<(text: string) => void> };

export type Start<T> = (log: (text: string) => void, signal: AbortSignal) => Promise<T>;

/**
 * Returns a function that runs `start` once for all who ask with the same key while it runs; each gets the output from when they came.
 * Who aborts leaves (DeployError `aborted`); the run itself is aborted when nobody is left, and the last one waits until it has ended.
 */
export function singleFlight<T>(): (key: string, log: (text: string) => void, signal: AbortSignal, start: Start<T>) => Promise<T> {
  const flights = new Map<string, Flight<T>>();

  const begin = (key: string, start: Start<T>): Flight<T> => {
    const controller = new AbortController();
    const listeners = new Set<(text: string) => void>();
    const tell = (text: string): void => {
      for (const listener of listeners) listener(text);
    };
    const flight: Flight<T> = { controller, listeners, waiters: 0, result: Promise.resolve().then(() => start(tell, controller.signal)) };
    flights.set(key, flight);
    const forget = (): void => {
      if (flights.get(key) === flight) flights.delete(key);
    };
    flight.result.then(forget, forget);
    return flight;
  };

  return async (key, log, signal, start) => {
    if (signal.aborted) throw new DeployError('aborted', 'the build was aborted before it began');
    const running = flights.get(key);
    if (running !== undefined)
      log('joined a build of the same revision that is already running; what it printed before is in the log of who began it\n');
    const flight = running ?? begin(key, start);
    flight.waiters++;
    flight.listeners.add(log);
    let leave: () => void = () => undefined;
    const left = new Promise<'left'>((resolve) => {
      leave = () => {
        resolve('left');
      };
      signal.addEventListener('abort', leave);
    });
    try {
      const result = await Promise.race([flight.result, left]);
      if (result !== 'left') return result;
      if (flight.waiters === 1) {
        if (flights.get(key) === flight) flights.delete(key);
        flight.controller.abort();
        await flight.result.catch(() => undefined);
      }
      throw new DeployError('aborted', 'the build was aborted');
    } finally {
      flight.waiters--;
      flight.listeners.delete(log);
      signal.removeEventListener('abort', leave);
    }
  };
}
