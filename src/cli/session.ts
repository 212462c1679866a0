// What every command gets: its surroundings, its settings, its output, and the daemon's API.
import { userInfo } from 'node:os';
import type { Api } from './api.ts';
import { createApi } from './api.ts';
import { createClient } from './client.ts';
import type { Output } from './output.ts';
import { readToken } from './settings.ts';
import type { Settings } from './settings.ts';
import type { CliWiring, CommandIo } from './wiring.ts';

export type Session = {
  readonly io: CommandIo;
  readonly wiring: CliWiring;
  readonly settings: Settings;
  readonly output: Output;
  /** The token is read with the first request. */
  readonly api: () => Api;
};

export function createSession(io: CommandIo, wiring: CliWiring, settings: Settings, output: Output): Session {
  const api = createApi(
    createClient(settings.url, () => readToken(settings, io), io.signal),
    callerOf(io),
  );
  return { io, wiring, settings, output, api: () => api };
}

/** Who asks: the account, or the one that became root for it. The daemon writes it down; it grants nothing. */
function callerOf({ env }: CommandIo): string {
  const behind = env['SUDO_USER'];
  if (behind !== undefined && behind !== '') return behind.slice(0, 100);
  try {
    return userInfo().username.slice(0, 100);
  } catch {
    // An account without an entry in the system's list, as in some containers.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
