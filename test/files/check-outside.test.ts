// Files and secrets of a cluster, looked for before its first deployment.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cluster } from '../../src/core/cluster.ts';
import { checkOutside } from '../../src/files/check-outside.ts';
import { sampleCluster } from '../lab/samples.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lockstep-outside-'));
  await mkdir(join(directory, 'files/all'), { recursive: true });
  await writeFile(join(directory, 'files/all/local.php.template'), 'host {{ db_host }}\nkey {{ secret API_KEY }}\n');
  await writeFile(join(directory, 'key'), 'hunter22\n');
});
afterAll(() => rm(directory, { recursive: true }));

const told = async (more: Partial<Cluster>): Promise<string[]> =>
  (await checkOutside({ ...sampleCluster(2), name: 'demo', ...more }, new AbortController().signal)).map(
    ({ state, message }) => `${state} ${message.replaceAll(directory, '')}`,
  );
const files = (path: string): Partial<Cluster> => ({ files: { kind: 'directory', path: join(directory, path) } });

test('a cluster without files and secrets is not mentioned', async () => {
  expect(await told({})).toEqual([]);
});

test('what is there is well, and nothing of it is said', async () => {
  const secrets = { API_KEY: { file: join(directory, 'key') } };
  expect(await told({ ...files('files'), secrets, variables: { db_host: 'db' } })).toEqual(['ok its files and secrets are there']);
});

test('every secret whose file cannot be read is named, and so is a directory that is missing', async () => {
  const secrets = { ONE: { file: join(directory, 'nowhere') }, TWO: { file: directory }, THREE: { file: join(directory, 'key') } };
  expect(await told({ ...files('gone'), secrets })).toEqual([
    'fail secret ONE of cluster demo (file /nowhere) is missing: there is no such file',
    'fail secret TWO of cluster demo (file ) is missing: it is not a file',
    'fail files of demo in /gone: is not a directory; correct "files" of the cluster, or make it',
  ]);
});

test('a template that names what nobody has given is named with its line', async () => {
  const secrets = { API_KEY: { file: join(directory, 'key') } };
  expect(await told({ ...files('files'), secrets })).toEqual([
    expect.stringContaining('fail files of demo in /files: all/local.php.template:1: {{ db_host }} is unknown'),
  ]);
  expect(await told({ ...files('files'), variables: { db_host: 'db' } })).toEqual([
    expect.stringContaining('all/local.php.template:2: {{ secret API_KEY }} is unknown'),
  ]);
});

test("commands, and what the daemon's environment has, are the daemon's: they are not run and not missed", async () => {
  const secrets = { ONE: { command: `touch ${join(directory, 'ran')}; false` }, TWO: { environment: 'LOCKSTEP_NO_SUCH' } };
  expect(await told({ secrets })).toEqual(['ok its files and secrets are there']);
  await expect(writeFile(join(directory, 'ran'), '', { flag: 'wx' })).resolves.toBeUndefined();
});
