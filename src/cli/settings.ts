// Where the daemon, its configuration, its data and its token are, from options and environment.
import { readFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { CommandFailure, EXIT, usageFailure } from './failure.ts';
import type { CommandIo } from './wiring.ts';

export const DEFAULT_URL = 'http://127.0.0.1:8484';

export type GlobalOptions = { url?: string; config?: string; data?: string; json?: boolean };

export type Settings = {
  /** The daemon's address, without a slash at the end. */
  readonly url: string;
  /** Absolute. */
  readonly config: string;
  /** Absolute. */
  readonly data: string;
};

/** Throws a usage failure for an address that is none. */
export function settingsOf(options: GlobalOptions, { env, cwd }: CommandIo): Settings {
  const config = options.config ?? nonEmpty(env['LOCKSTEP_CONFIG']) ?? './branches.config.json';
  const data = options.data ?? nonEmpty(env['LOCKSTEP_DATA']) ?? './var';
  const url = options.url ?? nonEmpty(env['LOCKSTEP_URL']) ?? DEFAULT_URL;
  return { url: addressOf(url), config: resolve(cwd, config), data: resolve(cwd, data) };
}

function addressOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw usageFailure(`"${text}" is not an address of a daemon. It looks like ${DEFAULT_URL} (--url or LOCKSTEP_URL).`);
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw usageFailure(
      'The address of the daemon must not contain a user, a password, "?" or "#". The token goes into LOCKSTEP_TOKEN or the token file.',
    );
  }
  return url.href.replace(/\/+$/, '');
}

/** `source` says where the token was looked for, for messages. `token` null: there is none. */
export type Token = { readonly token: string | null; readonly source: string };

/** Reads LOCKSTEP_TOKEN, else `<data>/token`. Fails (exit 2) when the file is there but cannot be used. */
export async function readToken({ data }: Settings, { env, cwd }: CommandIo): Promise<Token> {
  const given = nonEmpty(env['LOCKSTEP_TOKEN']);
  if (given !== undefined) return { token: checked(given, 'LOCKSTEP_TOKEN'), source: 'LOCKSTEP_TOKEN' };
  const file = join(data, 'token');
  const shown = shownPath(file, cwd);
  try {
    return { token: checked(await readFile(file, 'utf8'), shown), source: shown };
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return { token: null, source: shown };
    throw new CommandFailure(
      'token',
      EXIT.usage,
      `Cannot read the token file ${shown}: ${code ?? String(error)}. Run the command as the daemon's user, or put the token into LOCKSTEP_TOKEN.`,
    );
  }
}

function checked(text: string, source: string): string {
  const token = text.trim();
  if (/^[\x21-\x7e]{1,512}$/.test(token)) return token;
  throw new CommandFailure(
    'token',
    EXIT.usage,
    `${source} does not hold a token: it must be one line of printable characters without spaces.`,
  );
}

/** Relative where that is shorter and below the working directory. */
export function shownPath(path: string, cwd: string): string {
  const near = relative(cwd, path);
  return near === '' || near.startsWith('..') ? path : `./${near}`;
}

const nonEmpty = (text: string | undefined): string | undefined => (text === '' ? undefined : text);
