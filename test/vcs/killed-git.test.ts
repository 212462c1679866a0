// A git that is killed has not told all: what it said until then is never taken for the whole.
import { expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { openVersionControl } from '../../src/vcs/open.ts';
import { until } from '../lab/until.ts';
import { never, repositoryOf, temporaryDirectory } from './lab.ts';

/** Processes of git that talk to this port. */
const gitsOf = (port: number): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return words[0] === 'git' && words.some((word) => word.includes(`:${port}/`));
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
    await until(() => gitsOf(port).length > 0, { what: 'git asks' });
    for (const pid of gitsOf(port)) process.kill(pid, 'SIGKILL');
    expect(await heads).toMatchObject({ code: 'repository', message: expect.stringContaining('asking shop') });
  } finally {
    server.close();
  }
});
