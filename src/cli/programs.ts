// The programs that the daemon needs on this machine: where they are, and which version they say they have.
import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { Check } from './checks.ts';

type Program = {
  readonly name: string;
  /** Arguments that print the version; `null`: the program has no such thing. */
  readonly version: readonly string[] | null;
  readonly neededFor: string;
  readonly debianPackage: string;
  /** Nothing works without it; the others are needed for some configurations only. */
  readonly isVital: boolean;
  /** Older ones lack fixes of security holes. */
  readonly least?: string;
};

const PROGRAMS: readonly Program[] = [
  { name: 'git', version: ['--version'], neededFor: 'Git repositories', debianPackage: 'git', isVital: false },
  { name: 'svn', version: ['--version', '--quiet'], neededFor: 'Subversion repositories', debianPackage: 'subversion', isVital: false },
  // rsync's advisories up to 3.4.3 concern both ends of a transfer; distributions often fix older versions without a new number.
  { name: 'rsync', version: ['--version'], neededFor: 'uploads', debianPackage: 'rsync', isVital: true, least: '3.4.3' },
  { name: 'ssh', version: ['-V'], neededFor: 'servers that are reached by ssh', debianPackage: 'openssh-client', isVital: false },
  { name: 'sh', version: null, neededFor: 'builds and servers on this machine', debianPackage: 'dash', isVital: true },
  { name: 'flock', version: ['--version'], neededFor: 'servers on this machine', debianPackage: 'util-linux', isVital: false },
];

/** Looks each up in `path` (as the environment's PATH has it) and asks for its version, at most 5 s each. */
export function checkPrograms(path: string): Promise<Check[]> {
  return Promise.all(PROGRAMS.map((program) => checkProgram(program, path)));
}

async function checkProgram(program: Program, path: string): Promise<Check> {
  const { name, version, neededFor, debianPackage, isVital, least } = program;
  const base = { name, group: null };
  const file = await find(name, path);
  if (file === null) {
    const state = isVital ? 'fail' : 'warn';
    return {
      ...base,
      state,
      message: `not found in PATH; it is needed for ${neededFor}`,
      remedy: `install it, on Debian: apt-get install ${debianPackage}`,
    };
  }
  const said = version === null ? null : await firstLine(file, version, path);
  const number = said === null ? null : (/\d+(?:\.\d+)+/.exec(said)?.[0] ?? null);
  const message = `${file}${said === null ? '' : `: ${said}`}`;
  if (least !== undefined && number !== null && isOlder(number, least)) {
    return {
      ...base,
      state: 'warn',
      message: `${message}; versions before ${least} have known security holes`,
      remedy: `upgrade, or see that your distribution has put the fixes into this version`,
    };
  }
  return { ...base, state: 'ok', message, remedy: null };
}

async function find(name: string, path: string): Promise<string | null> {
  for (const directory of path.split(delimiter)) {
    if (!directory.startsWith('/')) continue;
    const file = join(directory, name);
    const isThere = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return file;
  }
  return null;
}

/** What a program prints first, on either stream (ssh -V uses standard error); `null`: nothing. */
function firstLine(file: string, args: readonly string[], path: string): Promise<string | null> {
  const options = {
    timeout: 5000,
    killSignal: 'SIGKILL' as const,
    maxBuffer: 64 * 1024,
    env: { PATH: path, LC_ALL: 'C.UTF-8', HOME: '/nonexistent' },
  };
  return new Promise((resolve) => {
    execFile(file, args, options, (_error, stdout, stderr) => {
      const line = `${stdout}\n${stderr}`.split('\n').find((one) => one.trim() !== '');
      resolve(line === undefined ? null : line.trim().replace(/\s+/g, ' '));
    });
  });
}

function isOlder(version: string, least: string): boolean {
  const [a, b] = [version, least].map((text) => text.split('.').map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (a?.[i] ?? 0) - (b?.[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
