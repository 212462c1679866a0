// How fast the lines to servers are, as far as large packs have shown. Nothing is sent to find it out.
import { MEASURED_FROM_BYTES } from '../core/patch.ts';

export type LineSpeeds = {
  /** A pack leaves at `now` (milliseconds). What comes back is to be called when it has arrived, or not (`bytes` 0). */
  begin(now: number): (name: string, bytes: number, now: number) => void;
  /** Bytes per second to the server of that name; `undefined`: nothing large enough went there. */
  of(name: string): number | undefined;
};

export function lineSpeeds(): LineSpeeds {
  const speeds = new Map<string, number>();
  let underWay = 0;
  let changed = 0;
  /** Of packs and milliseconds: how many were under way, added up over time. */
  let sum = 0;

  function change(by: number, now: number): void {
    sum += underWay * (now - changed);
    changed = now;
    underWay += by;
  }

  return {
    begin: (began) => {
      change(1, began);
      const before = sum;
      return (name, bytes, now) => {
        change(-1, now);
        if (bytes < MEASURED_FROM_BYTES) return;
        // Fifty servers that share what this machine can send are not fifty slow lines: each is taken to have been there alone.
        const milliseconds = Math.max(1, now - began);
        const others = Math.max(1, (sum - before) / milliseconds);
        speeds.set(name, (bytes * 1000 * others) / milliseconds);
      };
    },
    of: (name) => speeds.get(name),
  };
}
