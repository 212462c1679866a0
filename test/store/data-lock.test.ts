// One daemon per data directory.
import { afterAll, expect, test } from '@jest/globals';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { lockDataDirectory } from '../../src/store/data-lock.ts';
import { until } from '../lab/until.ts';
import { removeTemporaryDirectories, runProgram, temporaryDirectory } from './lab.ts';

afterAll(removeTemporaryDirectories);

const HOLDING = `
import { lockDataDirectory } from 'SRC/store/data-lock.ts';
await lockDataDirectory(process.argv[2]);
console.log('locked');
setInterval(() => {}, 1000);`;

test('a second daemon is refused with the first one named, and let in when the first was killed with kill -9', async () => {
  const directory = join(await temporaryDirectory(), 'data');
  const child = await runProgram(HOLDING, [directory]);
  try {
    await until(() => child.output().includes('locked'), { what: 'the lock' });
    const message = expect.stringMatching(
      new RegExp(`another daemon \\(pid ${child.process.pid}, since 20.*\\) uses ${directory}; stop it first`),
    );
    await expect(lockDataDirectory(directory)).rejects.toMatchObject({ code: 'conflict', message });
  } finally {
    child.process.kill('SIGKILL');
  }
  await child.ended;
  const lock = await lockDataDirectory(directory);
  await lock.release();
});

test('the same process cannot take the lock twice, and can again after releasing it', async () => {
  const directory = await temporaryDirectory();
  const first = await lockDataDirectory(directory);
  await expect(lockDataDirectory(directory)).rejects.toMatchObject({ code: 'conflict' });
  await first.release();
  await first.release();
  const second = await lockDataDirectory(directory);
  expect((await stat(join(directory, 'daemon.pid'))).mode & 0o077).toBe(0);
  await second.release();
});
