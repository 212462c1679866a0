// A git that is killed has not told all: what it said until then is never taken for the whole.
import { expect, test } from '@jest/globals';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { openVersionControl } from '../../src/vcs/open.ts';
import { makeGitLab } from '../lab/git.ts';
import { until } from '../lab/until.ts';
import { never, repositoryOf, temporaryDirectory } from './lab.ts';

/** Processes of git of whose words one holds `part`, in a directory at or below `place`. */
const gitsWith = (part: string, place = '/'): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return words[0] === 'git' && words.some((word) => word.includes(part)) && readlinkSync(`/proc/${pid}/cwd`).startsWith(place);
      } catch {
        return false;
      }
    })
    .map(Number);

const directory = temporaryDirectory();

test('branches that nobody could name are not taken for branches that are gone', async () => {
  // It takes the question, and never answers.
  const server = createServer((socket) => void socket.on('error', () => undefined).resume());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    const vcs = openVersionControl({ directory })(repositoryOf('git', `git://127.0.0.1:${port}/shop.git`));
    const heads = vcs.heads([], never).then(
      (found) => [...found],
      (error: unknown) => error,
    );
    const gits = (): number[] => gitsWith(`:${port}/`);
    await until(() => gits().length > 0, { what: 'git asks' });
    for (const pid of gits()) process.kill(pid, 'SIGKILL');
    expect(await heads).toMatchObject({ code: 'repository', message: expect.stringContaining('asking shop') });
  } finally {
    server.close();
  }
});

test('the one that reads objects ends when nobody asks it, and another one reads on when it was killed', async () => {
  const lab = makeGitLab(directory, 'shop');
  const vcs = openVersionControl({ directory: join(directory, 'repositories') })(repositoryOf('git', lab.bare));
  const readers = (): number[] => gitsWith('--batch', directory);
  for (const content of ['1', '2', '3']) {
    const revision = lab.commit('main', { a: content });
    expect(await vcs.commit('main', revision, never)).toMatchObject({ revision });
    expect(readers()).toHaveLength(1);
    if (content === '3') break;
    for (const pid of readers()) process.kill(pid, 'SIGKILL');
    await until(() => readers().length === 0, { what: 'its end' });
  }
  // Nothing was made anew for it.
  expect(readdirSync(join(directory, 'repositories')).filter((name) => name.includes('damaged'))).toEqual([]);
  await until(() => readers().length === 0, { what: 'its end', timeoutMs: 20_000 });
}, 60_000);
