// Ends processes that we cannot hold by their process group: children of packages that spawn by themselves, and those of a killed daemon.
import { readdir, readFile } from 'node:fs/promises';

/** Environment variable that marks every child of version control. Its value is `<mark of the repository>-<number of the call>`. */
export const MARK = 'LOCKSTEP_VCS';

/**
 * Ends every process whose mark is `mark` or begins with `mark-`: SIGTERM, and after two seconds SIGKILL. Children keep the mark, so the
 * whole tree goes, whatever process groups it made. Resolves when none is left. Reads /proc (proc(5)); elsewhere it finds nothing.
 */
export async function endMarked(mark: string): Promise<void> {
  const deadline = Date.now() + 2_000;
  for (;;) {
    const found = await marked(mark);
    if (found.length === 0) return;
    for (const pid of found) kill(pid, Date.now() < deadline ? 'SIGTERM' : 'SIGKILL');
    if (Date.now() > deadline + 5_000) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function marked(mark: string): Promise<number[]> {
  const names = await readdir('/proc').catch(() => []);
  const found: number[] = [];
  for (const name of names) {
    if (!/^[1-9][0-9]*$/.test(name) || Number(name) === process.pid) continue;
    // Gone meanwhile, or another user's: not ours.
    const environment = await readFile(`/proc/${name}/environ`, 'latin1').catch(() => '');
    const value = environment.split('\0').find((line) => line.startsWith(`${MARK}=`));
    if (value === `${MARK}=${mark}` || value?.startsWith(`${MARK}=${mark}-`) === true) found.push(Number(name));
  }
  return found;
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself.
  }
}
