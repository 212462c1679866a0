// Releases with migrations, as the artifact store would hand them out, and requests for a deployment.
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Artifact, ManifestEntry } from '../../src/core/artifact.ts';
import type { MigrationSettings } from '../../src/core/cluster.ts';
import type { MigrationRequest } from '../../src/core/ports.ts';

export type Releases = { make(files: Readonly<Record<string, string>>): Promise<Artifact>; remove(): Promise<void> };

/** Names of `files` are below `db/`. */
export async function openReleases(): Promise<Releases> {
  const root = await mkdtemp(join(tmpdir(), 'lockstep-releases-'));
  let count = 0;
  return {
    async make(files) {
      count += 1;
      const directory = join(root, String(count));
      const entries: ManifestEntry[] = [{ type: 'directory', path: 'db' }];
      for (const [name, text] of Object.entries(files)) {
        const path = `db/${name}`;
        await mkdir(dirname(join(directory, path)), { recursive: true });
        await writeFile(join(directory, path), text);
        const sha256 = createHash('sha256').update(text).digest('hex');
        entries.push({ type: 'file', path, mode: 0o644, size: Buffer.byteLength(text), mtime: 0, sha256 });
      }
      return { id: 'a'.repeat(64), directory, manifest: { entries }, sealedAt: 0 };
    },
    remove: () => rm(root, { recursive: true, force: true }),
  };
}

export type LoggedRequest = MigrationRequest & { readonly lines: string[] };

export function requestFor(database: string, changes: Partial<MigrationSettings> = {}, deployment = 1): LoggedRequest {
  const lines: string[] = [];
  const settings: MigrationSettings = { directory: 'db', database, password: null, when: 'after-switch', lint: 'off', ...changes };
  return { settings, deployment, token: `${deployment}-abc`, log: (line) => void lines.push(line), lines };
}

export const forever = new AbortController().signal;
