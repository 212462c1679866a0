// Runs one build command to its end, and everything it started with it.
import { execa } from 'execa';
import { kill, killMarked } from './leftovers.ts';
import type { Output } from './output.ts';

export type Run = {
  readonly argv: readonly string[];
  readonly cwd: string;
  /** The whole environment: nothing of the daemon's own is added. */
  readonly environment: Readonly<Record<string, string>>;
  /** Value of LOCKSTEP_BUILD in `environment`: finds what the build leaves behind. */
  readonly mark: string;
  readonly timeoutMs: number;
  readonly output: Output;
  /** Gets what comes on standard output alone. */
  readonly onStdout?: (bytes: Buffer) => void;
  readonly signal: AbortSignal;
};

/** `exit` is 128 + n after signal n. `why`: ended by itself, or was ended. `survivors`: processes that could not be killed in 10 s. */
export type Ended = {
  readonly why: 'exited' | 'timeout' | 'aborted';
  readonly exit: number;
  readonly tookMs: number;
  readonly survivors: number;
};

/**
 * Starts the command without a shell, in a session of its own. When it ends, or its time is over, or `signal` aborts, its process group and
 * all marked processes are killed; only then this resolves. Output is passed on as it comes and not kept. Rejects when it cannot be started.
 */
export async function run({ argv, cwd, environment, mark, timeoutMs, output, onStdout, signal }: Run): Promise<Ended> {
  const [file, ...args] = argv;
  const startedAt = performance.now();
  const child = execa(file as string, args, {
    cwd,
    env: { ...environment },
    extendEnv: false,
    stdin: 'ignore',
    all: true,
    buffer: false,
    detached: true,
    reject: false,
  });
  const finished = child.then((result) => result);
  child.all.on('data', (bytes: Buffer) => {
    output.write(bytes);
  });
  if (onStdout !== undefined) child.stdout.on('data', onStdout);
  const group = child.pid;
  if (group === undefined) throw new Error((await finished).shortMessage ?? `${String(file)} cannot be started`);

  let why: Ended['why'] = 'exited';
  const end = (reason: Ended['why']): void => {
    why = reason;
    kill(-group);
  };
  const timer = setTimeout(end, Math.min(timeoutMs, MAX_TIMER_MS), 'timeout');
  const abort = (): void => {
    end('aborted');
  };
  signal.addEventListener('abort', abort);
  if (signal.aborted) abort();
  const exit = await exitOf(child);
  clearTimeout(timer);
  signal.removeEventListener('abort', abort);

  kill(-group);
  const survivors = await killMarked(mark);
  // A survivor may hold the pipe open for ever.
  if (survivors > 0) child.all.destroy();
  await finished;
  return { why, exit, tookMs: Math.round(performance.now() - startedAt), survivors };
}

/** Longer timers fire at once (Node.js, `setTimeout`). */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The exit of the direct child; its pipes may stay open longer, held by what it left behind. */
function exitOf(child: NodeJS.EventEmitter): Promise<number> {
  return new Promise((resolve) => {
    child.once('exit', (code: number | null, signal: NodeJS.Signals | null) => {
      resolve(code ?? 128 + (signal === 'SIGKILL' ? 9 : 15));
    });
  });
}
