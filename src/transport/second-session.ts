// Can a second session be opened on a connection, as every upload needs it? sshd's MaxSessions may forbid it.
import { startChild } from './child.ts';
import type { Carrier } from './rsync-argv.ts';

/** Runs `true` on the server in the way in which rsync is run there. */
export async function opensAnother({ rsh }: Carrier, signal: AbortSignal): Promise<boolean> {
  const [file, ...args] = rsh ?? [];
  if (file === undefined) return true;
  signal.throwIfAborted();
  const child = startChild(file, [...args, 'server', 'true']);
  const onAbort = (): void => void child.kill();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    child.stdout.resume();
    child.stdin.end();
    const { exit } = await child.ended;
    signal.throwIfAborted();
    return exit === 0;
  } finally {
    signal.removeEventListener('abort', onAbort);
    await child.kill();
  }
}
