// The words and bytes of requests to the agent. What is not safe to become a file name on a server is refused here, before it is sent.
import { createHash } from 'node:crypto';
import type { AbLayout } from '../core/cluster.ts';
import type { ProvideRequest, ReleaseLink, ReleaseShape, SealRequest, Seed, Shipment, StageRequest } from '../core/channel.ts';
import { DeployError } from '../core/errors.ts';

const NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$/;

/** Release, token, operation, artifact: letters, digits, `.`, `_`, `-`, at most 200, not beginning with `-` or `.`. Rejects with `refused`. */
export function needName(text: string): string {
  if (!NAME.test(text)) throw new DeployError('refused', `${JSON.stringify(text.slice(0, 250))} cannot be a name on a server`);
  return text;
}

/** `-` stands for none; no name begins with it. */
export const wordOrNone = (name: string | null): string => (name === null ? '-' : needName(name));

/** The with-lock script, the page, and the layout, one value a line; none: nothing. `name`: servers know by it that they have them already. */
export function helloPayload(
  withLock: Buffer,
  page: string,
  layout: AbLayout | null,
): { payload: Buffer; pageBytes: number; name: string } {
  const parts = [withLock, Buffer.from(page), layout === null ? Buffer.alloc(0) : layoutLines(layout)];
  const payload = Buffer.concat(parts);
  const sizes = parts.map((part) => part.length).join(' ');
  return {
    payload,
    pageBytes: parts[1]?.length ?? 0,
    name: createHash('sha256').update(`${sizes}\n`).update(payload).digest('hex').slice(0, 32),
  };
}

function layoutLines(layout: AbLayout): Buffer {
  const { a, b, config, test, reload } = layout;
  if (a === b) throw new DeployError('configuration', `the layout names ${a} twice`);
  const lines = [needName(a), needName(b), config, test, reload];
  if (lines.some((line) => /[\0\n]/.test(line))) throw new DeployError('configuration', 'the layout has a value with a line break');
  return Buffer.from(lines.map((line) => `${line}\n`).join(''));
}

/** The links' own paths are unlinked too: a clone has those of its base. */
export function stagePayload({ remove, links }: StageRequest): { payload: Buffer; unlinkedBytes: number } {
  const unlinked = Buffer.from([...remove, ...links.map((link) => link.path)].map((path) => `./${needPath(path)}\0`).join(''));
  const made = links.flatMap((link) => [`./${needPath(link.path)}\0`, `${placeOf(link)}\0`, `${link.target}\0`, `${link.kind}\0`]);
  return { payload: Buffer.concat([unlinked, Buffer.from(made.join(''))]), unlinkedBytes: unlinked.length };
}

/** Where a link leads to, from the server's path. */
function placeOf({ target }: ReleaseLink): string {
  const place = /^(?:\.\.\/)+((?:shared|\.lockstep\/files)\/.+)$/.exec(target)?.[1];
  if (place === undefined) throw new DeployError('refused', `${target} leads neither to shared/ nor to .lockstep/files/`);
  return needPath(place);
}

type Parts = { readonly payload: Buffer; readonly sizes: readonly number[] };

const shipped = new WeakMap<Shipment, Parts>();

/** What comes before the pack, and the bytes of each part; see agent/unpack.sh. Made once for all servers that get the same. */
export function unpackPayload(shipment: Shipment): Parts {
  let made = shipped.get(shipment);
  if (made === undefined) {
    const { through, remove, links, files, hashes } = shipment;
    const list = (paths: readonly string[]): Buffer => Buffer.from(paths.map((path) => `./${needPath(path)}\0`).join(''));
    // What a link to a directory leads to is made; of the others only the directory around it.
    const places = links.map((link) => (link.kind === 'directory' ? placeOf(link) : placeOf(link).replace(/\/[^/]*$/, '')));
    const parts = [
      Buffer.from(through.map((path) => `./${needLine(needPath(path))}\n`).join('')),
      list(remove),
      Buffer.from([...new Set(places)].map((place) => `${place}\0`).join('')),
      list(files),
      Buffer.from(hashes.join('')),
    ];
    made = { payload: Buffer.concat(parts), sizes: parts.map((part) => part.length) };
    shipped.set(shipment, made);
  }
  return made;
}

/** The files that a patch refers to. */
export const patchPayload = (files: readonly string[]): Buffer => Buffer.from(files.map((path) => `./${needPath(path)}\0`).join(''));

/** `./` before each: sha256sum takes a bare `-` for its standard input. */
export function sealPayload({ files }: SealRequest): Buffer {
  return Buffer.from(files.map((path) => `./${needPath(path)}\0`).join(''));
}

/** An index, one line a file, and then all the bytes. */
export function providePayload({ files }: ProvideRequest): { payload: Buffer; indexBytes: number } {
  const lines = files.map(({ path, mode, content }) => `${mode.toString(8)} ${content.length} ${needLine(needPath(path))}\n`);
  const index = Buffer.from(lines.join(''));
  return { payload: Buffer.concat([index, ...files.map((file) => file.content)]), indexBytes: index.length };
}

export function seedPayload(seeds: readonly Seed[]): Buffer {
  return Buffer.from(seeds.map(({ path, seed }) => `./${needPath(path)}\0./${needPath(seed)}\0`).join(''));
}

export function collectPayload(keep: readonly string[]): Buffer {
  return Buffer.from(keep.map((release) => `${needName(release)}\n`).join(''));
}

/** The lines of the tree, then those of the contents where they are asked for. */
export function shapePayload({ tree, content }: ReleaseShape, depth: 'tree' | 'content'): { payload: Buffer; treeBytes: number } {
  const lines = Buffer.from(tree);
  return { payload: depth === 'tree' ? lines : Buffer.concat([lines, Buffer.from(content)]), treeBytes: lines.length };
}

export function sharedPayload(shared: readonly string[]): Buffer {
  return Buffer.from(shared.map((path) => `${needPath(path)}\0`).join(''));
}

/** Variables one a line, then the command. */
export function runPayload(environment: Readonly<Record<string, string>>, command: string): { payload: Buffer; variables: number } {
  const lines = Object.entries(environment).map(([name, value]) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new DeployError('refused', `${JSON.stringify(name)} cannot be a variable's name`);
    if (/[\0\n]/.test(value)) throw new DeployError('refused', `the variable ${name} has a line break in its value`);
    return `${name}=${value}\n`;
  });
  return { payload: Buffer.from(`${lines.join('')}${command}\n`), variables: lines.length };
}

function needLine(path: string): string {
  if (path.includes('\n')) throw new DeployError('refused', `${JSON.stringify(path.slice(0, 250))} holds a line break`);
  return path;
}

function needPath(path: string): string {
  const isSafe =
    path !== '' &&
    !path.startsWith('/') &&
    !path.includes('\0') &&
    !path.split('/').some((part) => part === '' || part === '.' || part === '..');
  if (!isSafe) throw new DeployError('refused', `${JSON.stringify(path.slice(0, 250))} is not a path inside a release`);
  return path;
}
