// Patches: over a slow line a pack goes as what differs from files that its receiver has.
// Measured with zstd 1.5 on 100 PHP files of 27 kB, a few words changed in each: pack 934 kB (35 ms of CPU), patch 9.0 kB (22 ms), 1 ms to undo;
// at level 19 7.6 kB (1,580 ms). So the lowest level, and only the line decides.
import type { ManifestEntry } from './artifact.ts';
import type { Zone } from './zone.ts';

/** A line that carries less than this, in bytes per second, is slow. */
export const SLOW_LINE = 1_250_000;
/** A pack that took less than this says little about its line. */
export const MEASURED_FROM_BYTES = 1024 * 1024;
/** Making and undoing a patch take three times this much memory. */
const MOST_BYTES = 64 * 1024 * 1024;
/** A smaller pack is there as soon as its patch, which has to be asked for in a round trip of its own. */
const LEAST_BYTES = 64 * 1024;

/** Files that the receiver has under the paths that are sent, in the order in which both ends put them together. */
export type Reference = { readonly files: readonly string[]; readonly bytes: number };

/** `rate`: bytes per second to this server, if that has been seen. */
export function isSlow(zone: Zone | null, rate: number | undefined): boolean {
  return (zone?.bandwidth ?? null) !== null || (rate ?? Infinity) < SLOW_LINE;
}

/** `null`: a patch would not be worth it, or too large. `send`: what the pack holds; `held`: the release that the receiver has. */
export function referenceFor(send: readonly ManifestEntry[], held: readonly ManifestEntry[]): Reference | null {
  const sent = new Map(send.flatMap((entry) => (entry.type === 'file' ? [[entry.path, entry.size]] : [])));
  const files: string[] = [];
  let bytes = 0;
  for (const entry of held) {
    if (entry.type !== 'file' || !sent.has(entry.path)) continue;
    files.push(entry.path);
    bytes += entry.size;
  }
  const total = [...sent.values()].reduce((sum, size) => sum + size, 0);
  return total < LEAST_BYTES || Math.max(total, bytes) > MOST_BYTES || bytes * 4 < total ? null : { files, bytes };
}

/** Is the patch so much smaller than the pack that the round trip and the work on the server are made good? */
export const pays = (patchBytes: number, packBytes: number): boolean => patchBytes + LEAST_BYTES / 4 < packBytes * 0.7;
