// Finds and ends the processes that a build left behind, wherever they have gone.
import { readFile, readdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** Every process of a build inherits this variable; `nohup`, `setsid` and a double fork do not shed it. */
export const MARK = 'LOCKSTEP_BUILD';

const LIMIT_MS = 10_000;

/**
 * Kills all processes whose environment at their start had `LOCKSTEP_BUILD=<mark>…`, and waits until they are gone, at most 10 s. Again and
 * again, because one that forks while we look would escape. Returns how many were still seen at the end of the time. A zombie has no
 * environment and does not count (proc(5)).
 */
export async function killMarked(mark: string): Promise<number> {
  const giveUpAt = Date.now() + LIMIT_MS;
  for (let pauseMs = 2; ; pauseMs = Math.min(pauseMs * 2, 100)) {
    const found = await marked(mark);
    if (found.length === 0 || Date.now() > giveUpAt) return found.length;
    for (const pid of found) kill(pid);
    await sleep(pauseMs);
  }
}

async function marked(mark: string): Promise<number[]> {
  const wanted = Buffer.from(`\0${MARK}=${mark}`);
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name)).map(Number);
  const found: number[] = [];
  for (const pid of pids) {
    if (pid === process.pid) continue;
    const environment = await readFile(`/proc/${pid}/environ`).catch(() => null);
    if (environment !== null && Buffer.concat([Buffer.from('\0'), environment]).includes(wanted)) found.push(pid);
  }
  return found;
}

/** Ends a process, or with a negative number its group. Gone already, or not ours to kill (EPERM: setuid), is seen by who counts again. */
export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    return;
  }
}
