// An artifact: the build's output, sealed once with a manifest on the daemon's machine.

/** One entry of a manifest. `path` is relative, `/`-separated, without `.` and `..`. Modes are 0o644 or 0o755 for files. */
export type ManifestEntry =
  | {
      readonly type: 'file';
      readonly path: string;
      readonly mode: number;
      readonly size: number;
      /** Whole seconds since 1970. */
      readonly mtime: number;
      readonly sha256: string;
    }
  | { readonly type: 'link'; readonly path: string; readonly target: string }
  | { readonly type: 'directory'; readonly path: string };

/** What is in an artifact. Entries are in byte order of their path; every directory has an entry. */
export type Manifest = { readonly entries: readonly ManifestEntry[] };

/** A sealed artifact. Never changes. */
export type Artifact = {
  /** Its content's name: SHA-256 (hex) of its manifest. */
  readonly id: string;
  /** Absolute directory with the files, on the daemon's machine. */
  readonly directory: string;
  readonly manifest: Manifest;
  /** When it was sealed, milliseconds since 1970. */
  readonly sealedAt: number;
};
