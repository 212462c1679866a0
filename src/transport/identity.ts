// The daemon's own key for servers.
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DeployError } from '../core/errors.ts';
import { startChild } from './child.ts';
import { endedBy } from './ssh-failure.ts';

/** Makes `<directory>/id_ed25519` if there is none, and returns its public key: one line for ~/.ssh/authorized_keys. Idempotent. */
export async function ensureIdentity(directory: string): Promise<string> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, 'id_ed25519');
  const existing = await readIfThere(`${file}.pub`);
  if (existing !== null) return existing.trim();
  const child = startChild('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'lockstep', '-f', file]);
  // Should somebody have made the private key meanwhile, the question whether to overwrite it gets no answer.
  child.stdin.end();
  child.stdout.resume();
  const ended = await child.ended;
  const made = await readIfThere(`${file}.pub`);
  if (made === null)
    throw new DeployError('configuration', `no key for servers could be made in ${directory}: ${endedBy('ssh-keygen', ended)}`);
  return made.trim();
}

/** `null`: there is no such file. */
export async function readIfThere(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
