// A child process of the transport: an argument list, a small environment, a process group of its own, and the end of what it complained.
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { PassThrough } from 'node:stream';
import type { Readable, Writable } from 'node:stream';

/** `exit` null: it could not be started, or a signal ended it. `stderr` is the last 8 KiB. */
export type Ended = { readonly exit: number | null; readonly signal: string | null; readonly stderr: string };

export type Child = {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Never rejects. */
  readonly ended: Promise<Ended>;
  /** Ends its whole process group: SIGTERM, after a second SIGKILL. Resolves when it has ended. */
  kill(): Promise<void>;
};

const STDERR_MAX = 8 * 1024;
const GRACE_MS = 1_000;

/**
 * Starts `file` (found in PATH) in `/`. The caller must read `stdout`. Writing to a child that has ended is no error.
 * Node's own spawn: a thousand connections are open at a time, and what execa knows of each of them is some 45 kB.
 */
export function startChild(file: string, args: readonly string[]): Child {
  let child: ChildProcessWithoutNullStreams;
  try {
    child = spawn(file, args, { cwd: '/', env: childEnvironment(), detached: true, stdio: 'pipe' });
  } catch (error) {
    return neverStarted(file, error as Error);
  }
  // Without descriptors for them there are no streams.
  if ((child.stdin as Writable | undefined) === undefined) {
    child.on('error', () => undefined);
    return neverStarted(file, new Error('too many open files'));
  }
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-STDERR_MAX)));
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => undefined);
  let hasEnded = false;
  const ended = new Promise<Ended>((resolve) => {
    const end = (how: Ended): void => {
      hasEnded = true;
      resolve(how);
    };
    child.on('error', (error) => end({ exit: null, signal: null, stderr: startFailure(file, error) }));
    child.once('close', (exit, signal) => end({ exit, signal, stderr }));
  });
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    ended,
    kill: async () => {
      if (hasEnded) return;
      killGroup(child.pid, 'SIGTERM');
      const timer = setTimeout(() => {
        killGroup(child.pid, 'SIGKILL');
        // Somebody who left the group may hold our pipes; nobody waits for them.
        child.stdout.destroy();
        child.stderr.destroy();
      }, GRACE_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

function neverStarted(file: string, error: Error): Child {
  const [stdin, stdout] = [new PassThrough(), new PassThrough()];
  stdin.on('error', () => undefined).destroy();
  stdout.end();
  const how = { exit: null, signal: null, stderr: startFailure(file, error) };
  return { stdin, stdout, ended: Promise.resolve(how), kill: () => Promise.resolve() };
}

const startFailure = (file: string, error: NodeJS.ErrnoException): string =>
  error.code === 'ENOENT' ? `there is no ${file} on this machine; install it` : `${file} could not be started: ${error.message}`;

/** What the child complained last, for a message: one line, or nothing. */
export function lastLine(text: string): string {
  return (
    text
      .trimEnd()
      .split(/[\r\n]+/)
      .at(-1)
      ?.trim() ?? ''
  );
}

/** Nothing of the daemon's own settings; no RSYNC_* and no SSH_* but the key agent's socket. */
function childEnvironment(): Record<string, string> {
  const environment: Record<string, string> = { PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8', LC_ALL: 'C' };
  for (const name of ['HOME', 'USER', 'LOGNAME', 'SSH_AUTH_SOCK']) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is empty.
  }
}
