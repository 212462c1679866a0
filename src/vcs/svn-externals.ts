// svn:externals of an exported tree. Only for repositories that switch them on, and from the hosts that they list.
import { lstat, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { XMLParser } from 'fast-xml-parser';
import { DeployError } from '../core/errors.ts';
import { isRevisionNumber } from './names.ts';
import { parseExternals } from './svn-external-definition.ts';
import { exportUrl, svn } from './svn-export.ts';
import type { SvnPlace } from './svn-environment.ts';
import { info, log } from './svn-reads.ts';
import { at, isSvnPath, parseSvnUrl } from './svn-url.ts';

/** An exported tree whose externals are wanted. `root`: the URL of its repository. */
export type Exported = { readonly url: string; readonly root: string; readonly revision: string; readonly directory: string };

/** Externals within externals, at most. */
const DEPTH = 8;
const COUNT_MAX = 1_000;

/**
 * Exports the externals of a tree, and theirs. One without a revision of its own is taken at the tree's revision if it is in the same
 * repository, else as it was at the time of the tree's last commit: an export of one revision always is the same.
 */
export async function exportExternals(place: SvnPlace, hosts: readonly string[], exported: Exported, signal: AbortSignal): Promise<void> {
  let count = 0;
  const visit = async (tree: Exported, depth: number): Promise<void> => {
    for (const property of await readProperties(place, tree, signal)) {
      for (const definition of parseExternals(property.text)) {
        const whose = `external ${JSON.stringify(definition.path)} of ${tree.url}`;
        count += 1;
        if (depth > DEPTH || count > COUNT_MAX) {
          throw new DeployError(
            'hostile-tree',
            `${whose} was refused: externals are nested more than ${DEPTH} deep or more than ${COUNT_MAX}.`,
          );
        }
        if (!isSvnPath(definition.path)) throw new DeployError('hostile-tree', `${whose} was refused: its path leaves its directory.`);
        const remote = parseSvnUrl(absolute(definition.url, property.url, tree.root), whose);
        if (!hosts.some((host) => host.toLowerCase() === remote.host)) {
          throw new DeployError(
            'hostile-tree',
            `${whose} was refused: its host ${remote.host} is not in "externals" of the repository (${hosts.join(', ')}).`,
          );
        }
        // `found.url` is where the peg revision's object stands; a revision without a peg names both.
        const same = isBelow(remote.url, tree.root);
        const fallback = same ? tree.revision : await dateOf(place, tree, signal);
        const peg = definition.peg ?? definition.revision ?? fallback;
        const revision = definition.revision ?? peg;
        const target = join(property.directory, definition.path);
        await makeWay(target, exported.directory, whose);
        await exportUrl(place, `${remote.url}@${peg}`, revision, target, signal);
        if (!(await lstat(target)).isDirectory()) continue;
        const pegged = isRevisionNumber(peg) ? peg : 'HEAD';
        const found = await info(place, remote.url, pegged, signal);
        if (found !== null)
          await visit(
            { url: remote.url, root: found.root, revision: pegged === 'HEAD' ? found.lastChanged : pegged, directory: target },
            depth + 1,
          );
      }
    }
  };
  await visit(exported, 1);
}

type Property = { readonly url: string; readonly directory: string; readonly text: string };

/** The svn:externals of all directories of a tree. */
async function readProperties(place: SvnPlace, tree: Exported, signal: AbortSignal): Promise<Property[]> {
  const tried = `reading svn:externals of ${tree.url}`;
  const xml = await svn(
    place,
    tried,
    ['propget', 'svn:externals', '--recursive', '--xml', '-r', tree.revision],
    [at(tree.url, tree.revision)],
    signal,
  );
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '',
    textNodeName: 'text',
    isArray: (name) => name === 'target',
    trimValues: false,
    parseTagValue: false,
  });
  const document = parser.parse(xml) as { properties?: { target?: { path: string; property: { text?: string } | string }[] } | string };
  const targets = typeof document.properties === 'object' ? (document.properties.target ?? []) : [];
  return targets.map((target) => {
    const url = parseSvnUrl(target.path, tried).url;
    const relative = isBelow(url, tree.url) ? decodeURIComponent(url.slice(tree.url.length + 1)) : '';
    const text = typeof target.property === 'string' ? target.property : (target.property.text ?? '');
    return { url, directory: join(tree.directory, relative), text };
  });
}

const isBelow = (url: string, root: string): boolean => url === root || url.startsWith(`${root}/`);

/** Relative forms of an external's URL: `../`, `^/`, `//`, `/` (svn book, "Externals Definitions"). */
function absolute(url: string, directory: string, root: string): string {
  const [, scheme = '', authority = ''] = /^([a-z+]+):\/\/([^/]*)/.exec(root) ?? [];
  const climb = (base: string, path: string): string => {
    let left = base;
    let rest = path;
    while (rest.startsWith('../')) {
      left = left.slice(0, left.lastIndexOf('/'));
      rest = rest.slice(3);
    }
    return `${left}/${rest}`;
  };
  if (url.startsWith('^/')) return climb(root, url.slice(2));
  if (url.startsWith('//')) return `${scheme}:${url}`;
  if (url.startsWith('/')) return `${scheme}://${authority}${url}`;
  if (url.startsWith('../')) return climb(directory, url);
  return url;
}

/** A revision as svn understands it: the time of the tree's last commit. */
async function dateOf(place: SvnPlace, tree: Exported, signal: AbortSignal): Promise<string> {
  const entry = await log(place, tree.url, tree.revision, signal);
  return `{${new Date(entry?.time ?? 0).toISOString()}}`;
}

/** Makes the parents of an external, none of which may be a link, and sees that nothing is in its place. */
async function makeWay(target: string, top: string, whose: string): Promise<void> {
  const parents: string[] = [];
  for (let at = dirname(target); at.length > top.length; at = dirname(at)) parents.unshift(at);
  for (const parent of parents) {
    await mkdir(parent).catch(() => undefined);
    if (!(await lstat(parent)).isDirectory())
      throw new DeployError('hostile-tree', `${whose} was refused: a part of its path is not a directory.`);
  }
  const there = await lstat(target).catch(() => null);
  if (there !== null) throw new DeployError('hostile-tree', `${whose} was refused: the tree has something else in its place.`);
}
