// What a build may see and touch: its work directory, and otherwise a read-only machine without the daemon's files.
import { realpathSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';

/** The account that builds run as. */
export type User = { readonly uid: number; readonly gid: number };

export type Isolation = {
  /**
   * `bubblewrap`: own mounts, processes and network. `setpriv`: another account only. `none`: the daemon's own account.
   */
  readonly kind: 'bubblewrap' | 'setpriv' | 'none';
  /** `null`: the daemon's own account, because only root can change it. */
  readonly user: User | null;
  /** What is missing, for the log; null: nothing. */
  readonly warning: string | null;
  /** Why no command of a repository is run here at all; absent: they are. */
  readonly refusal?: string;
};

export type Room = {
  /** Directory of this build with `tree`, `home` and `tmp` in it. */
  readonly work: string;
  /** Directories nobody may look into. */
  readonly hidden: readonly string[];
  readonly network: boolean;
};

/** How a build is started: `argv` before its own, and where it then finds its directories. */
export type Entrance = { readonly argv: readonly string[]; readonly tree: string; readonly home: string; readonly tmp: string };

const isRoot = (): boolean => process.getuid?.() === 0;

/** Tries what works on this machine, best first. `room` is used for the trial only. */
export async function chooseIsolation(user: User, room: Room): Promise<Isolation> {
  const account = isRoot() ? user : null;
  const bubblewrap: Isolation = { kind: 'bubblewrap', user: account, warning: null };
  if (await works(bubblewrap, room)) return bubblewrap;
  const setpriv: Isolation = {
    kind: 'setpriv',
    user: account,
    warning:
      'bubblewrap does not work here: the build can read this machine and use its network. Install bubblewrap, or allow it namespaces.',
  };
  if (account !== null && (await works(setpriv, room))) return setpriv;
  return {
    kind: 'none',
    user: null,
    ...(isRoot() && { refusal: ROOT_REFUSAL }),
    warning:
      'neither bubblewrap nor setpriv works here: the build runs with all rights of the daemon. Install bubblewrap, or allow it namespaces.',
  };
}

/** Whoever may push would be root of this machine. */
const ROOT_REFUSAL =
  'neither bubblewrap nor setpriv works here, and builds are not run as root without them. Install bubblewrap, allow it namespaces, ' +
  'or run the daemon as an account of its own (docs/lockstep.service).';

async function works(isolation: Isolation, room: Room): Promise<boolean> {
  const [file, ...args] = [...enter(isolation, { ...room, network: false }).argv, 'true'];
  const { failed } = await execa(file, args, {
    env: { PATH: searchPath() },
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
    timeout: 10_000,
  });
  return !failed;
}

export function enter(isolation: Isolation, room: Room): Entrance {
  const { work } = room;
  const outside = { tree: join(work, 'tree'), home: join(work, 'home'), tmp: join(work, 'tmp') };
  switch (isolation.kind) {
    case 'bubblewrap':
      return {
        argv: ['bwrap', ...bubblewrapArguments(isolation, room), '--', ...limits(isolation.user), ...account(isolation.user)],
        tree: TREE,
        home: '/tmp/home',
        tmp: '/tmp',
      };
    case 'setpriv':
      return { argv: [...limits(isolation.user), ...account(isolation.user)], ...outside };
    case 'none':
      return { argv: [], ...outside };
    default:
      return isolation.kind satisfies never;
  }
}

/** The same path for each build: tools that write absolute paths into their output or caches give the same result again. */
const TREE = '/tmp/build';

function bubblewrapArguments(isolation: Isolation, { work, hidden, network }: Room): string[] {
  const node = realpathSync(process.execPath);
  const homes = [homedir(), passwdHome()].filter((home) => home.startsWith('/') && home !== '/' && !isUnder('/usr', home));
  const covered = ['/run', '/tmp', '/var/tmp'];
  const closed = [...new Set([...homes, ...hidden])].filter((path) => !covered.some((one) => isUnder(path, one)));
  return [
    ...['--die-with-parent', '--new-session', '--unshare-pid', '--unshare-ipc', '--unshare-uts'],
    ...(isolation.user === null ? ['--unshare-user'] : []),
    ...(network ? [] : ['--unshare-net']),
    ...['--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc'],
    // Sockets of other programs live in /run; the name server's addresses may too.
    ...['--tmpfs', '/run', ...(network ? resolverFile() : [])],
    ...closed.flatMap((path) => ['--tmpfs', path]),
    // Node itself may be installed in a home (nvm).
    ...(closed.some((path) => isUnder(node, path)) ? ['--ro-bind', nodePrefix(node, closed), nodePrefix(node, closed)] : []),
    // A real directory, not memory: builds put large things there.
    ...['--bind', join(work, 'tmp'), '/tmp', '--bind', join(work, 'tmp'), '/var/tmp', '--bind', join(work, 'tree'), TREE, '--chdir', TREE],
  ];
}

/** Limits against fork bombs (per account) and core dumps. */
const limits = (user: User | null): string[] => ['prlimit', '--core=0', ...(user === null ? [] : ['--nproc=4096']), '--'];

function account(user: User | null): string[] {
  const change =
    user === null ? [] : [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', '--bounding-set=-all', '--inh-caps=-all'];
  return ['setpriv', '--no-new-privs', ...change, '--'];
}

function resolverFile(): string[] {
  try {
    const path = realpathSync('/etc/resolv.conf');
    return path.startsWith('/run/') ? ['--ro-bind', path, path] : [];
  } catch {
    return [];
  }
}

function passwdHome(): string {
  try {
    return userInfo().homedir;
  } catch {
    return '/';
  }
}

/** `…/bin/node` → `…`, but never so much that something closed is opened as a whole. */
function nodePrefix(node: string, closed: readonly string[]): string {
  const prefix = dirname(dirname(node));
  return closed.some((path) => isUnder(path, prefix)) ? dirname(node) : prefix;
}

export const isUnder = (path: string, directory: string): boolean => path === directory || path.startsWith(`${directory}/`);

/** The machine's programs, with the Node that runs the daemon first. */
export function searchPath(): string {
  const paths = [dirname(process.execPath), '/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
  return [...new Set(paths)].join(':');
}
