// The window of connections that are being opened: never more than allowed, fewer where servers turn some away, and all come to their turn.
import { expect, test } from '@jest/globals';
import { limiter } from '../../src/transport/limiter.ts';
import { TimeOver, pause, within } from '../../src/transport/time.ts';

const never = new AbortController().signal;

/** Runs so many pieces of work, of which the `room + 1`th at the same time fails as crowded and is tried again; returns the most at a time. */
async function crowd(pieces: number, most: number, room: number): Promise<{ peak: number; refused: number }> {
  const doors = limiter(most, (error) => error === 'crowded');
  let running = 0;
  let peak = 0;
  let refused = 0;
  const work = async (): Promise<void> => {
    running += 1;
    peak = Math.max(peak, running);
    const isCrowded = running > room;
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- The word says all.
    if (isCrowded) throw 'crowded';
  };
  const persist = async (): Promise<void> => {
    await doors.run(work, never).catch(() => {
      refused += 1;
      return persist();
    });
  };
  await Promise.all(Array.from({ length: pieces }, persist));
  return { peak, refused };
}

test('begins with ten, opens with each success, and stays below what is allowed', async () => {
  expect(await crowd(500, 32, 1_000)).toEqual({ peak: 32, refused: 0 });
  expect(await crowd(50, 4, 1_000)).toEqual({ peak: 4, refused: 0 });
});

test('turns to fewer at a time where some are turned away, and gets everybody in', async () => {
  const { refused } = await crowd(500, 1_000, 12);
  expect(refused).toBeLessThan(250);
});

test('lets somebody who gives up go, and keeps no place for them', async () => {
  const doors = limiter(1);
  const gone = new AbortController();
  let finish!: () => void;
  const first = doors.run(() => new Promise<void>((resolve) => (finish = resolve)), never);
  const second = doors.run(() => Promise.resolve('second'), gone.signal);
  const third = doors.run(() => Promise.resolve('third'), never);
  gone.abort(new Error('gone'));
  await expect(second).rejects.toThrow('gone');
  finish();
  await first;
  expect(await third).toBe('third');
});

test('a limit does not run while its clock is stopped', async () => {
  const doors = limiter(1);
  const first = doors.run(() => pause(300, never), never);
  const second = within(200, never, async (limited, stopClock) => {
    const itsTurn = stopClock();
    await doors.run(() => Promise.resolve(itsTurn()), limited);
    await pause(50, limited);
    return 'in time';
  });
  expect(await second).toBe('in time');
  await first;
  await expect(within(100, never, (limited, stopClock) => (stopClock()(), pause(5_000, limited)))).rejects.toThrow(TimeOver);
});
