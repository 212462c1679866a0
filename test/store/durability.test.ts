// Killed processes, full disks and disks that fail, for real.
import { afterAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openStore } from '../../src/store/sqlite.ts';
import { until } from '../lab/until.ts';
import { deploymentRecord, emptyBatch, removeTemporaryDirectories, runProgram, started, temporaryDirectory } from './lab.ts';

afterAll(removeTemporaryDirectories);

/** Appends batches of three events for ever; prints a number when the batch up to it is acknowledged. */
const APPENDING = `
import { openStore } from 'SRC/store/sqlite.ts';
const store = await openStore(process.argv[2]);
for (let last = await store.lastEvent(); ; last += 3) {
  const events = [1, 2, 3].map((n) => ({ number: last + n, at: last, deployment: 1, event: { type: 'started', stage: 1, server: n } }));
  await store.append({ events, deployments: [], clusters: [], deliveries: [], heads: [{ repository: 'shop', branch: 'b', revision: String(last + 3) }], audit: [] });
  process.stdout.write((last + 3) + '\\n');
}`;

/** Appends single events until an append fails; prints each number, then what the failures were. */
const FAILING = `
import { openStore } from 'SRC/store/sqlite.ts';
const store = await openStore(process.argv[2]);
const append = (number) => store.append({ events: [{ number, at: 1, deployment: 1, event: { type: 'started', stage: 1, server: 1 } }], deployments: [], clusters: [], deliveries: [], heads: [], audit: [] });
let failures = 0;
for (let number = 1; number < 100 && failures < 3; ) {
  try {
    await append(number);
    console.log('acknowledged', number++);
  } catch (error) {
    failures++;
    console.log('failed', error.code, error.message);
  }
}
await store.close();
console.log('closed');`;

describe('promise I8: what was acknowledged', () => {
  test('is there after kill -9 in the middle of appending, batch by batch, again and again', async () => {
    const directory = join(await temporaryDirectory(), 'data');
    for (let round = 1; round <= 4; round++) {
      const child = await runProgram(APPENDING, [directory]);
      try {
        await until(() => child.output().split('\n').length > 20 * round || child.process.exitCode !== null, { what: 'twenty batches' });
      } finally {
        child.process.kill('SIGKILL');
      }
      await child.ended;
      const acknowledged = Number(child.output().trimEnd().split('\n').at(-1));
      expect(acknowledged).toBeGreaterThan(0);

      const store = await openStore(directory);
      const last = await store.lastEvent();
      const events = await store.events({ after: 0, limit: 1_000_000 });
      const [head] = await store.heads();
      await store.close();
      expect(last).toBeGreaterThanOrEqual(acknowledged);
      expect(last % 3).toBe(0);
      expect(events).toHaveLength(last);
      expect(head?.revision).toBe(String(last));
    }
  });

  test('is there after fsync failed: nothing more is written until the store is opened again', async () => {
    const directory = join(await temporaryDirectory(), 'data');
    // Once opened, so that only the fsyncs of commits are left to fail.
    await (await openStore(directory)).close();
    const strace = [
      'strace',
      '-f',
      '-qq',
      '-o',
      '/dev/null',
      '-e',
      'trace=fsync,fdatasync',
      '-e',
      'inject=fsync,fdatasync:error=EIO:when=6',
    ];
    const child = await runProgram(FAILING, [directory], strace);
    await child.ended;
    const lines = child.output().trimEnd().split('\n');
    const acknowledged = lines.filter((line) => line.startsWith('acknowledged')).length;
    const failed = lines.filter((line) => line.startsWith('failed'));
    expect(acknowledged).toBeGreaterThan(0);
    expect(failed[0]).toMatch(/^failed ambiguous the journal .* could not be made durable: disk I\/O error \(SQLITE_IOERR_FSYNC\)/);
    expect(failed[1]).toMatch(/^failed store-closed .* is closed for writing after an I\/O error/);
    expect(failed).toHaveLength(3);
    expect(lines.at(-1)).toBe('closed');

    const store = await openStore(directory);
    expect(await store.lastEvent()).toBeGreaterThanOrEqual(acknowledged);
    await store.append({ ...emptyBatch, events: [started((await store.lastEvent()) + 1, 1)] });
    await store.close();
  });

  test('is there when the disk is full; appending fails with a clear message, and goes on by itself once there is space', async () => {
    const mountPoint = join(await temporaryDirectory(), 'disk');
    await mkdir(mountPoint, { mode: 0o700 });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m,mode=0700', 'tmpfs', mountPoint]);
    try {
      const store = await openStore(mountPoint);
      await writeFile(join(mountPoint, 'ballast'), Buffer.alloc(700_000));
      let last = 0;
      const batch = () => ({
        ...emptyBatch,
        events: [started(last + 1, 1)],
        deployments: [{ ...deploymentRecord(last + 1, 'x'.repeat(50_000), true) }],
      });
      const fill = async (): Promise<unknown> => {
        for (let i = 0; i < 100; i++) {
          try {
            await store.append(batch());
            last++;
          } catch (error) {
            return error;
          }
        }
        return null;
      };
      const failure = await fill();
      expect(failure).toMatchObject({
        code: 'store',
        message: expect.stringMatching(/cannot be written: .*\(SQLITE_FULL\).*Nothing of this was recorded.*Free space/),
      });
      expect(last).toBeGreaterThan(0);
      expect(await store.lastEvent()).toBe(last);
      expect(await store.events({ after: 0, limit: 1000 })).toHaveLength(last);
      expect((await store.history({ limit: 1000 })).length).toBe(last);

      await rm(join(mountPoint, 'ballast'));
      await store.append(batch());
      expect(await store.lastEvent()).toBe(last + 1);
      await store.close();
      const again = await openStore(mountPoint);
      expect(await again.lastEvent()).toBe(last + 1);
      await again.close();
    } finally {
      execFileSync('umount', [mountPoint]);
    }
  });
});
