// Hook secrets and the API token: made once, kept in files that only the daemon's account can read.
import { createHash, randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { DeployError } from '../core/errors.ts';
import { createFile, replaceFile } from './atomic-file.ts';
import { openPrivateDirectory } from './private-directory.ts';

export type Secrets = {
  /**
   * The repository's newest hook secret, `whsec_<base64 of 32 random bytes>`; made if there is no file yet. A file without a valid secret
   * is left alone (somebody closed the door on purpose, or damaged it): DeployError `configuration`.
   */
  ensureSecret(repository: string): Promise<string>;
  /**
   * All hook secrets in force, newest first: one a line in `<data>/secrets/<repository>`, `#` begins a comment. Several are valid while a
   * secret is being replaced. No file, nothing valid in it, or fewer than 24 bytes: `[]`, the door is closed. The file is read anew when it has changed.
   */
  secretsOf(repository: string): Promise<string[]>;
  /** Makes a new secret that stands before the others, which stay in force (the newest three of them). Returns the new one. */
  rotateSecret(repository: string): Promise<string>;
  /** Only the newest secret stays in force. Returns how many were retired. */
  retireSecrets(repository: string): Promise<number>;
  /** Where the secrets of a repository are, for messages. */
  fileOf(repository: string): string;
  /** The token of the API, `lst_<43 characters>`, from `<data>/token`; made if there is no file yet. */
  ensureToken(): Promise<string>;
};

/** Changes with the content, the mode and the owner of a file; `null`: it cannot be looked at. */
function stateOf(file: string): string | null {
  let found;
  try {
    found = statSync(file, { bigint: true });
  } catch {
    return null; // What is wrong with it is found by reading it.
  }
  return [found.dev, found.ino, found.size, found.mode, found.uid, found.mtimeNs, found.ctimeNs].join(' ');
}

const MIN_SECRET_BYTES = 24;
/** A secret that is being replaced needs two; more are forgotten ones. */
const MOST_SECRETS = 4;
const MAX_FILE_BYTES = 64 * 1024;

/** Everything rejects with DeployError `configuration` when a file can be read by others (says which chmod repairs it). */
export function openSecrets(dataDirectory: string): Secrets {
  const directory = join(dataDirectory, 'secrets');
  const fileOf = (repository: string): string => join(directory, safeFileName(repository));
  const known = new Map<string, { readonly state: string; readonly secrets: string[] }>();
  /** A flood of notices reads a file once, and not at all as long as it is the same. */
  const secretsOf = async (repository: string): Promise<string[]> => {
    const file = fileOf(repository);
    const state = stateOf(file);
    const before = known.get(file);
    if (before !== undefined && before.state === state) return [...before.secrets];
    const secrets = linesOf(await readPrivate(file)).filter(isSecret);
    // What was read may be newer than what was looked at, never older.
    if (state !== null) known.set(file, { state, secrets });
    return [...secrets];
  };

  return {
    fileOf,
    secretsOf,
    async ensureSecret(repository) {
      await openPrivateDirectory(dataDirectory);
      await openPrivateDirectory(directory);
      await createFile(fileOf(repository), `${newSecret()}\n`);
      const [newest] = await secretsOf(repository);
      if (newest !== undefined) return newest;
      throw new DeployError(
        'configuration',
        `${fileOf(repository)} has no valid secret (whsec_ and at least ${MIN_SECRET_BYTES} bytes in base64): hooks of ${repository} are refused. ` +
          'Delete the file to get a new secret.',
      );
    },
    async rotateSecret(repository) {
      await openPrivateDirectory(dataDirectory);
      await openPrivateDirectory(directory);
      const secrets = [newSecret(), ...(await secretsOf(repository))].slice(0, MOST_SECRETS);
      await replaceFile(fileOf(repository), secrets.map((secret) => `${secret}\n`).join(''));
      return secrets[0] as string;
    },
    async retireSecrets(repository) {
      const [newest, ...older] = await secretsOf(repository);
      if (newest !== undefined && older.length > 0) await replaceFile(fileOf(repository), `${newest}\n`);
      return older.length;
    },
    async ensureToken() {
      await openPrivateDirectory(dataDirectory);
      const file = join(dataDirectory, 'token');
      await createFile(file, `lst_${randomBytes(32).toString('base64url')}\n`);
      const [token] = linesOf(await readPrivate(file));
      if (token !== undefined && /^lst_[A-Za-z0-9_-]{43}$/.test(token)) return token;
      throw new DeployError('configuration', `${file} has no valid token. Delete the file to get a new one.`);
    },
  };
}

const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

function isSecret(line: string): boolean {
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(line)?.[1];
  return encoded !== undefined && Buffer.from(encoded, 'base64').length >= MIN_SECRET_BYTES;
}

/** The file's text; '' when there is no file. The modes are those of the file that was opened, not of one that took its place. */
async function readPrivate(path: string): Promise<string> {
  let file;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw new DeployError('configuration', `${path} cannot be read: ${(error as Error).message}`, null, error);
  }
  try {
    const { mode, size } = await file.stat();
    if ((mode & 0o077) !== 0) {
      const octal = (mode & 0o777).toString(8);
      throw new DeployError(
        'configuration',
        `${path} can be read by other users (mode ${octal}). Replace what is in it, and run: chmod 600 '${path}'`,
      );
    }
    if (size > MAX_FILE_BYTES)
      throw new DeployError('configuration', `${path} is larger than ${MAX_FILE_BYTES} bytes: that is no file of secrets.`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

/** Names of repositories that are safe file names stay as they are; others become a slug with a hash, which no safe name can look like. */
function safeFileName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 16);
  return `${name.replace(/[^A-Za-z0-9]+/g, '-').slice(0, 40)}~${hash}`;
}
