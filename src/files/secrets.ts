// Secrets by reference: read when a deployment needs them, held in memory only. No message ever holds a value.
import { spawn } from 'node:child_process';
import { constants, open } from 'node:fs/promises';
import { DeployError } from '../core/errors.ts';
import type { SecretReference } from '../core/files.ts';
import type { ReadSecret } from '../core/ports.ts';

const LARGEST = 16 * 1024;
const COMMAND_LIMIT_MS = 30_000;

/**
 * Reads the values, one after the other; one line break at the end is cut. Rejects with DeployError `configuration` that names the secret
 * and its reference, or `aborted`.
 */
export async function readSecrets(
  cluster: string,
  references: Readonly<Record<string, SecretReference>>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const values = new Map<string, string>();
  for (const [name, reference] of Object.entries(references)) {
    try {
      values.set(name, valueOf(await bytesOf(reference, signal)));
    } catch (error) {
      if (signal.aborted) throw new DeployError('aborted', `reading the secrets of ${cluster} was stopped`);
      const why = error instanceof Unreadable ? error.message : 'it cannot be read';
      throw new DeployError('configuration', `secret ${name} of cluster ${cluster} (${referenceText(reference)}) is missing: ${why}`);
    }
  }
  return values;
}

/** One secret that is no cluster's. `what`: for the message. Rejects like `readSecrets`. */
export const readSecret: ReadSecret = async (reference, what, signal) => {
  try {
    return valueOf(await bytesOf(reference, signal));
  } catch (error) {
    if (signal.aborted) throw new DeployError('aborted', `reading ${what} was stopped`);
    const why = error instanceof Unreadable ? error.message : 'it cannot be read';
    throw new DeployError('configuration', `${what} (${referenceText(reference)}) is missing: ${why}`);
  }
};

function referenceText(reference: SecretReference): string {
  if ('file' in reference) return `file ${reference.file}`;
  return 'environment' in reference ? `environment variable ${reference.environment}` : `command \`${reference.command}\``;
}

/** Why a secret has no value, without any of it. */
class Unreadable extends Error {}

function valueOf(bytes: Buffer): string {
  if (bytes.length > LARGEST) throw new Unreadable(`its value is larger than ${LARGEST / 1024} KiB`);
  const text = bytes.toString('utf8');
  if (!Buffer.from(text).equals(bytes)) throw new Unreadable('its value is not UTF-8 text; keep it as base64');
  if (text.includes('\0')) throw new Unreadable('its value holds NUL; keep it as base64');
  const value = text.replace(/\r?\n$/, '');
  if (value === '') throw new Unreadable('its value is empty');
  return value;
}

function bytesOf(reference: SecretReference, signal: AbortSignal): Promise<Buffer> {
  if ('file' in reference) return readLimited(reference.file);
  if ('command' in reference) return printed(reference.command, signal);
  const value = process.env[reference.environment];
  if (value === undefined) return Promise.reject(new Unreadable("the daemon's environment does not have it"));
  return Promise.resolve(Buffer.from(value));
}

async function readLimited(path: string): Promise<Buffer> {
  try {
    // A pipe nobody writes into would block for ever.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      if (!(await file.stat()).isFile()) throw new Unreadable('it is not a file');
      const { buffer, bytesRead } = await file.read(Buffer.alloc(LARGEST + 1), 0, LARGEST + 1, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof Unreadable) throw error;
    const { code = 'it cannot be read' } = error as NodeJS.ErrnoException;
    throw new Unreadable(code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'the daemon may not read it' : code);
  }
}

/** What a command prints. What it complains goes nowhere: it may hold the value. */
function printed(command: string, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn('sh', ['-c', command], { cwd: '/', stdio: ['ignore', 'pipe', 'ignore'], detached: true });
    const pieces: Buffer[] = [];
    let size = 0;
    let reason: string | null = null;
    const end = (why: string): void => {
      reason ??= why;
      // The whole process group; one that is gone already is no matter.
      if (child.pid !== undefined) killGroup(child.pid);
      child.stdout.destroy();
    };
    const timer = setTimeout(end, COMMAND_LIMIT_MS, `the command did not end within ${COMMAND_LIMIT_MS / 1000} s`);
    const abort = (): void => end('it was stopped');
    signal.addEventListener('abort', abort, { once: true });
    child.stdout.on('data', (piece: Buffer) => {
      size += piece.length;
      if (size <= LARGEST + 1) pieces.push(piece);
      else end(`its value is larger than ${LARGEST / 1024} KiB`);
    });
    const settle = (why: string | null): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      if (child.pid !== undefined) killGroup(child.pid);
      if (why === null) resolve(Buffer.concat(pieces));
      else reject(new Unreadable(why));
    };
    child.once('error', () => settle('sh cannot be started'));
    child.once('close', (code, killed) =>
      settle(reason ?? (code === 0 ? null : `the command ${code === null ? `was ended by ${killed ?? 'a signal'}` : `exited ${code}`}`)),
    );
  });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    return;
  }
}
