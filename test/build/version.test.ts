// The version of an artifact: from a command, a file or Git's tags; the same again when the artifact was built before.
import { afterEach, describe, expect, test } from '@jest/globals';
import type { VersionSource } from '../../src/core/repository.ts';
import { openWorkshop, request, REVISION } from './workshop.ts';
import type { Workshop } from './workshop.ts';

let workshop: Workshop | null = null;
afterEach(async () => {
  await workshop?.remove();
  workshop = null;
});

async function versionOf(version: VersionSource | undefined, command: string | null = null, revision = REVISION): Promise<string | null> {
  workshop ??= await openWorkshop({
    VERSION: '  1.4.2 beta \nmore\n',
    'package.json': '{ "name": "shop", "version": "2.0.0-rc.1" }',
    'composer.json': '{ "name": "shop" }',
    empty: '\nsecond line\n',
    'dist/VERSION': 'of dist\n',
  });
  const asked = request(command, version === undefined ? {} : { version }, { revision });
  return (await workshop.builder.build(asked, new AbortController().signal)).version;
}

describe('the version', () => {
  test('is not said by a build without the setting', async () => {
    expect(await versionOf(undefined)).toBeNull();
  });

  test('is the first line of a file, or the field of a JSON file', async () => {
    expect(await versionOf({ file: 'VERSION' })).toBe('1.4.2 beta');
    expect(await versionOf({ file: 'package.json' })).toBe('2.0.0-rc.1');
  });

  test('is the first line that a command prints, in the place of the build, after it; what it complains is logged', async () => {
    expect(await versionOf({ command: 'echo complaint >&2; cat built; echo second' }, 'echo "3.1 from $LOCKSTEP_BRANCH" >built')).toBe(
      '3.1 from servers/production',
    );
    expect(await versionOf({ command: 'pwd >&2; echo without a build' })).toBe('without a build');
  });

  test('is what Git says', async () => {
    expect(await versionOf('tag')).toMatch(/^v1\.4-/);
  });

  test('stays what it was when the artifact was built before, also by an earlier daemon', async () => {
    const random: VersionSource = { command: 'head -c 8 /dev/urandom | od -An -tx8' };
    const first = await versionOf(random);
    expect(first).toMatch(/^[0-9a-f]{16}$/);
    expect(await versionOf(random)).toBe(first);
    const again = await workshop?.reopen();
    const built = await again?.build(request(null, { version: random }), new AbortController().signal);
    expect(built?.version).toBe(first);
    expect(await versionOf(random, null, REVISION.replace('1', '9'))).not.toBe(first);
  });

  test.each<[VersionSource, string]>([
    [{ file: 'nowhere' }, 'the file of its version, nowhere, is not in the artifact'],
    [{ file: 'dist' }, 'the file of its version, dist, is not in the artifact'],
    [{ file: 'empty' }, 'the file of its version, empty, has an empty first line'],
    [{ file: 'composer.json' }, 'the file of its version, composer.json, has no text in its field "version"'],
    [{ command: 'true' }, 'its version command `true` printed nothing'],
    [{ command: 'echo' }, 'its version command `echo` printed nothing'],
    [{ command: 'echo 1.0; exit 3' }, 'exited 3'],
  ])('of %j fails the build: %s', async (version, said) => {
    await expect(versionOf(version)).rejects.toMatchObject({ code: 'build', message: expect.stringContaining(said) });
  });
});
