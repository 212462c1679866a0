// The log of a deployment, written and followed.
import { afterAll, describe, expect, test } from '@jest/globals';
import { readFile, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openDeploymentLogs, type DeploymentLogs } from '../../src/store/deployment-log.ts';
import { until } from '../lab/until.ts';
import { removeTemporaryDirectories, temporaryDirectory } from './lab.ts';

afterAll(removeTemporaryDirectories);

type Reading = { text: string; done: boolean };

/** Reads in the background. */
function read(
  logs: DeploymentLogs,
  number: number,
  options: { follow?: boolean; signal?: AbortSignal; ended?: () => boolean } = {},
): Reading {
  const { follow = false, signal = new AbortController().signal, ended = () => false } = options;
  const reading: Reading = { text: '', done: false };
  void (async () => {
    for await (const text of logs.read(number, { follow, signal, ended })) reading.text += text;
    reading.done = true;
  })();
  return reading;
}
async function whole(reading: Reading): Promise<string> {
  await until(() => reading.done, { what: 'the end of the log' });
  return reading.text;
}

describe('a deployment log', () => {
  test('keeps everything in order, also across a restart', async () => {
    const directory = join(await temporaryDirectory(), 'logs');
    const logs = await openDeploymentLogs(directory);
    for (let i = 0; i < 1000; i++) logs.append(7, `line ${i}\n`);
    await logs.flush();
    const again = await openDeploymentLogs(directory);
    again.append(7, 'after the restart\n');
    const text = await whole(read(again, 7));
    expect(text).toBe(`${Array.from({ length: 1000 }, (_, i) => `line ${i}\n`).join('')}after the restart\n`);
    expect((await stat(join(directory, '7.log'))).mode & 0o777).toBe(0o600);
  });

  test('that does not exist reads as empty', async () => {
    const logs = await openDeploymentLogs(await temporaryDirectory());
    expect(await whole(read(logs, 3))).toBe('');
    expect(await whole(read(logs, 3, { follow: true, ended: () => true }))).toBe('');
  });

  test('is followed until the deployment ends, by several readers, and none misses the last line', async () => {
    const logs = await openDeploymentLogs(await temporaryDirectory());
    const early = read(logs, 1, { follow: true });
    logs.append(1, 'first\n');
    await until(() => early.text === 'first\n');
    const late = read(logs, 1, { follow: true });
    await until(() => late.text === 'first\n');
    expect(early.done || late.done).toBe(false);
    logs.append(1, 'second\n');
    logs.append(1, 'last');
    logs.end(1);
    expect(await whole(early)).toBe('first\nsecond\nlast');
    expect(await whole(late)).toBe('first\nsecond\nlast');
    expect(await whole(read(logs, 1, { follow: true, ended: () => true }))).toBe('first\nsecond\nlast');
  });

  test('is no longer followed when the reader goes away', async () => {
    const logs = await openDeploymentLogs(await temporaryDirectory());
    const controller = new AbortController();
    const reading = read(logs, 1, { follow: true, signal: controller.signal });
    logs.append(1, 'text');
    await until(() => reading.text === 'text');
    controller.abort();
    await until(() => reading.done);
  });

  test('ends for a follower when the deployment turns out to have ended without a word', async () => {
    const logs = await openDeploymentLogs(await temporaryDirectory());
    let ended = false;
    const reading = read(logs, 1, { follow: true, ended: () => ended });
    logs.append(1, 'text');
    await until(() => reading.text === 'text');
    ended = true;
    await until(() => reading.done);
  });

  test('is cut at its limit, between characters, with one line that says so', async () => {
    const directory = await temporaryDirectory();
    const logs = await openDeploymentLogs(directory, 100);
    for (let i = 0; i < 100; i++) logs.append(1, 'ä€');
    await logs.flush();
    logs.append(1, 'more');
    await logs.flush();
    const expected = `${'ä€'.repeat(20)}\n… truncated after 100 bytes\n`;
    expect(await whole(read(logs, 1))).toBe(expected);
    const again = await openDeploymentLogs(directory, 100);
    again.append(1, 'more');
    await again.flush();
    expect(await readFile(join(directory, '1.log'), 'utf8')).toBe(expected);
  });

  test('holds characters together that arrive in two halves or are read in two pieces', async () => {
    const logs = await openDeploymentLogs(await temporaryDirectory());
    const text = `x${'😀'.repeat(50_000)}`;
    for (const half of [text.slice(0, 1), text.slice(1, 2), text.slice(2, 60_000), text.slice(60_000)]) logs.append(1, half);
    logs.append(2, '😀'.slice(0, 1));
    await logs.flush();
    logs.append(2, '😀'.slice(1));
    await logs.flush();
    expect(await whole(read(logs, 1))).toBe(text);
    expect(await whole(read(logs, 2))).toBe('😀');
  });

  test('never stops a deployment when it cannot be written', async () => {
    const directory = await temporaryDirectory();
    const logs = await openDeploymentLogs(join(directory, 'logs'));
    await rm(join(directory, 'logs'), { recursive: true });
    logs.append(1, 'lost\n');
    await logs.flush();
    await openDeploymentLogs(join(directory, 'logs'));
    logs.append(1, 'kept\n');
    await logs.flush();
    expect(await whole(read(logs, 1))).toBe('\n… some output is missing here: it could not be written\nkept\n');
  });

  test('is removed when newer ones fill the room', async () => {
    const directory = await temporaryDirectory();
    const logs = await openDeploymentLogs(directory);
    for (const number of [2, 9, 10, 100]) logs.append(number, 'text');
    await logs.flush();
    expect(await logs.collect(2)).toBe(2);
    expect((await readdir(directory)).sort()).toEqual(['10.log', '100.log']);
  });
});
