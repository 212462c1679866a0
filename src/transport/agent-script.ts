// The agent's way onto a server: a small constant for `sh -c` that asks for the script if the server lacks it, and becomes the agent.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** Functions, in the order in which they are read: the watchdog begins, and ends, with `lock`; `agent` uses all of them, and comes last. */
const VERBS = [
  'shared',
  'hands',
  'mutex',
  'layout',
  'lock',
  'hello',
  'look',
  'release',
  'unpack',
  'relay',
  'provide',
  'switch',
  'run',
  'collect',
];

const HEADER =
  '#!/bin/sh\n# The agent of Lockstep on this server, without the comments of its source: there it is in src/transport/agent.\n';

/**
 * The agent, one file on the server; named by its content, so that a daemon of another version brings its own. A shell reads it anew at each
 * connection, character by character, so its comments stay here: a third of that time.
 */
export const AGENT: Buffer = Buffer.from(
  HEADER +
    [...VERBS, 'agent']
      .map((part) => readFileSync(new URL(`./agent/${part}.sh`, import.meta.url), 'utf8').replaceAll(/^ *#(?!!perl).*\n/gm, ''))
      .join(''),
);
export const AGENT_HASH = createHash('sha256').update(AGENT).digest('hex');
/** The helper for bots, which the agent keeps up to date as `.lockstep/with-lock`. */
export const WITH_LOCK: Buffer = readFileSync(new URL('./with-lock.sh', import.meta.url));

/**
 * $1 PATH, $2 hash, $3 nonce, $4 size of the script. It must not read ahead on standard input: the script and then the daemon's
 * requests come there. No quotes of its own kind, no backslash and no line break, so that every login shell passes it on as it is.
 */
const BOOT = [
  'umask 022',
  'a=$1/.lockstep/agent-$2',
  'test -d "$1/.lockstep" || m=$(mkdir -p -- "$1/.lockstep" 2>&1) || { echo; echo "@$3 failed $m"; exit 1; }',
  // What it made when it had been read and found right: as long as that is the newer one, nobody has written to it since.
  'r() { test -f "$a" && test "$a.ready" -nt "$a"; }',
  'h() { test -f "$1" && sha256sum <"$1"; }',
  'if ! r && test "$(h "$a")" != "$2  -"; then echo; echo "@$3 need"' +
    '; m=$({ head -c "$4" >"$a.$$" && test "$(h "$a.$$")" = "$2  -" && sync "$a.$$" && mv -f "$a.$$" "$a"; } 2>&1)' +
    ' || { rm -f "$a.$$"; echo "@$3 failed the agent could not be written to $a: ${m:-it arrived damaged}"; exit 1; }; fi',
  // What begin_with_hands does, one shell earlier.
  'test -s "$a.ready" && read -r p <"$a.ready" && test -x "$p" && exec "$p" -x "$a" sh "$a" serve "$1" "$3" hands',
  'exec sh "$a" serve "$1" "$3"',
].join('; ');

/** The argument list that starts the agent for `path`. Its first line on standard output is `@<nonce> need`, `ready` or `failed …`. */
export function bootArguments(path: string, nonce: string): string[] {
  return ['sh', '-c', BOOT, 'lockstep', path, AGENT_HASH, nonce, String(AGENT.length)];
}

/** One word for a POSIX shell, csh or fish. The only place where anything is quoted: ssh hands its command to the login shell. */
export function shellWord(text: string): string {
  if (/[\0\n]/.test(text)) throw new Error('a word for a shell holds a line break');
  return /^[A-Za-z0-9._/-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
