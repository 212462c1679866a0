// Reads a commit and its tree out of a mirror, as it is: no attributes, no filters, no working copy.
import { DeployError } from '../core/errors.ts';
import type { Commit } from '../core/repository.ts';
import { damaged, git, streamGit, tryGit } from './git-command.ts';
import type { Mirror } from './git-command.ts';
import { clean } from './failure.ts';
import { readRawCommit } from './git-objects.ts';
import { isObjectId, subdirectoryParts } from './names.ts';

/** A line of `git ls-tree`. `path` is the raw name, relative to the tree. */
export type GitEntry = { readonly mode: string; readonly id: string; readonly size: number; readonly path: Buffer };

/** Longest message that is kept, in characters. */
const MESSAGE_MAX = 16_000;
/** The end of the year 9999, in seconds since 1970: dates of commits are free text. */
const LATEST = 253_402_300_799;

/** Describes a commit. Its time is the committer's: the author's may be years old after a rebase. */
export async function readCommit(mirror: Mirror, id: string, signal: AbortSignal): Promise<Commit> {
  const known = mirror.state.commits.get(id);
  if (known !== undefined) return known;
  const { author, email, time, message } = commitIn(await readRawCommit(mirror, id, signal));
  const commit: Commit = {
    revision: id,
    author: clean(author),
    email: clean(email),
    message: clean(message).trim().slice(0, MESSAGE_MAX),
    time: Math.min(Math.max(Math.trunc(time) || 0, 0), LATEST) * 1000,
  };
  mirror.state.commits.set(id, commit);
  return commit;
}

/**
 * Reads a raw commit: headers, an empty line, the message (`git help commit-tree`). `time` in seconds, as the committer's line has it. What is not
 * in the encoding that the commit names becomes replacement characters.
 */
function commitIn(raw: Buffer): { author: string; email: string; time: number; message: string } {
  const end = raw.indexOf('\n\n');
  const head = end < 0 ? raw : raw.subarray(0, end);
  const encoding = /^encoding (.+)$/m.exec(head.toString('latin1'))?.[1] ?? 'utf-8';
  const headers = decoded(head, encoding);
  const [, author = '', email = ''] = /^author ([^<\n]*)<([^>\n]*)>/m.exec(headers) ?? [];
  const time = /^committer .*> *(-?[0-9]+)/m.exec(headers)?.[1];
  return {
    author: author.trim(),
    email: email.trim(),
    time: Number(time ?? 0),
    message: end < 0 ? '' : decoded(raw.subarray(end + 2), encoding),
  };
}

function decoded(bytes: Buffer, encoding: string): string {
  try {
    return new TextDecoder(encoding).decode(bytes);
  } catch {
    return bytes.toString();
  }
}

/** `v1.4`, `v1.4-3-g1a2b3c4d`; without any tag before it the short id. git-describe(1). */
export async function describeCommit(mirror: Mirror, id: string, signal: AbortSignal): Promise<string> {
  const args = ['describe', '--tags', '--always', '--abbrev=8', id];
  return (await git(mirror, { tried: `reading the tags of ${mirror.title} before ${id}`, args, signal })).toString().trim();
}

/** The id of the tree of a commit's subdirectory. Throws DeployError `repository` naming what is missing. */
export async function treeOf(mirror: Mirror, commit: string, subdirectory: string, signal: AbortSignal): Promise<string> {
  const parts = subdirectoryParts(subdirectory);
  const tried = `reading ${subdirectory} of ${mirror.title} at ${commit}`;
  if (parts === null)
    throw new DeployError('configuration', `${tried} failed: subdirectory must be a relative path without . and .. in it.`);
  // The commit was found, so its top is there, and a tree.
  const name = parts.length === 0 ? `${commit}^{tree}` : `${commit}:${parts.join('/')}`;
  const ended = await tryGit(mirror, { tried, args: ['rev-parse', '--verify', name], signal });
  const id = ended.stdout.toString().trim();
  if (parts.length === 0) {
    if (ended.exit === 0 && isObjectId(id)) return id;
    throw damaged(tried, ended.stderr);
  }
  if (ended.exit === 0 && isObjectId(id)) {
    const type = (await git(mirror, { tried, args: ['cat-file', '-t', id], signal })).toString().trim();
    if (type === 'tree') return id;
  }
  throw new DeployError(
    'repository',
    `${tried} failed: there is no such directory in that revision. Correct "subdirectory", or commit the directory.`,
  );
}

/** All entries of a tree, directories before what is in them. */
export async function listTree(mirror: Mirror, tree: string, limit: number, signal: AbortSignal): Promise<GitEntry[]> {
  const tried = `listing the tree ${tree} of ${mirror.title}`;
  return await streamGit(
    mirror,
    { tried, args: ['ls-tree', '-r', '-t', '-z', '-l', '--full-tree', tree], timeoutMs: 600_000, signal },
    async (stdout) => {
      const entries: GitEntry[] = [];
      let rest: Buffer = Buffer.alloc(0);
      for await (const chunk of stdout as AsyncIterable<Buffer>) {
        rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
        let start = 0;
        for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0, start)) {
          entries.push(parseEntry(rest.subarray(start, end), tried));
          start = end + 1;
          if (entries.length > limit)
            throw new DeployError('hostile-tree', `tree ${tree} of ${mirror.title} was refused: it has more than ${limit} entries.`);
        }
        rest = rest.subarray(start);
      }
      return entries;
    },
  );
}

/** `<mode> SP <type> SP <id> SP <size, padded, or -> TAB <path>` (git-ls-tree(1)). */
function parseEntry(line: Buffer, tried: string): GitEntry {
  const tab = line.indexOf(9);
  const match = /^([0-7]{6}) (?:blob|tree|commit) ([0-9a-f]+) +([0-9]+|-|BAD)$/.exec(line.subarray(0, tab).toString('latin1'));
  const [, mode = '', id = '', size = ''] = match ?? [];
  if (match === null || size === 'BAD') throw damaged(tried, `fatal: bad tree entry or missing object: ${line.toString('latin1')}`);
  // A copy: the line is a part of a large chunk that would be kept with it.
  return { mode, id, size: size === '-' ? 0 : Number(size), path: Buffer.from(line.subarray(tab + 1)) };
}
