// The certificate and its key: read from files, and again when they change, so that a renewal needs no restart.
import { unwatchFile, watchFile } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Server } from 'node:https';
import { createSecureContext } from 'node:tls';
import { DeployError } from '../core/errors.ts';
import type { Listening } from './listening.ts';

export type Certificate = { readonly cert: Buffer; readonly key: Buffer };
type Paths = NonNullable<Listening['tls']>;

/** Rejects with DeployError `configuration` when one cannot be read, or they do not belong together. */
export async function readCertificate({ certificate, key }: Paths): Promise<Certificate> {
  const [cert, secret] = await Promise.all([read(certificate), read(key)]);
  try {
    createSecureContext({ cert, key: secret });
  } catch (error) {
    throw new DeployError('configuration', `${certificate} and ${key} are no certificate with its key: ${(error as Error).message}`);
  }
  return { cert, key: secret };
}

async function read(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new DeployError('configuration', `the file for TLS cannot be read: ${(error as Error).message}`, null, error);
  }
}

/**
 * New connections get what the files hold now. While the two do not belong together, because only one was replaced yet, the older pair stays.
 * Files are looked at, not watched: renewal tools replace symbolic links somewhere above them. Returns what ends it.
 */
export function followCertificate(server: Server, paths: Paths, everyMs: number, log: (line: string) => void): () => void {
  const onChange = (): void => {
    readCertificate(paths).then(
      (pair) => server.setSecureContext(pair),
      (error: unknown) => log(`the older certificate stays in use: ${(error as Error).message}`),
    );
  };
  const files = [paths.certificate, paths.key];
  for (const file of files) watchFile(file, { interval: everyMs, persistent: false }, onChange);
  return () => {
    for (const file of files) unwatchFile(file, onChange);
  };
}
