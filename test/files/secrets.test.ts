// Secrets by reference: read from where they are, and named without their value when something is wrong.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SecretReference } from '../../src/core/files.ts';
import { readSecrets } from '../../src/files/secrets.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lockstep-secrets-'));
});
afterAll(() => rm(directory, { recursive: true }));

const read = async (reference: SecretReference, signal = new AbortController().signal): Promise<string> =>
  (await readSecrets('demo', { NAME: reference }, signal)).get('NAME') ?? '';

async function fileOf(content: string | Buffer): Promise<SecretReference> {
  const file = join(directory, String(Math.random()));
  await writeFile(file, content);
  return { file };
}

test('a value loses one line break at its end, and nothing else', async () => {
  expect(await read(await fileOf(' two\nlines \n\n'))).toBe(' two\nlines \n');
  expect(await read(await fileOf('windows\r\n'))).toBe('windows');
  expect(await read({ command: 'echo "  printed  "; echo complained >&2' })).toBe('  printed  ');
});

test.each<[string, () => SecretReference | Promise<SecretReference>, string]>([
  ['no file', () => ({ file: '/nowhere/at/all' }), '(file /nowhere/at/all) is missing: there is no such file'],
  ['a directory', () => ({ file: directory }), 'it is not a file'],
  ['no variable', () => ({ environment: 'LOCKSTEP_NO_SUCH' }), '(environment variable LOCKSTEP_NO_SUCH) is missing'],
  ['a command that fails', () => ({ command: 'echo hunter22; exit 3' }), 'the command exited 3'],
  ['nothing in it', () => fileOf('\n'), 'its value is empty'],
  ['no text in it', () => fileOf(Buffer.from([1, 255, 254, 3])), 'is not UTF-8 text'],
  ['too much in it', () => fileOf('hunter22'.repeat(4_000)), 'larger than 16 KiB'],
  ['a command that prints for ever', () => ({ command: 'yes hunter22' }), 'larger than 16 KiB'],
])('a reference with %s is an error that names it, and never the value', async (_what, reference, said) => {
  const error: unknown = await read(await reference()).catch((one: unknown) => one);
  expect(error).toMatchObject({ code: 'configuration', message: expect.stringContaining(said) });
  expect((error as Error).message).toMatch(/^secret NAME of cluster demo /);
  expect(JSON.stringify(error) + (error as Error).message.replace(/`.*`/, '')).not.toContain('hunter22');
});

test('an abort ends the command and what it started', async () => {
  const controller = new AbortController();
  const reading = read({ command: 'sleep 60 & sleep 60' }, controller.signal);
  setTimeout(() => controller.abort(), 100);
  await expect(reading).rejects.toMatchObject({ code: 'aborted' });
});
