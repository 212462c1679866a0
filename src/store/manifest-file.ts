// An artifact's manifest on disk, and back with nothing believed unchecked.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { ManifestEntry } from '../core/artifact.ts';
import { DeployError } from '../core/errors.ts';
import { manifestText } from '../core/manifest.ts';

export type ManifestFile = { readonly version: 1; readonly sealedAt: number; readonly entries: readonly ManifestEntry[] };

/**
 * Reads `manifest.json`; `null`: there is none. Its canonical text must hash to the artifact's id, so a manifest that was changed is never
 * used: DeployError `artifact`.
 */
export async function readManifest(path: string, id: string): Promise<ManifestFile | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new DeployError('artifact', `the manifest ${path} cannot be read: ${(error as Error).message}`, null, error);
  }
  try {
    const file = JSON.parse(text) as ManifestFile;
    const isRight = Array.isArray(file.entries) && file.entries.every(isEntry) && Number.isSafeInteger(file.sealedAt);
    if (isRight && idOf(file.entries) === id) return file;
  } catch (error) {
    throw new DeployError(
      'artifact',
      `the manifest ${path} is damaged: ${(error as Error).message}. Remove ${id} and build again.`,
      null,
      error,
    );
  }
  throw new DeployError('artifact', `the manifest ${path} is damaged: it does not belong to its artifact. Remove ${id} and build again.`);
}

/** So many lines at a time: as one text they would all have to be kept until the last one is there. */
const LINES_AT_A_TIME = 500;

/** The artifact's id: SHA-256 (hex) over its manifest's canonical text. */
export function idOf(entries: readonly ManifestEntry[]): string {
  const hash = createHash('sha256');
  for (let at = 0; at < entries.length; at += LINES_AT_A_TIME) {
    hash.update(manifestText({ entries: entries.slice(at, at + LINES_AT_A_TIME) }));
  }
  return hash.digest('hex');
}

function isEntry(entry: unknown): entry is ManifestEntry {
  if (typeof entry !== 'object' || entry === null) return false;
  const { type, path, mode, size, mtime, sha256, target } = entry as Record<string, unknown>;
  if (
    typeof path !== 'string' ||
    path === '' ||
    path.startsWith('/') ||
    path.split('/').some((part) => part === '' || part === '.' || part === '..')
  ) {
    return false;
  }
  switch (type) {
    case 'file':
      return (mode === 0o644 || mode === 0o755) && Number.isSafeInteger(size) && Number.isSafeInteger(mtime) && typeof sha256 === 'string';
    case 'link':
      return typeof target === 'string';
    default:
      return type === 'directory';
  }
}
