// Reads a secret from where the configuration says that it stands, at the moment it is needed. It is never kept, shown or logged.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { DeployError } from '../core/errors.ts';
import type { SecretReference } from '../core/files.ts';

const COMMAND_LIMIT_MS = 30_000;
const LARGEST = 64 * 1024;

/** `what`: for messages, such as `the password of shop on db.example.org`. Rejects with `configuration`; no message repeats a part of the secret. */
export async function readSecret(source: SecretReference, what: string): Promise<string> {
  const secret = (await textOf(source, what)).replace(/\r?\n$/, '');
  if (secret === '') throw new DeployError('configuration', `${what} is empty: ${placeOf(source)}`);
  return secret;
}

async function textOf(source: SecretReference, what: string): Promise<string> {
  if ('environment' in source) return process.env[source.environment] ?? '';
  try {
    if ('file' in source) return await readFile(source.file, 'utf8');
    const options = { timeout: COMMAND_LIMIT_MS, maxBuffer: LARGEST };
    return (await promisify(execFile)('/bin/sh', ['-c', source.command], options)).stdout;
  } catch (error) {
    // The error of a command holds what it printed.
    const { code, killed } = error as NodeJS.ErrnoException & { killed?: boolean };
    const why =
      killed === true ? `took longer than ${COMMAND_LIMIT_MS / 1000} s` : typeof code === 'number' ? `exited ${String(code)}` : code;
    throw new DeployError('configuration', `${what} cannot be read: ${placeOf(source)} ${why ?? 'failed'}`);
  }
}

function placeOf(source: SecretReference): string {
  if ('environment' in source) return `the daemon's environment variable ${source.environment}`;
  return 'file' in source ? source.file : `\`${source.command}\``;
}
