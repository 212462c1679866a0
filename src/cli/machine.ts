// The clock of this machine: locks, names of releases and the history go by it.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Check } from './checks.ts';
import { absolute } from './words.ts';

/** Before this was written no clock that is right can be. */
const EARLIEST = Date.UTC(2025, 0, 1);
const TOLERATED_MS = 5_000;

/** `data`: the data directory, whose journal must not be from the future. */
export async function checkClock(data: string, now = Date.now()): Promise<Check> {
  const base = { name: 'clock', group: null };
  const time = absolute(new Date(now).toISOString());
  const remedy = 'let NTP set it (timedatectl set-ntp true)';
  if (now < EARLIEST) return { ...base, state: 'fail', message: `it is not set: ${time}`, remedy };
  const written = await stat(join(data, 'lockstep.db')).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
  if (written <= now + TOLERATED_MS) return { ...base, state: 'ok', message: time, remedy: null };
  const last = absolute(new Date(written).toISOString());
  return { ...base, state: 'warn', message: `it was set back: it is ${time}, and the journal was written at ${last}`, remedy };
}
