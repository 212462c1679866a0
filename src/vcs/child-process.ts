// Runs git and svn with an argument list, a fixed environment, a time limit and bounded output, in a process group of their own.
import { Readable } from 'node:stream';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { execa } from 'execa';
import { DeployError } from '../core/errors.ts';
import { errorOf } from './failure.ts';

export type Call = {
  /** For messages: `export of trunk@12 from portal`. */
  readonly tried: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** What the program reads on its standard input; nothing if left out. */
  readonly input?: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
};

/** `exit` null: ended by a signal of somebody else. `stderr` is its last 16 KiB. */
export type Ended = { readonly exit: number | null; readonly stderr: string };

/** How much standard output `run` keeps, in bytes; more is a DeployError `repository`. */
const OUTPUT_MAX = 16 * 1024 * 1024;
const STDERR_MAX = 16 * 1024;
/** Time between SIGTERM and SIGKILL. */
const GRACE_MS = 2_000;

/** In a process group of its own, and with nothing of our environment; how it ends is looked at here. */
const ALONE = { extendEnv: false, detached: true, cleanup: false, buffer: false, reject: false } as const;

/** Runs a program to its end. Any exit status is an answer; only what `stream` names is thrown. */
export async function run(call: Call): Promise<Ended & { readonly stdout: Buffer }> {
  const { result, ended } = await stream(call, async (stdout) => {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of stdout as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > OUTPUT_MAX)
        throw new DeployError('repository', `${call.tried} failed: ${call.file} printed more than ${OUTPUT_MAX} bytes.`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  });
  return { ...ended, stdout: result };
}

/**
 * Runs a program whose standard output `consume` reads as it comes (back-pressure reaches the program). If `consume` throws, the program
 * is ended and the error goes on. Throws DeployError `aborted` (the signal), `repository` (time limit), `configuration` (no such program).
 * When it returns or throws, nothing of the program's process group is left.
 */
export async function stream<T>(
  call: Call,
  consume: (stdout: Readable) => Promise<T>,
): Promise<{ readonly result: T; readonly ended: Ended }> {
  const aborted = new DeployError('aborted', `${call.tried} was stopped.`);
  if (call.signal.aborted) throw aborted;
  const child = execa(call.file, [...call.args], {
    ...ALONE,
    cwd: call.cwd,
    env: call.env,
    stdin: call.input === undefined ? 'ignore' : 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  let problem: Error | null = null;
  let killer: NodeJS.Timeout | undefined;
  const end = (why: Error): void => {
    problem ??= why;
    killGroup(child.pid, 'SIGTERM');
    killer ??= setTimeout(() => killGroup(child.pid, 'SIGKILL'), GRACE_MS);
  };
  const onAbort = (): void => end(aborted);
  call.signal.addEventListener('abort', onAbort, { once: true });
  const seconds = Math.round(call.timeoutMs / 1000);
  const late = new DeployError(
    'repository',
    `${call.tried} failed: no end after ${seconds} s. Check that the repository answers, then deploy again.`,
  );
  const timer = setTimeout(() => end(late), call.timeoutMs);

  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-STDERR_MAX)));
  const fed = call.input === undefined || child.stdin === null ? null : feed(call.input, child.stdin);
  try {
    const consumed = consume(child.stdout).catch((error: unknown) => {
      end(errorOf(error));
      child.stdout.resume();
      return undefined;
    });
    const [result, outcome] = await Promise.all([consumed, child, fed]);
    if ('code' in outcome && outcome.code === 'ENOENT') {
      throw new DeployError(
        'configuration',
        `${call.tried} failed: ${call.file} is not installed on this machine. Install it and deploy again.`,
      );
    }
    const failed = problem as Error | null;
    if (failed !== null) throw failed;
    return { result: result as T, ended: { exit: outcome.exitCode ?? null, stderr } };
  } finally {
    clearTimeout(timer);
    clearTimeout(killer);
    call.signal.removeEventListener('abort', onAbort);
    // The program has ended; what it left in its group ends too.
    killGroup(child.pid, 'SIGKILL');
  }
}

/** A program that answers as long as it is asked, and ends with its standard input: it never outlives the process that started it. */
export type Partner = {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** It has ended, or is about to: it answers nothing more. */
  readonly hasEnded: () => boolean;
  /** While it is held, this process waits for it; it is not held at first. */
  hold(isHeld: boolean): void;
  end(): void;
};

/** Starts a program to be talked to. That there is no such program shows as an end without any answer. */
export function startPartner(call: Pick<Call, 'file' | 'args' | 'cwd' | 'env'>): Partner {
  const child = execa(call.file, [...call.args], {
    ...ALONE,
    cwd: call.cwd,
    env: call.env,
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'ignore',
  });
  // Who asks sees that there is no answer.
  for (const stream of [child.stdin, child.stdout]) stream.on('error', () => undefined);
  // What a pipe really is, a socket, can be held as the process can.
  const holders: readonly unknown[] = [child, child.stdin, child.stdout];
  const hold = (isHeld: boolean): void => {
    for (const one of holders as readonly Pick<NodeJS.Timeout, 'ref' | 'unref'>[]) {
      if (isHeld) one.ref();
      else one.unref();
    }
  };
  hold(false);
  let isOver = false;
  const hasEnded = (): boolean => isOver || child.exitCode !== null || child.signalCode !== null;
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    hasEnded,
    hold,
    end() {
      // Its number may be another's by now.
      if (!hasEnded()) killGroup(child.pid, 'SIGKILL');
      isOver = true;
    },
  };
}

async function feed(input: string, stdin: NodeJS.WritableStream): Promise<void> {
  // A program that ends before it has read everything is judged by its exit status, not by our broken pipe.
  await pipeline(Readable.from([input]), stdin).catch(() => undefined);
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is empty.
  }
}
