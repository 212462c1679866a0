// Ground for tests of the transport: a directory of its own, artifacts with manifests, servers, and an upload as the daemon does it.
import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { chmod, lstat, mkdir, mkdtemp, readFile, readdir, readlink, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Manifest, ManifestEntry } from '../../src/core/artifact.ts';
import type { Channel, Compression, Shipment, Transport, Unpacked } from '../../src/core/channel.ts';
import type { Cluster, SharedPath } from '../../src/core/cluster.ts';
import { compareBytes, contentLines, difference, manifestText, releaseTree, treeLines } from '../../src/core/manifest.ts';
import type { Server } from '../../src/core/server.ts';
import { loadTarget, shipmentFor } from '../../src/steps/target.ts';
import { openPacker } from '../../src/store/packs.ts';
import { openTransport } from '../../src/transport/open.ts';
import { sampleCluster } from '../lab/samples.ts';
import { startSshd } from '../lab/sshd.ts';
import type { Sshd, SshdOptions } from '../lab/sshd.ts';
import { until } from '../lab/until.ts';

/**
 * For the tests of the `describe` that it is called in: one sshd for all of them if `kind` is ssh, and for each a ground with a channel to a server
 * of its own, of which nothing may be left afterwards. `take` gets them before the test.
 */
export function onGround(
  kind: string,
  take: (on: { ground: Ground; channel: Channel; path: string }) => void,
  options: SshdOptions = {},
): void {
  let sshd: Sshd | null = null;
  let ground: Ground;
  beforeAll(async () => {
    if (kind === 'ssh') sshd = await startSshd(options);
  });
  afterAll(async () => sshd?.stop());
  beforeEach(async () => {
    ground = await openGround(sshd);
    const channel = ground.channel();
    take({ ground, channel, path: channel.server.path });
  });
  afterEach(async () => ground.close());
}

/** A file's text, `[text, mode]`, `{ link }`, or null for an empty directory. */
export type Content = string | readonly [string, number] | { readonly link: string } | null;
export type Tree = Readonly<Record<string, Content>>;
export type TestArtifact = { readonly id: string; readonly directory: string; readonly manifest: Manifest };

/** Two trees between which every kind of path becomes every other. */
export const EVERY_CHANGE: { readonly before: Tree; readonly after: Tree } = {
  before: {
    same: 'same',
    edited: 'before',
    mode: ['#!/bin/sh\n', 0o644],
    time: 'same words',
    deleted: 'x',
    'file-to-directory': 'x',
    'directory-to-file/inner/deep': 'x',
    link: { link: 'same' },
    'link-to-file': { link: 'same' },
    'file-to-link': 'x',
    'directory-to-link/inner': 'x',
    'link-to-directory': { link: 'kept' },
    'old-name': 'renamed',
    'kept/inner': 'x',
    'emptied/inner': 'x',
    empty: null,
  },
  after: {
    same: 'same',
    edited: 'after!',
    mode: ['#!/bin/sh\n', 0o755],
    'file-to-directory/inner': 'x',
    'directory-to-file': 'x',
    link: { link: 'edited' },
    'link-to-file': 'x',
    'file-to-link': { link: 'same' },
    'directory-to-link': { link: 'kept' },
    'link-to-directory/inner': 'x',
    'new-name': 'renamed',
    'new/deep/file': 'x',
    'kept/inner': 'x',
    emptied: null,
    'new-empty/one': null,
  },
};

export type Ground = Awaited<ReturnType<typeof openGround>>;

/** The time of files of artifacts, whole seconds. Changed content gets a later one only if a test says so. */
export const MTIME = 1_700_000_000;

export async function openGround(sshd: Sshd | null = null) {
  const directory = await mkdtemp(join(tmpdir(), 'lockstep-transport-'));
  const runtime = join(directory, 'r');
  await mkdir(runtime);
  const transport: Transport & { close(): Promise<void> } = openTransport({ directory: join(directory, 'ssh'), runtime });
  const packer = await openPacker(join(directory, 'packs'));
  let artifacts = 0;
  let servers = 0;

  function server(changes: Partial<Server> = {}): Server {
    servers += 1;
    const name = `web${servers}`;
    const base = { name, path: join(directory, `it's ${name}`, 'app') };
    if (sshd === null) return { ...base, transport: 'local', host: 'localhost', port: 22, user: null, ...changes };
    return { ...base, transport: 'ssh', host: '127.0.0.1', port: sshd.port, user: sshd.user, ...changes };
  }

  const cluster = (changes: Partial<Cluster> = {}): Cluster =>
    sampleCluster(0, { ssh: { identity: sshd?.identity ?? null, knownHosts: sshd?.knownHosts ?? null, keepMs: 0 }, ...changes });

  return {
    directory,
    runtime,
    transport,
    packer,
    server,
    cluster,
    channel: (to: Server = server(), epoch = 1, changes: Partial<Cluster> = {}): Channel =>
      transport.channel(to, { epoch, cluster: cluster(changes) }),
    async artifact(tree: Tree, mtime = MTIME): Promise<TestArtifact> {
      artifacts += 1;
      const made = join(directory, `artifact${artifacts}`);
      // As the daemon's own directories: private. On the servers it must not be.
      await mkdir(made, { mode: 0o700 });
      for (const [path, content] of Object.entries(tree)) await put(join(made, path), content, mtime);
      const manifest = await manifestOf(made);
      return { directory: made, manifest, id: sha256([manifestText(manifest)]) };
    },
    async close(): Promise<void> {
      await transport.close();
      const left = processesOf(directory);
      await until(() => processesOf(directory).length === 0, { timeoutMs: 15_000, what: `the end of ${left.join('; ')}` });
      const sockets = await readdir(runtime);
      if (sockets.length > 0) throw new Error(`left over in the runtime directory: ${sockets.join(' ')}`);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export async function put(path: string, content: Content, mtime = MTIME): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  if (content === null) {
    await mkdir(path, { recursive: true });
    return;
  }
  if (typeof content === 'object' && 'link' in content) return symlink(content.link, path);
  const [text, mode] = typeof content === 'string' ? [content, 0o644] : content;
  await writeFile(path, text);
  await chmod(path, mode);
  await utimes(path, mtime, mtime);
}

export async function manifestOf(directory: string): Promise<Manifest> {
  const entries: ManifestEntry[] = [];
  for (const path of await pathsBelow(directory)) {
    const absolute = join(directory, path);
    const stat = await lstat(absolute);
    if (stat.isSymbolicLink()) entries.push({ type: 'link', path, target: await readlink(absolute) });
    else if (stat.isDirectory()) entries.push({ type: 'directory', path });
    else {
      const sum = createHash('sha256')
        .update(await readFile(absolute))
        .digest('hex');
      entries.push({ type: 'file', path, mode: stat.mode & 0o7777, size: stat.size, mtime: Math.floor(stat.mtimeMs / 1000), sha256: sum });
    }
  }
  return { entries: entries.sort((a, b) => compareBytes(a.path, b.path)) };
}

async function pathsBelow(directory: string, under = ''): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(join(directory, under), { withFileTypes: true })) {
    const path = under === '' ? entry.name : `${under}/${entry.name}`;
    found.push(path);
    if (entry.isDirectory()) found.push(...(await pathsBelow(directory, path)));
  }
  return found;
}

/** Everything that can be seen of a tree, one line per path: compare with `toEqual`. */
export async function picture(directory: string): Promise<string[]> {
  return (await manifestOf(directory)).entries.map((entry) =>
    entry.type === 'file'
      ? `${entry.path} ${entry.mode.toString(8)} ${entry.mtime} ${entry.sha256}`
      : entry.type === 'link'
        ? `${entry.path} -> ${entry.target}`
        : `${entry.path}/`,
  );
}

export const sha256 = (lines: readonly string[]): string => createHash('sha256').update(lines.join('')).digest('hex');

export const soon = (): AbortSignal => AbortSignal.timeout(50_000);

let operations = 0;
export const nextOp = (): string => `op${++operations}`;

/** The upload step with its parts in the hands of the test. */
export function parcel(artifact: TestArtifact, base: TestArtifact | null = null, shared: readonly SharedPath[] = []) {
  const tree = releaseTree(artifact.manifest, shared);
  const { remove, send } = base === null ? { remove: [], send: tree.entries } : difference(releaseTree(base.manifest, shared), tree);
  return {
    links: tree.links,
    remove,
    files: base === null ? null : send.map((entry) => entry.path),
    except: tree.covered,
    seal: {
      files: send.filter((entry) => entry.type === 'file').map((entry) => entry.path),
      content: sha256(contentLines(send)),
      tree: sha256(treeLines(tree)),
    },
  };
}

/** What servers at `base` get in one go, packed as the daemon packs it. */
export async function shipment(
  ground: Pick<Ground, 'packer'>,
  artifact: TestArtifact,
  base: TestArtifact | null = null,
  shared: readonly SharedPath[] = [],
  compression: Compression = 'none',
): Promise<Shipment> {
  const target = await loadTarget(
    { find: () => Promise.resolve({ ...artifact, sealedAt: 0 }), collect: () => Promise.resolve(0), prepare: () => Promise.resolve() },
    artifact.id,
    {
      shared,
      provided: null,
    },
  );
  const from = base === null ? null : { release: '', artifact: { ...base, sealedAt: 0 } };
  return shipmentFor(ground.packer, target, from, { compression, isSuspect: false });
}

/** Brings a release as one pack. Returns what the server said of it. */
export async function unpack(
  ground: Pick<Ground, 'packer'>,
  channel: Channel,
  release: string,
  artifact: TestArtifact,
  { base = null, shared = [], compression = 'none' }: Upload & { compression?: Compression } = {},
): Promise<Unpacked> {
  const shipped = await shipment(ground, artifact, base?.artifact ?? null, shared, compression);
  const request = { release, artifact: artifact.id, base: base?.release ?? null, revision: 'r1', shipment: shipped, token: null };
  return channel.unpack(nextOp(), request, soon());
}

type Upload = { readonly base?: { release: string; artifact: TestArtifact } | null; readonly shared?: readonly SharedPath[] };

/** Stage, send, seal. Returns the bytes that were sent. */
export async function upload(
  channel: Channel,
  release: string,
  artifact: TestArtifact,
  { base = null, shared = [] }: Upload = {},
): Promise<number> {
  const { links, remove, files, except, seal } = parcel(artifact, base?.artifact ?? null, shared);
  const staged = await channel.stage(nextOp(), { release, artifact: artifact.id, base: base?.release ?? null, remove, links }, soon());
  if (staged === 'sealed') return 0;
  const { bytes } = await channel.send({ release, directory: artifact.directory, files, except, repair: false }, soon());
  await channel.seal(nextOp(), { release, artifact: artifact.id, ...seal }, soon());
  return bytes;
}

/** The code a promise rejects with; `none` if it does not. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'none';
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : `no code: ${String(error)}`;
  }
}

/** Process id and command line of every process that has `text` in its arguments or its working directory. */
export function processesOf(text: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return line.includes(text) || readlinkSync(`/proc/${pid}/cwd`).includes(text) ? [`${pid} ${line}`] : [];
      } catch {
        return [];
      }
    });
}
