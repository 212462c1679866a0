// Hot reload: follows the configuration file and the pages that it names. A bad edit never replaces a good configuration.
import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { watch } from 'chokidar';
import type { FSWatcher } from 'chokidar';
import { problemOf } from '../core/errors.ts';
import type { LoadedConfiguration } from './load.ts';
import { loadConfiguration } from './load.ts';

export type ConfigurationListener = {
  /** A valid configuration that differs from the one before, or one that ends a problem. */
  onLoaded(loaded: LoadedConfiguration): void;
  /** What is wrong with the file now, one problem a line; the configuration that was loaded last stays in force. */
  onProblem(message: string): void;
};

export type WatchOptions = {
  /** Hash of the configuration that is in force already: `onLoaded` is not called for it. */
  readonly hash?: string;
  /** The file must have rested this long; editors write in several strokes. */
  readonly settleMs?: number;
  /** The files are looked at this often without any event, for file systems and links that give none. */
  readonly recheckMs?: number;
};

/** How often a file that does not come to rest is looked at again before it is judged as it is. */
const MOST_ATTEMPTS = 20;

/**
 * Resolves when the watching has begun and the file has been read once (a change since `hash` is not missed). Events are only hints:
 * each leads to a complete reading and validation. `close` is idempotent; after it no listener is called. Never rejects for what is
 * in the file. A listener must not throw.
 */
export async function watchConfiguration(
  file: string,
  listener: ConfigurationListener,
  options: WatchOptions = {},
): Promise<{ close(): Promise<void> }> {
  const { settleMs = 100, recheckMs = 3_000 } = options;
  const main = resolve(file);
  const watched = new Set([main]);
  let hash = options.hash ?? null;
  let problem: string | null = null;
  let seen: string | null = null;
  let isClosed = false;
  let running: Promise<void> | null = null;
  let again = false;
  let timer: NodeJS.Timeout | null = null;
  let hintedAt = 0;

  const watcher = watchDirectories(watched);
  const hint = (): void => {
    if (isClosed) return;
    // Each hint prolongs the rest, but not for ever: something may touch the file all the time.
    if (timer === null) hintedAt = performance.now();
    else if (performance.now() - hintedAt > settleMs * 10) return;
    else clearTimeout(timer);
    timer = setTimeout(() => {
      timer = null;
      void reload();
    }, settleMs);
  };
  watcher.on('all', hint);
  // chokidar throttles its own events and may lose one of two quick renames; these are the kernel's.
  watcher.on('raw', (_event, name: string | null, details) => {
    const { watchedPath } = details as { watchedPath: string };
    if (watched.has(watchedPath) || (name !== null && watched.has(join(watchedPath, name)))) hint();
  });
  // An error of the watcher (for example: too many watches) leaves the regular look.
  watcher.on('error', hint);
  const recheck = setInterval(() => {
    if (timer !== null || running !== null) return;
    // While there is a problem, what would end it may be a file that is not watched yet.
    if (problem !== null) hint();
    else void fingerprint(watched).then((now) => now !== seen && hint());
  }, recheckMs);

  /** One reading at a time; a hint that comes meanwhile leads to another. */
  async function reload(): Promise<void> {
    again = true;
    running ??= (async () => {
      while (again && !isClosed) {
        again = false;
        await readOnce();
      }
      running = null;
    })();
    await running;
  }

  async function readOnce(): Promise<void> {
    const outcome = await loadSettled(file, watched, settleMs, () => isClosed);
    if (isClosed) return;
    seen = outcome.fingerprint;
    if ('problem' in outcome) {
      if (outcome.problem !== problem) {
        problem = outcome.problem;
        listener.onProblem(outcome.problem);
      }
      return;
    }
    const { loaded } = outcome;
    const newPages = loaded.pages.filter((page) => !watched.has(page));
    // In this order: the watcher asks `watched` what matters while it adds.
    for (const page of newPages) watched.add(page);
    if (newPages.length > 0) watcher.add(newPages.map((page) => dirname(page)));
    const isNews = loaded.hash !== hash || problem !== null;
    hash = loaded.hash;
    problem = null;
    if (isNews) listener.onLoaded(loaded);
  }

  await new Promise<void>((ready) => watcher.once('ready', ready));
  await reload();
  return {
    async close() {
      isClosed = true;
      clearInterval(recheck);
      if (timer !== null) clearTimeout(timer);
      await running;
      await watcher.close();
    },
  };
}

/** The directories, not the files: editors and deployment tools replace a file by renaming another one over it. */
function watchDirectories(watched: ReadonlySet<string>): FSWatcher {
  return watch([...new Set([...watched].map((path) => dirname(path)))], {
    followSymlinks: false,
    ignoreInitial: true,
    depth: 0,
    // Other files of the directory cost nothing. A directory reaches this function too, as the thing that is watched itself.
    ignored: (path) => !watched.has(path) && ![...watched].some((file) => dirname(file) === path),
  });
}

/** Reads until the files are the same before and after, so that a half-written state is not judged while it is being written. */
async function loadSettled(
  file: string,
  watched: ReadonlySet<string>,
  settleMs: number,
  isClosed: () => boolean,
): Promise<({ readonly loaded: LoadedConfiguration } | { readonly problem: string }) & { readonly fingerprint: string }> {
  for (let attempt = 1; ; attempt++) {
    const before = await fingerprint(watched);
    const outcome = await loadConfiguration(file).then(
      (loaded) => ({ loaded }),
      (error: unknown) => ({ problem: problemOf(error).message }),
    );
    // A problem gets a second look a little later: a slow writer may be at it.
    if ('problem' in outcome) await new Promise((done) => setTimeout(done, settleMs * 2));
    if (isClosed() || attempt === MOST_ATTEMPTS || (await fingerprint(watched)) === before) return { ...outcome, fingerprint: before };
  }
}

async function fingerprint(files: ReadonlySet<string>): Promise<string> {
  const parts = [...files].map(async (path) => {
    const stats = await stat(path, { bigint: true }).catch(() => null);
    return stats === null ? 'absent' : `${stats.ino} ${stats.size} ${stats.mtimeNs}`;
  });
  return (await Promise.all(parts)).join('\n');
}
