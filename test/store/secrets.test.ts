// Hook secrets and the API token.
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openSecrets, type Secrets } from '../../src/store/secrets.ts';
import { removeTemporaryDirectories, temporaryDirectory } from './lab.ts';

let directory: string;
let secrets: Secrets;
beforeEach(async () => {
  directory = join(await temporaryDirectory(), 'data');
  secrets = openSecrets(directory);
});
afterAll(removeTemporaryDirectories);

async function write(repository: string, text: string, mode = 0o600): Promise<void> {
  await mkdir(join(directory, 'secrets'), { recursive: true, mode: 0o700 });
  await writeFile(join(directory, 'secrets', repository), text);
  await chmod(join(directory, 'secrets', repository), mode);
}
const secret = (fill: number, bytes = 32): string => `whsec_${Buffer.alloc(bytes, fill).toString('base64')}`;

describe('a hook secret', () => {
  test('is made once, of 32 random bytes, in a file that only the daemon can read', async () => {
    const made = await secrets.ensureSecret('shop');
    expect(made).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(await secrets.ensureSecret('shop')).toBe(made);
    expect(await openSecrets(directory).secretsOf('shop')).toEqual([made]);
    expect(await secrets.ensureSecret('portal')).not.toBe(made);
    expect((await stat(join(directory, 'secrets'))).mode & 0o777).toBe(0o700);
    expect((await stat(join(directory, 'secrets', 'shop'))).mode & 0o777).toBe(0o600);
    expect((await readdir(join(directory, 'secrets'))).sort()).toEqual(['portal', 'shop']);
  });

  test('is the same for all who ask for it at the same time', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => openSecrets(directory).ensureSecret('shop')));
    expect(new Set(answers).size).toBe(1);
  });

  test('can be replaced without a gap: several lines are valid, newest first', async () => {
    await write('shop', `# new since May\n${secret(1)}\r\n\n  ${secret(2)}  \n# end`);
    expect(await secrets.secretsOf('shop')).toEqual([secret(1), secret(2)]);
    expect(await secrets.ensureSecret('shop')).toBe(secret(1));
  });

  test('is rotated: the new one comes first, the older ones stay valid until they are retired', async () => {
    const first = await secrets.ensureSecret('shop');
    const second = await secrets.rotateSecret('shop');
    expect(await secrets.secretsOf('shop')).toEqual([second, first]);
    expect(await secrets.ensureSecret('shop')).toBe(second);
    expect((await stat(join(directory, 'secrets', 'shop'))).mode & 0o777).toBe(0o600);
    for (let i = 0; i < 9; i++) await secrets.rotateSecret('shop');
    expect(await secrets.secretsOf('shop')).toHaveLength(4);
    const [newest] = await secrets.secretsOf('shop');
    expect(await secrets.retireSecrets('shop')).toBe(3);
    expect(await secrets.secretsOf('shop')).toEqual([newest]);
    expect(await secrets.retireSecrets('shop')).toBe(0);
    expect(await secrets.retireSecrets('nobody')).toBe(0);
    expect(await readdir(join(directory, 'secrets'))).toEqual(['shop']);
  });

  test('is made by rotating, too, where there is none or only a damaged one', async () => {
    const made = await secrets.rotateSecret('shop');
    expect(await secrets.secretsOf('shop')).toEqual([made]);
    await write('portal', 'changeme\n');
    expect(await secrets.secretsOf('portal')).toEqual([]);
    expect(await secrets.secretsOf('portal').then(() => secrets.rotateSecret('portal'))).toMatch(/^whsec_/);
    await write('other', secret(1), 0o640);
    await expect(secrets.rotateSecret('other')).rejects.toThrow('chmod 600');
  });

  test.each([
    ['missing', null],
    ['empty', ''],
    ['only a comment', '# closed\n'],
    ['shorter than 24 bytes', `${secret(1, 23)}\n`],
    ['without its prefix', 'changeme-changeme-changeme-changeme\n'],
    ['not base64', `whsec_${'!'.repeat(44)}\n`],
  ])('that is %s leaves the door closed', async (_, text) => {
    if (text !== null) await write('shop', text);
    expect(await secrets.secretsOf('shop')).toEqual([]);
    if (text !== null)
      await expect(secrets.ensureSecret('shop')).rejects.toMatchObject({
        code: 'configuration',
        message: expect.stringContaining('Delete the file'),
      });
  });

  test('that others can read is refused with the command that repairs it', async () => {
    await write('shop', secret(1), 0o640);
    await expect(secrets.secretsOf('shop')).rejects.toMatchObject({ code: 'configuration', message: expect.stringContaining('chmod 600') });
    await expect(secrets.ensureSecret('shop')).rejects.toThrow('mode 640');
  });

  test('never has a name that leaves the directory or meets another one', async () => {
    const names = ['..', '.', '../token', 'a/b', 'a-b', '-rf', 'x\ny', 'ünïcode', 'a'.repeat(300), '__proto__', 'constructor', '.hidden'];
    for (const name of names) await secrets.ensureSecret(name);
    expect(await readdir(directory)).toEqual(['secrets']);
    expect(await readdir(join(directory, 'secrets'))).toHaveLength(names.length);
    expect(new Set(await Promise.all(names.map((name) => secrets.ensureSecret(name)))).size).toBe(names.length);
  });
});

describe('the API token', () => {
  test('is made once and kept private', async () => {
    const token = await secrets.ensureToken();
    expect(token).toMatch(/^lst_[A-Za-z0-9_-]{43}$/);
    expect(await secrets.ensureToken()).toBe(token);
    expect((await stat(join(directory, 'token'))).mode & 0o777).toBe(0o600);
  });

  test('is refused when it is damaged or others can read it', async () => {
    await secrets.ensureToken();
    await chmod(join(directory, 'token'), 0o644);
    await expect(secrets.ensureToken()).rejects.toThrow('chmod 600');
    await chmod(join(directory, 'token'), 0o600);
    await writeFile(join(directory, 'token'), 'admin\n');
    await expect(secrets.ensureToken()).rejects.toThrow('no valid token');
  });
});
