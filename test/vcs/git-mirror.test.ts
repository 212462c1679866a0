// The mirror of a Git repository: what is left of a killed git is cleared away, what is damaged is made anew.
import { describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { openVersionControl } from '../../src/vcs/open.ts';
import { MARK } from '../../src/vcs/marked-processes.ts';
import { shortHash } from '../../src/vcs/names.ts';
import { git, makeGitLab } from '../lab/git.ts';
import { until } from '../lab/until.ts';
import { contents, emptyDirectory, never, repositoryOf, temporaryDirectory } from './lab.ts';

const top = temporaryDirectory();
let count = 0;

function setUp() {
  const directory = join(top, `case-${++count}`);
  mkdirSync(directory);
  const lab = makeGitLab(directory);
  const repositories = join(directory, 'repositories');
  const repository = repositoryOf('git', lab.bare);
  /** As after a new start of the daemon. */
  const restart = () => openVersionControl({ directory: repositories })(repository);
  return { directory, lab, restart, vcs: restart(), mirror: join(repositories, 'shop.git'), repository, repositories };
}

const filesOf = (directory: string): string[] =>
  readdirSync(directory, { recursive: true })
    .map((name) => join(directory, String(name)))
    .filter((path) => statSync(path).isFile());

describe('after a crash', () => {
  test('stale locks and half-made files are cleared away', async () => {
    const { lab, vcs, restart, mirror } = setUp();
    await vcs.commit('main', lab.commit('main', { a: '1' }), never);
    const ref = filesOf(join(mirror, 'refs')).find((path) => path.includes('branch')) ?? '';
    for (const path of [
      `${ref}.lock`,
      join(mirror, 'HEAD.lock'),
      join(mirror, 'config.lock'),
      join(mirror, 'packed-refs.lock'),
      join(mirror, 'shallow.lock'),
      join(mirror, 'objects', 'pack', 'tmp_pack_x'),
    ]) {
      writeFileSync(path, '');
    }
    const two = lab.commit('main', { a: '2' });
    expect((await restart().commit('main', two, never)).revision).toBe(two);
    expect(filesOf(mirror).filter((path) => path.endsWith('.lock') || path.includes('tmp_'))).toEqual([]);
  });

  test('a git that the old daemon left running is ended first', async () => {
    const { lab, restart, mirror } = setUp();
    const id = lab.commit('main', { a: '1' });
    const orphan = spawn('sleep', ['600'], {
      env: { PATH: process.env['PATH'], [MARK]: `${shortHash(mirror)}-7` },
      detached: true,
      stdio: 'ignore',
    });
    const ended = new Promise((resolve) => orphan.once('exit', resolve));
    await restart().commit('main', id, never);
    await ended;
  });

  test('a mirror that was being made is made again', async () => {
    const { lab, restart, mirror, repositories } = setUp();
    const id = lab.commit('main', { a: '1' });
    mkdirSync(join(`${mirror}.new`, 'objects'), { recursive: true });
    expect((await restart().commit('main', id, never)).revision).toBe(id);
    expect(readdirSync(repositories).sort()).toEqual(['shop.git', 'shop.home']);
  });

  test('a fetch that was killed at any time is done again', async () => {
    const { directory, lab, vcs, restart, mirror, repositories } = setUp();
    await vcs.commit('main', lab.commit('main', { a: '1' }), never);
    for (let round = 0; round < 6; round++) {
      const files = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`f${i}`, `${round} ${i} ${Math.random()}`.repeat(300)]));
      const id = lab.commit('main', files);
      const killed = spawn(
        'git',
        ['fetch', '--quiet', '--refmap=', 'origin', `+refs/heads/main:refs/lockstep/branch/${shortHash('main')}`],
        {
          cwd: mirror,
          env: { PATH: process.env['PATH'], HOME: join(repositories, 'shop.home') },
          detached: true,
          stdio: 'ignore',
        },
      );
      await new Promise((resolve) => setTimeout(resolve, round * 8));
      const ended = new Promise((resolve) => killed.once('exit', resolve));
      if (killed.exitCode === null && killed.pid !== undefined) process.kill(-killed.pid, 'SIGKILL');
      if (killed.exitCode === null) await ended;
      const out = emptyDirectory(directory);
      await restart().export('main', id, '.', out, never);
      expect(Object.keys(contents(out)).length).toBe(41);
    }
  });
});

describe('a mirror', () => {
  test.each<[string, (mirror: string) => void]>([
    ['without a HEAD', (mirror) => rmSync(join(mirror, 'HEAD'))],
    ['with a broken configuration', (mirror) => writeFileSync(join(mirror, 'config'), '[core\nx')],
    ['without objects', (mirror) => rmSync(join(mirror, 'objects'), { recursive: true })],
    ['with all objects gone', (mirror) => filesOf(join(mirror, 'objects')).forEach((path) => rmSync(path))],
    ['with empty objects', (mirror) => filesOf(join(mirror, 'objects')).forEach((path) => truncateSync(path, 0))],
    [
      'with objects cut short',
      (mirror) => filesOf(join(mirror, 'objects')).forEach((path) => truncateSync(path, Math.floor(statSync(path).size / 2))),
    ],
    ['with garbage for objects', (mirror) => filesOf(join(mirror, 'objects')).forEach((path) => writeFileSync(path, 'garbage'.repeat(40)))],
    ['with garbage for a branch', (mirror) => filesOf(join(mirror, 'refs')).forEach((path) => writeFileSync(path, 'garbage'))],
    [
      'with a branch that leads nowhere',
      (mirror) => filesOf(join(mirror, 'refs')).forEach((path) => writeFileSync(path, `${'d'.repeat(40)}\n`)),
    ],
    ['that is an empty directory', (mirror) => readdirSync(mirror).forEach((name) => rmSync(join(mirror, name), { recursive: true }))],
    ['that is gone', (mirror) => rmSync(mirror, { recursive: true })],
  ])('%s is made anew', async (_what, damage) => {
    const { directory, lab, vcs, mirror, restart } = setUp();
    const one = lab.commit('main', { a: '1', b: 'b'.repeat(1000) });
    await vcs.commit('main', one, never);
    damage(mirror);
    const out = emptyDirectory(directory);
    await vcs.export('main', one, '.', out, never);
    expect(contents(out)).toMatchObject({ a: '644 1' });
    damage(mirror);
    const two = lab.commit('main', { a: '2' });
    expect((await restart().commit('main', two, never)).revision).toBe(two);
    expect(await vcs.isAncestor(one, two, never)).toBe(true);
    expect(existsSync(`${mirror}.damaged`)).toBe(false);
  });

  test('whose file has other bytes than its id says is made anew', async () => {
    const { directory, lab, vcs, mirror } = setUp();
    const id = lab.commit('main', { a: 'right' });
    await vcs.commit('main', id, never);
    const blobId = git(lab.work, ['rev-parse', `${id}:a`]);
    const wrong = git(mirror, ['hash-object', '-w', '--stdin'], { input: 'wrong' });
    const path = (one: string): string => join(mirror, 'objects', one.slice(0, 2), one.slice(2));
    for (const pack of filesOf(join(mirror, 'objects', 'pack')).filter((one) => one.endsWith('.pack'))) {
      const bytes = readFileSync(pack);
      rmSync(pack);
      git(mirror, ['unpack-objects', '-q'], { input: bytes });
    }
    chmodSync(path(blobId), 0o644);
    copyFileSync(path(wrong), path(blobId));
    const out = emptyDirectory(directory);
    await vcs.export('main', id, '.', out, never);
    expect(contents(out)).toEqual({ a: '644 right' });
  });
});

test('a remote that never answers is given up when the deployment is aborted, and nothing is left running', async () => {
  const { repositories, repository } = setUp();
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', () => resolve()));
  const address = silent.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  let connections = 0;
  silent.on('connection', () => (connections += 1));
  for (const scheme of ['http', 'git']) {
    const before = connections;
    const vcs = openVersionControl({ directory: repositories })({ ...repository, url: `${scheme}://127.0.0.1:${port}/x.git` });
    const stop = new AbortController();
    const ended = expect(
      scheme === 'http' ? vcs.heads([], stop.signal) : vcs.commit('main', 'a'.repeat(40), stop.signal),
    ).rejects.toMatchObject({ code: 'aborted' });
    await until(() => connections > before, { what: 'git connects' });
    stop.abort();
    await ended;
    const running = (): string[] =>
      readdirSync('/proc').filter((name) => {
        try {
          return /^[0-9]+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(`127.0.0.1:${port}`);
        } catch {
          return false;
        }
      });
    await until(() => running().length === 0, { timeoutMs: 10_000, what: 'git is gone' });
  }
  silent.close();
});
