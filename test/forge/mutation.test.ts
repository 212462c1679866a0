// Whatever an authentic sender sends, it is a change, a ping, or refused with a reason; never a crash.
import { expect, test } from '@jest/globals';
import { DeployError } from '../../src/core/errors.ts';
import { hookReader } from '../../src/forge/hook-reader.ts';
import { mutants } from './mutants.ts';

const COUNT = Number(process.env['LOCKSTEP_MUTANTS'] ?? 100_000);

test(`${COUNT} mutated deliveries of all forges are understood or refused`, () => {
  const seen = { change: 0, ignored: 0, ping: 0, refused: 0 };
  let slowest = 0;
  for (const { forge, headers, body } of mutants(42, COUNT)) {
    // Time of this process only: what others on the machine do is not its fault.
    const before = process.cpuUsage();
    try {
      const reading = hookReader.read({ repository: 'shop', forge, headers, body, receivedAt: 1_772_362_800_000 });
      hookReader.oddity(forge, headers);
      hookReader.isPlausible(headers);
      if ('ping' in reading) seen.ping += 1;
      else {
        seen[reading.ignored === undefined ? 'change' : 'ignored'] += 1;
        if (!isSound(reading)) throw new Error(`not a change: ${JSON.stringify(reading)}`);
      }
    } catch (error) {
      if (!(error instanceof DeployError) || error.code !== 'refused') {
        throw new Error(`${forge} ${JSON.stringify(headers)} ${body.toString('latin1').slice(0, 2000)} broke the reader`, { cause: error });
      }
      seen.refused += 1;
    }
    const { user, system } = process.cpuUsage(before);
    slowest = Math.max(slowest, (user + system) / 1000);
  }
  console.log(`${COUNT} mutated deliveries: the slowest kept the event loop for ${slowest.toFixed(1)} ms`, seen);
  expect(slowest).toBeLessThan(200);
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(COUNT / 200);
  expect(({} as Record<string, unknown>)['ref']).toBeUndefined();
  // Some ten seconds on two cores that have nothing else to do.
}, 300_000);

/** What the rest of the daemon relies on. */
function isSound(change: {
  delivery: string;
  refs: readonly { ref: string; deleted: boolean }[];
  actor: string | null;
  about?: readonly string[];
  ignored?: string;
}): boolean {
  const isText = (text: unknown, longest: number): boolean => typeof text === 'string' && text !== '' && text.length <= longest;
  return (
    /^[!-~]{1,128}$/.test(change.delivery) &&
    change.refs.length <= 1000 &&
    change.refs.every(({ ref, deleted }) => isText(ref, 4096) && !/[\u0000-\u001f\p{Cs}]/u.test(ref) && typeof deleted === 'boolean') &&
    (change.actor === null || isText(change.actor, 200)) &&
    (change.about ?? []).every((url) => isText(url, 3000)) &&
    (change.ignored === undefined || isText(change.ignored, 500))
  );
}
