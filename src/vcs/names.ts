// Names that come from people: which of them may reach git and svn, and how a repository's name becomes a file's.
import { createHash } from 'node:crypto';

/** A Git object id, SHA-1 or SHA-256: the only way in which git is told which commit, tree or file is meant. */
export const isObjectId = (text: string): boolean => /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text);

/** A Subversion revision number. */
export const isRevisionNumber = (text: string): boolean => /^(?:0|[1-9][0-9]{0,9})$/.test(text);

/**
 * May `name` stand after `refs/heads/`? The rules of git-check-ref-format(1); behind that prefix a leading dash is harmless.
 * `\uFFFD` stands for bytes that are not UTF-8: such a branch cannot be named by us.
 */
export function isBranchName(name: string): boolean {
  if (name === '' || name === '@' || Buffer.byteLength(name) > 1_000) return false;

  if (/[\u0000-\u0020\u007f~^:?*[\\\ufffd]|\.\.|@\{|\/\/|^\/|\/$|\.$/.test(name)) return false;
  return name.split('/').every((part) => !part.startsWith('.') && !part.endsWith('.lock'));
}

/** A file name for a repository: its own name if that is plain, else a plain part of it with a hash. */
export function fileNameOf(repository: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(repository)) return repository;
  const plain = repository.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  return `${plain.slice(0, 40) || 'repository'}-${shortHash(repository)}`;
}

/** 16 hexadecimal digits that stand for a text, where it may not be used itself. */
export const shortHash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

/** Parts of a `subdirectory` setting: `.` is none. `null`: it is absolute or leaves the tree. */
export function subdirectoryParts(subdirectory: string): readonly string[] | null {
  const parts = subdirectory.replace(/\/+$/, '').split('/');
  if (parts.length === 1 && (parts[0] === '.' || parts[0] === '')) return [];
  return parts.some((part) => part === '' || part === '.' || part === '..' || part.includes('\0')) ? null : parts;
}
