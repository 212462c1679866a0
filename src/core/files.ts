// Files from outside the repository: what a cluster's releases get beside their artifact, and where its secrets are.
import type { Repository } from './repository.ts';

/** Where the layers of files are: a directory on the daemon's machine, or a directory of a second repository, read at each deployment. */
export type FilesSource =
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'repository'; readonly repository: Repository; readonly branch: string; readonly subdirectory: string };

/** A secret is named, never written down: the daemon reads its value from there when a deployment needs it. */
export type SecretReference =
  | { readonly file: string }
  | { readonly environment: string }
  /** Run by `sh -c` on the daemon's machine; what it prints is the value. */
  | { readonly command: string };

/** One file as a server gets it. Mode 0600 and 0700: there is a secret in it. `path` is where it appears in the release. */
export type ProvidedFile = {
  readonly path: string;
  readonly mode: 0o644 | 0o755 | 0o600 | 0o700;
  readonly content: Uint8Array;
};

/** Where a provided file lies on a server, from the server's path. The release has a symbolic link to it. */
export const providedPlace = (release: string, path: string): string => `.lockstep/files/${release}/${path}`;

/** What templates may name without anybody having written it down. Nobody can give these another meaning. */
export const BUILT_IN = [
  'cluster',
  'environment',
  'server',
  'host',
  'path',
  'user',
  'release',
  'revision',
  'branch',
  'deployment',
] as const;
