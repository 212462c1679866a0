// The ground of a benchmark: a repository, and a directory that goes away at the end.
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { freePort, must, start, succeeds, until } from '../shared/programs.js';

/**
 * A repository with so many text files of ordinary sizes, in directories as an application has them. The same at every run. Whoever fetches does so from
 * its `url`, by git's own protocol, which asks for neither encryption nor a key; what serves it is on neither side of the measurement.
 */
export async function makeRepository({ directory, atEnd }, files) {
  const work = join(directory, 'work');
  const bare = join(directory, 'site.git');
  await must('git', ['init', '-q', '--bare', '-b', 'servers/production', bare]);
  await must('git', ['init', '-q', '-b', 'servers/production', work]);
  const random = generator(42);
  for (let i = 0; i < files; i++) {
    const path = join(work, pathOf(i));
    if (i % 20 === 0) await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, textOf(random, i));
  }
  await writeFile(join(work, 'VERSION'), '0\n');
  await writeFile(join(work, 'NOTES'), '0\n');
  await must('git', ['-C', work, 'add', '-A']);
  await must('git', ['-C', work, 'commit', '-q', '-m', 'The application']);
  await must('git', ['-C', work, 'remote', 'add', 'origin', bare]);
  await must('git', ['-C', work, 'push', '-q', 'origin', 'HEAD']);
  const serving = await serveRepository(directory, bare);
  atEnd(() => serving.end());
  let version = 0;
  let notes = 0;
  return {
    work,
    bare,
    url: serving.url,
    revision: () => must('git', ['-C', work, 'rev-parse', 'HEAD']).then((text) => text.trim()),
    /** Changes so many files and the file VERSION, and commits. Returns the version; nothing is pushed. */
    async commit(changes) {
      version += 1;
      for (let i = 0; i < changes; i++) {
        const index = Math.floor((i * files) / changes);
        await writeFile(join(work, pathOf(index)), textOf(random, index) + `\n// ${version}\n`);
      }
      await writeFile(join(work, 'VERSION'), `${version}\n`);
      await must('git', ['-C', work, 'commit', '-q', '-a', '-m', `Version ${version}`]);
      return String(version);
    },
    /** Commits a change of NOTES, and of nothing else. */
    async note() {
      await writeFile(join(work, 'NOTES'), `${++notes}\n`);
      await must('git', ['-C', work, 'commit', '-q', '-a', '-m', `Note ${notes}`]);
      return String(version);
    },
    push: () => must('git', ['-C', work, 'push', '-q', 'origin', 'HEAD']),
  };
}

/** git's daemon, and the URL of the repository behind it. The caller ends it. */
async function serveRepository(directory, bare) {
  const port = await freePort();
  const daemon = join((await must('git', ['--exec-path'])).trim(), 'git-daemon');
  const options = ['--export-all', '--max-connections=0', '--listen=127.0.0.1', `--port=${port}`, `--base-path=${directory}`];
  const { end } = start(daemon, [...options, bare]);
  const url = `git://127.0.0.1:${port}/${basename(bare)}`;
  await until(() => succeeds('git', ['ls-remote', url]), "the start of git's daemon");
  return { url, end };
}

const pathOf = (i) => `src/module${Math.floor(i / 400)}/part${Math.floor(i / 20) % 20}/File${i}.php`;

function textOf(random, i) {
  const lines = 20 + Math.floor(random() ** 3 * 600);
  const words = Array.from({ length: lines }, (_, n) => `$value${n} = compute(${Math.floor(random() * 1e6)}, 'item ${i}');`);
  return `<?php\n${words.join('\n')}\n`;
}

/** mulberry32: small, and the same everywhere. */
function generator(seed) {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Where everything of one benchmark lies: in memory if there is room, so that the disk of this machine is not what is measured. */
export async function openGround() {
  const base = existsSync('/dev/shm') ? '/dev/shm' : '/tmp';
  const directory = await mkdtemp(join(base, 'lockstep-bench-'));
  await chmod(directory, 0o755);
  const cleanups = [];
  let closing = null;
  async function end() {
    for (const action of cleanups) await action();
    await rm(directory, { recursive: true, force: true });
  }
  const close = () => (closing ??= end());
  const stop = () => {
    // What is under way fails now, and must not end us before all is tidy.
    process.on('unhandledRejection', () => undefined);
    void close().finally(() => process.exit(130));
  };
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop);
  return {
    directory,
    /** `action` runs at the end, last first. */
    atEnd: (action) => cleanups.unshift(action),
    /** Also when we are told to end. */
    close: async () => {
      for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, stop);
      await close();
    },
  };
}

/** Do two trees hold the same files with the same contents? NOTES is left out: a build may leave it out, too. */
export async function sameTree(one, other) {
  const difference = await must('diff', [
    '-rq',
    '--no-dereference',
    '-x',
    '.git',
    '-x',
    '.lockstep',
    '-x',
    'REVISION',
    '-x',
    'NOTES',
    `${one}/`,
    `${other}/`,
  ]).catch((error) => error.message);
  return difference.trim() === '' ? null : difference;
}
