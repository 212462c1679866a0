// Large File Storage: pointers in the tree are replaced by the files they stand for. Only for repositories that switch it on.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { DeployError } from '../core/errors.ts';
import { git, streamGit, TRANSFER_TIMEOUT_MS } from './git-command.ts';
import type { Mirror } from './git-command.ts';

/** A pointer file of the tree: the content's SHA-256 and size, and the file that gets it (already made, empty). */
export type LfsPointer = {
  readonly oid: string;
  readonly size: number;
  readonly text: string;
  readonly file: string;
  readonly path: string;
};

/** Pointers are shorter than this (git-lfs specification). */
export const POINTER_MAX = 1024;

/** Parses a pointer file; `null`: it is none. */
export function parsePointer(text: string): { readonly oid: string; readonly size: number } | null {
  const match = /^version https:\/\/git-lfs\.github\.com\/spec\/v1\n(?:ext-[^\n]*\n)*oid sha256:([0-9a-f]{64})\nsize ([0-9]{1,15})\n$/.exec(
    text,
  );
  return match === null ? null : { oid: match[1] ?? '', size: Number(match[2]) };
}

/**
 * Fetches the objects of a commit into the mirror in one go, then fills the files. What is fetched goes by our URL: the tree's own
 * `.lfsconfig` could name another server. Content is checked against the pointer. Throws DeployError `repository`.
 */
export async function fillPointers(mirror: Mirror, commit: string, pointers: readonly LfsPointer[], signal: AbortSignal): Promise<void> {
  if (pointers.length === 0) return;
  const settings = ['-c', `lfs.url=${lfsUrl(mirror)}`, '-c', 'lfs.fetchinclude=', '-c', 'lfs.fetchexclude=', '-c', 'lfs.storage='];
  const tried = `fetch of large files of ${mirror.title} at ${commit}`;
  await git(mirror, { tried, args: [...settings, 'lfs', 'fetch', 'origin', commit], timeoutMs: TRANSFER_TIMEOUT_MS, signal });
  for (const pointer of pointers) {
    const stored = join(mirror.directory, 'lfs', 'objects', pointer.oid.slice(0, 2), pointer.oid.slice(2, 4), pointer.oid);
    const found = await stat(stored).catch(() => null);
    if (found?.size === pointer.size) await fill(createReadStream(stored), pointer, mirror);
    else {
      // Not among what `fetch` takes for the commit's files: asked for alone.
      const call = {
        tried: `fetch of the large file ${JSON.stringify(pointer.path)} of ${mirror.title}`,
        args: [...settings, 'lfs', 'smudge'],
        input: pointer.text,
      };
      await streamGit(mirror, { ...call, timeoutMs: TRANSFER_TIMEOUT_MS, signal }, (stdout) => fill(stdout, pointer, mirror));
    }
  }
}

async function fill(source: NodeJS.ReadableStream, pointer: LfsPointer, mirror: Mirror): Promise<void> {
  const hash = createHash('sha256');
  let size = 0;
  const check = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      size += chunk.length;
      if (size > pointer.size) done(new Error('longer than its pointer says'));
      else done(null, chunk);
    },
  });
  const file = await open(pointer.file, 'r+');
  let problem: unknown = null;
  await pipeline(source, check, file.createWriteStream()).catch((error: unknown) => (problem = error));
  const errno = problem instanceof Error && 'syscall' in problem;
  if (errno) throw problem;
  if (problem === null && size === pointer.size && hash.digest('hex') === pointer.oid) return;
  throw new DeployError(
    'repository',
    `the large file ${JSON.stringify(pointer.path)} of ${mirror.title} is not what its pointer says (${size} of ${pointer.size} bytes came). Push it with git lfs push.`,
    null,
    problem,
  );
}

/** As git-lfs derives it from a remote (git-lfs-config(5)): `<url>.git/info/lfs` over http, the remote itself over ssh and for files. */
function lfsUrl(mirror: Mirror): string {
  const { url, protocol } = mirror.remote;
  if (protocol !== 'https' && protocol !== 'http') return url;
  const base = url.replace(/\/+$/, '');
  return `${base.endsWith('.git') ? base : `${base}.git`}/info/lfs`;
}
