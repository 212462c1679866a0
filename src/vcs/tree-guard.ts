// Which trees may become files on the daemon's machine and on servers: every entry passes here before it is written, and again after a build.
import { DeployError } from '../core/errors.ts';

/** One entry as version control or a directory names it. `path` is the raw name, relative and `/`-separated. */
export type TreeEntry =
  | { readonly type: 'file'; readonly path: Uint8Array; readonly size: number }
  | { readonly type: 'directory' | 'gitlink'; readonly path: Uint8Array }
  | { readonly type: 'link'; readonly path: Uint8Array; readonly target: Uint8Array };

/** An entry of a tree that has passed. */
export type TrustedEntry =
  | { readonly type: 'file'; readonly path: string; readonly size: number }
  | { readonly type: 'directory'; readonly path: string }
  | { readonly type: 'link'; readonly path: string; readonly target: string };

export type TreeLimits = { readonly entries: number; readonly bytes: number; readonly depth: number };

/** Far above any sensible release; below what would fill a daemon's disk by accident. */
export const TREE_LIMITS: TreeLimits = { entries: 1_000_000, bytes: 20e9, depth: 64 };

export type TreeGuard = {
  /** Checks one entry and returns its path as text. A directory must come before what is in it. */
  add(entry: TreeEntry): string;
  /** Takes in an entry that passed in another tree: what can be wrong with it by itself is not looked at again. */
  trust(entry: TrustedEntry): void;
  /** Checks what only the whole tree shows: where links lead through other links. */
  finish(): void;
};

/** Longest file name and link target that Linux takes, in bytes (NAME_MAX and PATH_MAX less its NUL). */
const NAME_MAX = 255;
const TARGET_MAX = 4095;

/**
 * Watches over one tree. `where` begins every message: `tree of shop at 1a2b3c4`. `add` and `finish` throw DeployError `hostile-tree`
 * with the path and the reason. Refused are: absolute links and links that leave the tree (also through other links); `.git` in every
 * spelling that some file system takes for it (CVE-2014-9390, CVE-2019-1353); `.`, `..` and empty components; control characters other
 * than newline and tab; names that are not UTF-8 or longer than 255 bytes; paths that differ only in case or in Unicode normal form;
 * duplicates; gitlinks; and trees beyond the limits.
 */
export function createTreeGuard(where: string, limits: TreeLimits = TREE_LIMITS): TreeGuard {
  const directories = new Set<string>(['']);
  const links = new Map<string, string>();
  const folded = new Map<string, string>();
  let entries = 0;
  let bytes = 0;

  const refuse = (path: string, reason: string): never => {
    throw new DeployError(
      'hostile-tree',
      `${where} was refused: ${shown(path)} ${reason}. Remove it from the repository and commit again.`,
    );
  };

  return {
    add(entry) {
      const path = decode(entry.path) ?? refuse(lossy(entry.path), 'has a name that is not UTF-8');
      entries += 1;
      if (entries > limits.entries) refuse(path, `is beyond the limit of ${limits.entries} entries in a tree`);
      const parts = path.split('/');
      if (parts.length > limits.depth) refuse(path, `is more than ${limits.depth} directories deep`);
      for (const part of parts) {
        const problem = nameProblem(part);
        if (problem !== null) refuse(path, problem);
      }
      const key = fold(path);
      const twin = folded.get(key);
      if (twin === path) refuse(path, 'is in the tree twice');
      if (twin !== undefined) refuse(path, `differs from ${shown(twin)} only in case or Unicode form`);
      folded.set(key, path);
      if (!directories.has(parts.slice(0, -1).join('/'))) refuse(path, 'lies under something that is not a directory');

      switch (entry.type) {
        case 'directory':
          directories.add(path);
          break;
        case 'file':
          bytes += entry.size;
          if (bytes > limits.bytes) refuse(path, `is beyond the limit of ${limits.bytes} bytes in a tree`);
          break;
        case 'link': {
          const target = decode(entry.target) ?? refuse(path, 'is a symbolic link whose target is not UTF-8');
          const problem = targetProblem(parts, target);
          if (problem !== null) refuse(path, `is a symbolic link ${problem} (target ${shown(target)})`);
          links.set(path, target);
          break;
        }
        case 'gitlink':
          refuse(path, 'is a submodule, and submodules are off for this repository (its setting "submodules" lists the hosts to allow)');
          break;
        default:
          entry satisfies never;
      }
      return path;
    },
    trust(entry) {
      entries += 1;
      folded.set(fold(entry.path), entry.path);
      if (entry.type === 'directory') directories.add(entry.path);
      else if (entry.type === 'link') links.set(entry.path, entry.target);
      else bytes += entry.size;
    },
    finish() {
      for (const [path, target] of links) {
        if (leaves(path, target, links))
          refuse(path, `is a symbolic link that leaves the tree through another link (target ${shown(target)})`);
      }
    },
  };
}

/** The same for paths that some file system takes for one. */
const fold = (path: string): string => (/^[ -~]*$/.test(path) ? path.toLowerCase() : path.normalize('NFC').toLowerCase().normalize('NFC'));

/** `null`: a name that may be a file's. */
function nameProblem(name: string): string | null {
  if (name === '') return 'has an empty name';
  if (name === '.' || name === '..') return `has the name ${shown(name)}`;
  if (byteLength(name) > NAME_MAX) return `has a name of more than ${NAME_MAX} bytes`;
  // C0 without tab and newline, DEL, C1.

  if (/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/.test(name)) return 'has control characters in its name';
  if (isDotGit(name)) return 'would be taken for a .git directory';
  return null;
}

/** Code points that HFS+ ignores in file names (git's utf8.c, next_hfs_char). */
const IGNORED_BY_HFS = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;

/** `.git` as ext4, HFS+ or NTFS see it: any case, ignorable characters, the short name, trailing dots and spaces, streams. */
function isDotGit(name: string): boolean {
  return /^(?:\.git|git~1)[ .]*(?:$|[\\:])/i.test(name.replace(IGNORED_BY_HFS, ''));
}

function targetProblem(parts: readonly string[], target: string): string | null {
  if (target === '') return 'without a target';
  if (target.startsWith('/')) return 'to an absolute path';
  if (target.includes('\0')) return 'with a NUL in its target';
  if (byteLength(target) > TARGET_MAX) return `with a target of more than ${TARGET_MAX} bytes`;
  let depth = parts.length - 1;
  for (const part of target.split('/')) {
    if (part === '' || part === '.') continue;
    depth += part === '..' ? -1 : 1;
    if (depth < 0) return 'that leaves the tree';
  }
  return null;
}

/**
 * Follows a link as the kernel would, through the tree's other links: with `a/b/up -> ../..`, the harmless looking `a/b/out -> up/..`
 * is outside. Loops and links to nothing lead nowhere, so they stay inside.
 */
function leaves(path: string, target: string, links: ReadonlyMap<string, string>): boolean {
  const at = path.split('/').slice(0, -1);
  const ahead = target.split('/').reverse();
  let followed = 0;
  for (let part = ahead.pop(); part !== undefined; part = ahead.pop()) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (at.pop() === undefined) return true;
      continue;
    }
    at.push(part);
    const next = links.get(at.join('/'));
    if (next === undefined) continue;
    followed += 1;
    if (followed > 40) return false;
    at.pop();
    ahead.push(...next.split('/').reverse());
  }
  return false;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}

const lossy = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

const byteLength = (text: string): number => new TextEncoder().encode(text).length;

/** A name for a message: quoted, short, without anything that moves a cursor or turns text around. */
function shown(text: string): string {
  const short = text.length > 200 ? `${text.slice(0, 200)}…` : text;
  const escape = (found: string): string => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(short).replace(/[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u206f\ufeff]/g, escape);
}
