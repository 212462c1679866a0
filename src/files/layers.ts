// Layers: the directories in which files from outside lie, read into memory and laid over each other for each server.
import { constants, lstat, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from '../core/cluster.ts';
import { DeployError } from '../core/errors.ts';
import type { Server } from '../core/server.ts';
import { parseTemplate } from './template.ts';
import type { Template } from './template.ts';

/** A file of a layer. `origin` is where it lies, for messages: `all/config/local.php.template`. */
export type LayerFile = {
  readonly origin: string;
  readonly isExecutable: boolean;
  readonly content: Buffer;
  /** `null`: it goes to the servers as it is. */
  readonly template: Template | null;
};

/** By the path in the release. */
export type Layer = ReadonlyMap<string, LayerFile>;

export const LARGEST_FILE = 1024 * 1024;
export const LARGEST_SET = 16 * 1024 * 1024;
const MOST_FILES = 1_000;
const LONGEST_PATH = 512;
const DEEPEST = 32;
const SUFFIX = '.template';

/** The names of a server's layers, later ones win. One whose name cannot be that of a directory has none. */
function layersOf(cluster: Cluster, server: Server): string[] {
  const own = [`environments/${cluster.environment}`, `clusters/${cluster.name}`, `servers/${server.name}`];
  return ['all', ...own.filter((name) => /^[a-z]+\/[^/]+$/.test(name) && !/\/\.\.?$/.test(name))];
}

/**
 * Reads the layers of a cluster's servers below `root`, an absolute directory; `where` names it in messages. Returns what each server gets.
 * Rejects with DeployError `hostile-tree` (links, devices, names that are no text) or `configuration` (too large, two files at one path, …).
 */
export async function readLayers(root: string, where: string, cluster: Cluster): Promise<(server: Server) => Layer> {
  const found = await lstat(join(root, '.')).catch(() => null);
  if (found?.isDirectory() !== true) throw configuration(where, 'is not a directory; correct "files" of the cluster, or make it');
  const read = new Map<string, Layer>();
  for (const server of cluster.servers) {
    for (const name of layersOf(cluster, server)) {
      if (!read.has(name)) read.set(name, await readLayer(root, name, where));
    }
  }
  const layered = (server: Server): Layer => {
    const files = new Map(layersOf(cluster, server).flatMap((name) => [...(read.get(name) ?? [])]));
    return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
  };
  for (const server of cluster.servers) checkSet(layered(server), where, cluster, server);
  return layered;
}

/** What lies together must be possible together. */
function checkSet(files: Layer, where: string, { shared }: Cluster, server: Server): void {
  const refuse = (origin: string, why: string): never => {
    throw configuration(where, `${origin} ${why}`);
  };
  let size = 0;
  for (const [path, file] of files) {
    size += file.content.length;
    const parents = path.split('/').map((_, i, parts) => parts.slice(0, i).join('/'));
    const parent = parents.map((one) => files.get(one)).find((one) => one !== undefined);
    if (parent !== undefined) refuse(file.origin, `lies below ${parent.origin}, which is a file`);
    const other = shared.find((one) => one.path === path || parents.includes(one.path) || one.path.startsWith(`${path}/`));
    if (other !== undefined)
      refuse(file.origin, `stands where the shared path "${other.path}" is; take it out of "shared", or remove the file`);
  }
  if (files.size > MOST_FILES) throw configuration(where, `has more than ${MOST_FILES} files for server ${server.name}, which is the most`);
  if (size > LARGEST_SET) throw tooLarge(where, server);
}

export function tooLarge(where: string, server: Server): DeployError {
  return configuration(
    where,
    `has more than ${LARGEST_SET / 1024 / 1024} MiB for server ${server.name}, which is the most. What is larger belongs into the artifact.`,
  );
}

export const configuration = (where: string, what: string): DeployError => new DeployError('configuration', `${where}: ${what}`);

/** A layer that is not there is empty. */
async function readLayer(root: string, name: string, where: string): Promise<Layer> {
  const files = new Map<string, LayerFile>();
  const parts = name.split('/');
  for (let i = 1; i <= parts.length; i++) {
    const part = parts.slice(0, i).join('/');
    const found = await lstat(join(root, part)).catch(() => null);
    if (found === null) return files;
    if (!found.isDirectory()) throw hostile(where, part, found.isSymbolicLink() ? 'is a symbolic link' : 'is not a directory');
  }
  await walk(name, 0);
  return files;

  async function walk(directory: string, depth: number): Promise<void> {
    if (depth > DEEPEST) throw hostile(where, directory, `is more than ${DEEPEST} directories deep`);
    for (const bytes of await readdir(join(root, directory), { encoding: 'buffer' })) {
      const origin = `${directory}/${nameOf(bytes, directory, where)}`;
      const found = await lstat(join(root, origin));
      if (found.isDirectory()) await walk(origin, depth + 1);
      else if (found.isSymbolicLink()) throw hostile(where, origin, 'is a symbolic link; put the file itself there');
      else if (!found.isFile()) throw hostile(where, origin, 'is a device, socket or pipe');
      else add(await readLayerFile(root, origin, where));
    }
  }

  function add(file: LayerFile): void {
    const path = file.origin.slice(name.length + 1, file.template === null ? undefined : -SUFFIX.length);
    if (path === '' || path.endsWith('/')) throw configuration(where, `${file.origin} has no name but its suffix ${SUFFIX}`);
    if (Buffer.byteLength(path) > LONGEST_PATH) throw hostile(where, file.origin, `has a path of more than ${LONGEST_PATH} bytes`);
    const twin = files.get(path);
    if (twin !== undefined) throw configuration(where, `${twin.origin} and ${file.origin} are both ${path} in the release; remove one`);
    files.set(path, file);
  }
}

/** Names go over the wire in lines, and into messages. */
function nameOf(bytes: Buffer, directory: string, where: string): string {
  const name = bytes.toString('utf8');
  if (!Buffer.from(name).equals(bytes)) throw hostile(where, `${directory}/${bytes.toString('latin1')}`, 'has a name that is not UTF-8');
  if (/[\p{Cc}\u2028\u2029]/u.test(name)) throw hostile(where, `${directory}/${name}`, 'has control characters in its name');
  return name;
}

async function readLayerFile(root: string, origin: string, where: string): Promise<LayerFile> {
  // Neither a link nor a pipe that took the file's place is opened (a pipe would block for ever).
  const file = await open(join(root, origin), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const found = await file.stat();
    if (!found.isFile()) throw hostile(where, origin, 'changed while it was being read');
    const limit = `${LARGEST_FILE / 1024 / 1024} MiB`;
    if (found.size > LARGEST_FILE)
      throw configuration(where, `${origin} is larger than ${limit}, which is the most. What is larger belongs into the artifact.`);
    const content = await file.readFile();
    const isExecutable = (found.mode & 0o100) !== 0;
    const template = origin.endsWith(SUFFIX) ? templateOf(content, origin, where) : null;
    return { origin, isExecutable, content, template };
  } finally {
    await file.close();
  }
}

function templateOf(content: Buffer, origin: string, where: string): Template {
  const text = content.toString('utf8');
  if (!Buffer.from(text).equals(content)) throw configuration(where, `${origin} is not UTF-8 text, so it cannot be a template`);
  const parsed = parseTemplate(text);
  if ('template' in parsed) return parsed.template;
  throw configuration(where, `${origin}:${parsed.problem.line}: ${parsed.problem.message}`);
}

const hostile = (where: string, path: string, why: string): DeployError =>
  new DeployError('hostile-tree', `${where} was refused: ${JSON.stringify(path)} ${why}.`);
