// What an artifact's version is, for the names of releases: where the setting says that it stands.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Artifact } from '../core/artifact.ts';
import { DeployError } from '../core/errors.ts';
import { entryOf } from '../core/manifest.ts';
import type { BuildRequest, OpenVersionControl } from '../core/ports.ts';
import type { VersionSource } from '../core/repository.ts';
import { named } from './failure.ts';

/** So much of a command's output is looked at, in characters. */
export const LONGEST_OUTPUT = 4_096;
const LONGEST_VERSION = 200;
const LARGEST_FILE = 1024 * 1024;

export const isCommand = (source: VersionSource): source is { readonly command: string } => source !== 'tag' && 'command' in source;

export function fail(message: string): never {
  throw new DeployError('build', `${message}. Correct "version" of the build.`);
}

/** The first line without the spaces around it; `null`: there is nothing on it. */
export function firstLine(text: string): string | null {
  const line = (text.split(/\r?\n/)[0] ?? '').replace(/\p{Cc}/gu, ' ').trim();
  return line === '' ? null : line.slice(0, LONGEST_VERSION);
}

/** From a file of the artifact or from Git's tags; `null`: the setting asks for neither. Rejects with DeployError `build` or `repository`. */
export async function versionOf(
  request: BuildRequest,
  artifact: Artifact,
  versionControl: OpenVersionControl,
  signal: AbortSignal,
): Promise<string | null> {
  const { build, repository, branch, commit } = request;
  if (build.version === undefined || (build.version !== 'tag' && 'command' in build.version)) return null;
  if (build.version === 'tag') return versionControl(repository).tag(branch, commit.revision, signal);
  const { file } = build.version;
  const what = `${named(request)} failed: the file of its version, ${file},`;
  const entry = entryOf(artifact.manifest.entries, file);
  if (entry?.type !== 'file') return fail(`${what} is not in the artifact`);
  if (entry.size > LARGEST_FILE) return fail(`${what} is larger than ${LARGEST_FILE / 1024} KiB`);
  const text = await readFile(join(artifact.directory, file), 'utf8');
  const version = file.split('/').at(-1)?.endsWith('.json') === true ? versionField(text) : firstLine(text);
  return version ?? fail(`${what} has ${file.endsWith('.json') ? 'no text in its field "version"' : 'an empty first line'}`);
}

/** As in package.json and composer.json. */
function versionField(text: string): string | null {
  try {
    const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ''));
    const version = typeof value === 'object' && value !== null && 'version' in value ? value.version : null;
    return typeof version === 'string' ? firstLine(version) : null;
  } catch {
    return null;
  }
}
