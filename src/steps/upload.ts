// upload: the release goes next to the live one. Only what changed is sent, and everything is verified before it counts.
import { createHash } from 'node:crypto';
import type { Artifact } from '../core/artifact.ts';
import type { Greeting } from '../core/channel.ts';
import { DeployError } from '../core/errors.ts';
import type { Facts } from '../core/event.ts';
import { blockedLink, contentLines, difference, releaseTree, treeLines } from '../core/manifest.ts';
import type { Provided, ReleaseTree } from '../core/manifest.ts';
import type { SharedPath } from '../core/cluster.ts';
import type { Artifacts } from '../core/ports.ts';
import { greetingOf } from './greetings.ts';
import type { ServerWork } from './perform.ts';
import { provide } from './provide.ts';
import { seed } from './seed.ts';

export type Upload = (work: ServerWork) => Promise<Facts>;

/** What is sent to every server that stands at the same base; computed once for all of them. */
type Parcel = {
  readonly remove: readonly string[];
  readonly send: readonly string[];
  readonly files: readonly string[];
  readonly content: string;
};

/** What is laid over the artifact. */
type Laid = { readonly shared: readonly SharedPath[]; readonly provided: Provided | null };

type Target = {
  readonly laid: Laid;
  readonly artifact: Artifact;
  readonly tree: ReleaseTree;
  readonly treeHash: string;
  readonly parcels: Map<string | null, Promise<Parcel>>;
};

export function uploader(artifacts: Artifacts): Upload {
  // One target at a time is what a deployment needs; a few clusters may deploy side by side.
  const targets = new Map<string, Promise<Target>>();
  const KEPT = 8;

  function targetOf(id: string, laid: Laid): Promise<Target> {
    const key = `${id} ${JSON.stringify(laid)}`;
    const known = targets.get(key);
    if (known !== undefined) return known;
    const made = load(artifacts, id, laid);
    targets.set(key, made);
    made.catch(() => targets.delete(key));
    const oldest = targets.keys().next().value;
    if (targets.size > KEPT && oldest !== undefined) targets.delete(oldest);
    return made;
  }

  return async (work) => {
    const { deployment, channel, signal } = work;
    const { release, artifact: id, cluster } = deployment;
    if (release === null) throw new Error(`deployment ${deployment.number} has nothing to upload`);
    const greeting = await greetingOf(channel, signal);
    if (id === null) return findAdopted(work, greeting);
    const isPresent = greeting.sealed.some((one) => one.release === release && one.artifact === id);
    // In an emergency what lies there is taken as it lies there.
    if (isPresent && deployment.purpose === 'emergency') return { bytes: 0, carrier: 'present' };
    const { provided, warning } = await provide(work);
    const target = await targetOf(id, { shared: cluster.shared, provided });
    const sent = await bring(work, target, greeting, isPresent);
    await seed(work, target.tree);
    return { ...sent, ...(warning !== null && { warning }) };
  };

  async function bring(work: ServerWork, target: Target, greeting: Greeting, isPresent: boolean): Promise<Facts> {
    const { deployment, channel, server, tools, signal, op } = work;
    const release = deployment.release ?? '';
    // Files that may have been changed are not believed until each of them was read.
    const isSuspect = deployment.anew || (greeting.current !== release && tools.isDrifted(deployment.cluster.name, server.name));
    const isBelieved = deployment.target === null && target.laid.provided === null && !isSuspect;
    if (isPresent && isBelieved) return { bytes: 0, carrier: 'present' };
    // A roll back goes to a release that has lain there for a while, and links lead to other files than then: anything may be different.
    if (isPresent && (await isIntact(work, target))) return { bytes: 0, carrier: 'present' };
    const base = await baseOf(artifacts, greeting);
    const parcel = await parcelFor(target, base);
    const links = target.tree.links;
    const staged = await channel.stage(
      `${op}-stage`,
      { release, artifact: target.artifact.id, base: base?.release ?? null, remove: parcel.remove, links },
      signal,
    );
    if (staged === 'sealed') return { bytes: 0, carrier: 'present' };

    const common = { release, directory: target.artifact.directory, except: target.tree.covered };
    const sent = await channel.send({ ...common, files: base === null ? null : parcel.send, repair: false }, signal);
    let bytes = sent.bytes;
    try {
      const compared = isSuspect ? await parcelFor(target, null) : parcel;
      await seal(work, `${op}-seal`, target, compared, base?.release ?? null);
    } catch (error) {
      if (!isMismatch(error)) throw error;
      bytes += await repair(work, target);
    }
    return { bytes, carrier: base === null ? 'full' : 'delta' };
  }
}

/** What was there before Lockstep has no manifest: it is on the server, or nowhere. */
function findAdopted({ deployment, server }: ServerWork, { adopted, current }: Greeting): Facts {
  const release = deployment.release ?? '';
  if (adopted.includes(release) || current === release) return { bytes: 0, carrier: 'present' };
  throw new DeployError(
    'not-found',
    `${server.name} has no ${release} (any more), and only the servers ever had it; roll back to another release`,
  );
}

async function isIntact({ channel, deployment, signal, server, tools }: ServerWork, target: Target): Promise<boolean> {
  const { files, content } = await parcelFor(target, null);
  const request = { release: deployment.release ?? '', artifact: target.artifact.id, files, content, tree: target.treeHash };
  if ((await channel.verify(request, signal)) === 'intact') return true;
  tools.log(deployment.number, `${server.name}: the release was changed since it was sealed; it is sent again\n`);
  return false;
}

/** What arrived is not what was sent, or the base was damaged: compare everything by content; if that does not help, start afresh. */
async function repair(work: ServerWork, target: Target): Promise<number> {
  const { channel, signal, op, deployment, server, tools } = work;
  const release = deployment.release ?? '';
  const whole = await parcelFor(target, null);
  const common = { release, directory: target.artifact.directory, except: target.tree.covered, files: null };
  tools.log(deployment.number, `upload to ${server.name}: the release does not match its manifest; repairing\n`);
  const repaired = await channel.send({ ...common, repair: true }, signal);
  try {
    await seal(work, `${op}-reseal`, target, whole);
    return repaired.bytes;
  } catch (error) {
    if (!isMismatch(error)) throw error;
  }
  const request = { release, artifact: target.artifact.id, base: null, remove: [], links: target.tree.links };
  await channel.stage(`${op}-restage`, request, signal);
  const sent = await channel.send({ ...common, repair: false }, signal);
  await seal(work, `${op}-last-seal`, target, whole);
  return repaired.bytes + sent.bytes;
}

async function seal(
  { channel, deployment, signal }: ServerWork,
  op: string,
  target: Target,
  { files, content }: Parcel,
  base: string | null = null,
): Promise<void> {
  const { release, revision } = deployment;
  const request = { release: release ?? '', artifact: target.artifact.id, files, content, tree: target.treeHash, revision, base };
  await channel.seal(op, request, signal);
}

const isMismatch = (error: unknown): boolean => error instanceof DeployError && error.code === 'mismatch';

async function load(artifacts: Artifacts, id: string, laid: Laid): Promise<Target> {
  const artifact = await artifacts.find(id);
  if (artifact === null)
    throw new DeployError('artifact', `artifact ${id.slice(0, 12)} is no longer on this machine; deploy the revision again`);
  const tree = releaseTree(artifact.manifest, laid.shared, laid.provided);
  const blocked = blockedLink(tree);
  if (blocked !== null) {
    const message = `${blocked.path} cannot be linked into the release, because ${blocked.by} is not a directory there; correct "shared" or "files"`;
    throw new DeployError('artifact', message);
  }
  return { laid, artifact, tree, treeHash: sha256(treeLines(tree)), parcels: new Map() };
}

type Base = { readonly release: string; readonly artifact: Artifact };

/** The base is what the server reports and has verified; one that the daemon has no manifest of cannot be one. */
async function baseOf(artifacts: Artifacts, greeting: Greeting): Promise<Base | null> {
  const sealed = greeting.sealed.find((one) => one.release === greeting.current);
  if (sealed === undefined) return null;
  const artifact = await artifacts.find(sealed.artifact);
  return artifact === null ? null : { release: sealed.release, artifact };
}

/** Links of the base to files from outside are not asked for: the server takes them out of the clone by itself. */
function parcelFor(target: Target, base: Base | null): Promise<Parcel> {
  const key = base?.artifact.id ?? null;
  let parcel = target.parcels.get(key);
  if (parcel === undefined) {
    const { shared, provided } = target.laid;
    parcel = Promise.resolve(parcelOf(target.tree, base === null ? null : releaseTree(base.artifact.manifest, shared, provided)));
    target.parcels.set(key, parcel);
  }
  return parcel;
}

function parcelOf(tree: ReleaseTree, base: ReleaseTree | null): Parcel {
  const { remove, send } = base === null ? { remove: [], send: tree.entries } : difference(base, tree);
  const files = send.filter((entry) => entry.type === 'file').map((entry) => entry.path);
  return { remove, send: send.map((entry) => entry.path), files, content: sha256(contentLines(send)) };
}

function sha256(lines: readonly string[]): string {
  const hash = createHash('sha256');
  for (const line of lines) hash.update(line);
  return hash.digest('hex');
}
