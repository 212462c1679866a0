// The rsync command as an argument list. The package `rsync` holds the options; its shell command is never built.
import Rsync from 'rsync';

/** How rsync reaches a server's directories. */
export type Carrier = {
  /** The words of `--rsh`; `null`: the directories are on this machine. */
  readonly rsh: readonly string[] | null;
};

export type Transfer = {
  readonly carrier: Carrier;
  /** Absolute directories, without a slash at the end. */
  readonly source: string;
  readonly destination: string;
  /**
   * `listed`: exactly the NUL-ended paths on standard input, whatever is there already.
   * `mirrored`: everything, compared by content, surplus deleted; standard input holds NUL-ended patterns of what is left alone.
   */
  readonly kind: 'listed' | 'mirrored';
  /** `null`: as fast as it goes. */
  readonly bytesPerSecond?: number | null;
};

/** Nothing received or sent for this long, and rsync gives up. */
const IDLE_LIMIT_SECONDS = 60;

/**
 * rsync(1) with its argument list. What is never used, because files of a clone are shared with live releases (FANOUT: "Pitfalls"):
 * --inplace, --size-only, --delete-missing-args, -L, -K, relative --link-dest.
 */
export function rsyncCommand({ carrier, source, destination, kind, bytesPerSecond = null }: Transfer): { file: string; args: string[] } {
  const rsync = new PlainRsync();
  // Links, permissions, times of files; whole files; arguments not through a remote shell. Directories are 0755, whatever they are here.
  rsync.flags('lptOWs').set('from0').set('chmod', 'D755').set('stats').set('no-human-readable').set('timeout', String(IDLE_LIMIT_SECONDS));
  // -I: a listed file is always written anew, so that rsync never corrects the mode of an inode that another release shares.
  if (kind === 'listed') rsync.flags('dI').set('files-from', '-');
  else rsync.flags('rc').set('delete').set('no-inc-recursive').set('exclude-from', '-');
  if (carrier.rsh !== null) rsync.flags('z').set('rsh', carrier.rsh.map(rshWord).join(' '));
  if (bytesPerSecond !== null) rsync.set('bwlimit', String(Math.max(1, Math.floor(bytesPerSecond / 1024))));
  // The name before the colon is needed by rsync and ignored by rsh.sh.
  rsync.source(`${source}/`).destination(`${carrier.rsh === null ? '' : 'server:'}${destination}/`);
  return { file: rsync.executable(), args: rsync.argv() };
}

class PlainRsync extends Rsync {
  argv(): string[] {
    const args: string[] = [];
    const letters: string[] = [];
    for (const [name, value] of Object.entries(this._options)) {
      if (value !== null) for (const one of [value].flat()) args.push(`--${name}=${one}`);
      else if (name.length === 1) letters.push(name);
      else args.push(`--${name}`);
    }
    return [`-${letters.join('')}`, ...args, '--', ...this.source(), this.destination()];
  }
}

/** rsync(1), --rsh: words are split at spaces; quotes keep spaces together, and there is no escape. */
function rshWord(word: string): string {
  if (/^[^\s'"]+$/.test(word)) return word;
  if (word.includes('"')) throw new Error(`rsync cannot be given the word ${word}`);
  return `"${word}"`;
}

/** A pattern for exactly this path of the transfer. rsync(1): a backslash escapes only in patterns that have a wildcard. */
export function exactPattern(path: string): string {
  return `/${/[*?[]/.test(path) ? path.replace(/[*?[\\]/g, '\\$&') : path}`;
}
