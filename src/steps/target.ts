// What an upload brings: computed from the artifact's manifest once for all servers, and once more for each base that servers stand at.
import type { Artifact, ManifestEntry } from '../core/artifact.ts';
import type { Compression, Greeting, Shipment } from '../core/channel.ts';
import type { SharedPath } from '../core/cluster.ts';
import { DeployError } from '../core/errors.ts';
import { blockedLink, contentLines, entryOf, releaseTree } from '../core/manifest.ts';
import type { Provided, ReleaseTree } from '../core/manifest.ts';
import type { Artifacts, Packer } from '../core/ports.ts';
import { changesOf } from '../core/shipment.ts';
import type { Changes } from '../core/shipment.ts';
import { hashOfLines, treeHashOf } from './shapes.ts';

/** What is laid over the artifact. */
export type Laid = { readonly shared: readonly SharedPath[]; readonly provided: Provided | null };

export type Target = {
  readonly laid: Laid;
  readonly artifact: Artifact;
  readonly tree: ReleaseTree;
  readonly treeHash: string;
  /** By artifact of the base, and then by what is packed how. */
  readonly parcels: Map<string | null, Parcel>;
  readonly shipments: Map<string, Promise<Shipment>>;
};

/** `changes`, the hash of the base's tree (`null`: no base), with the files among what is sent, and the hash over `contentLines` of them. */
export type Parcel = Changes & { readonly baseTree: string | null; readonly files: readonly string[]; readonly content: string };

export type Base = { readonly release: string; readonly artifact: Artifact };

/** Rejects with DeployError `artifact`: it is gone, or a link cannot be made in it. */
export async function loadTarget(artifacts: Artifacts, id: string, laid: Laid): Promise<Target> {
  const artifact = await artifacts.find(id);
  if (artifact === null)
    throw new DeployError('artifact', `artifact ${id.slice(0, 12)} is no longer on this machine; deploy the revision again`);
  const tree = releaseTree(artifact.manifest, laid.shared, laid.provided);
  const blocked = blockedLink(tree);
  if (blocked !== null) {
    const message = `${blocked.path} cannot be linked into the release, because ${blocked.by} is not a directory there; correct "shared" or "files"`;
    throw new DeployError('artifact', message);
  }
  return { laid, artifact, tree, treeHash: treeHashOf(artifact, tree), parcels: new Map(), shipments: new Map() };
}

/** The base is what the server reports and has verified; one that the daemon has no manifest of cannot be one. */
export async function baseOf(artifacts: Artifacts, greeting: Greeting): Promise<Base | null> {
  const sealed = greeting.sealed.find((one) => one.release === greeting.current);
  if (sealed === undefined) return null;
  const artifact = await artifacts.find(sealed.artifact);
  return artifact === null ? null : { release: sealed.release, artifact };
}

/** Links of the base to files from outside are not asked for: the server takes them out of the clone by itself. */
export function parcelFor(target: Target, base: Base | null): Parcel {
  const key = base?.artifact.id ?? null;
  let parcel = target.parcels.get(key);
  if (parcel === undefined) {
    const { shared, provided } = target.laid;
    const tree = base === null ? null : releaseTree(base.artifact.manifest, shared, provided);
    const changes = changesOf(target.tree, tree);
    const baseTree = base === null || tree === null ? null : treeHashOf(base.artifact, tree);
    parcel = { ...changes, baseTree, files: filesOf(changes.send), content: hashOfLines(contentLines(changes.send)) };
    target.parcels.set(key, parcel);
  }
  return parcel;
}

/** One object, and one pack, for all servers that ask for the same. `isSuspect`: every file is read on the server, not only what is sent. */
export function shipmentFor(
  packer: Packer,
  target: Target,
  base: Base | null,
  { compression, isSuspect }: { compression: Compression; isSuspect: boolean },
): Promise<Shipment> {
  const key = `${base?.artifact.id ?? '-'} ${compression}`;
  const common = target.shipments.get(key) ?? ship(packer, target, base, compression);
  target.shipments.set(key, common);
  common.catch(() => target.shipments.delete(key));
  if (!isSuspect) return common;
  const whole = target.shipments.get(`${key} whole`) ?? common.then((one) => ({ ...one, ...compared(target.tree.entries) }));
  target.shipments.set(`${key} whole`, whole);
  whole.catch(() => target.shipments.delete(`${key} whole`));
  return whole;
}

async function ship(packer: Packer, target: Target, base: Base | null, compression: Compression): Promise<Shipment> {
  const { remove, send, bytes, through, hashes, baseTree } = parcelFor(target, base);
  const { links } = target.tree;
  // tar unlinks a file before it writes another one in its place.
  const wasDirectory = (path: string): boolean => base !== null && entryOf(base.artifact.manifest.entries, path)?.type === 'directory';
  const packed = new Set(send.filter((entry) => entry.type !== 'directory').map((entry) => entry.path));
  const first = remove.filter((path) => !packed.has(path) || wasDirectory(path));
  const pack = await packer.pack({ directory: target.artifact.directory, entries: send, links, bytes, compression });
  const read = canBeListed(send) ? { files: [], content: 'listed' } : compared(send);
  return { remove: first, through, links, pack, tree: target.treeHash, baseTree, hashes, ...read };
}

/** Has each file a line in the list of hashes that names it, and is there one at all? (`-` would be standard input.) */
function canBeListed(entries: readonly ManifestEntry[]): boolean {
  const files = filesOf(entries);
  return files.length > 0 && !files.some((path) => path === '-' || path.includes('\n'));
}

/** All these are read on the server, and what must come of it. */
const compared = (entries: readonly ManifestEntry[]): Pick<Shipment, 'files' | 'content'> => ({
  files: filesOf(entries),
  content: hashOfLines(contentLines(entries, './')),
});

const filesOf = (entries: readonly ManifestEntry[]): string[] =>
  entries.filter((entry) => entry.type === 'file').map((entry) => entry.path);
