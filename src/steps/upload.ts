// upload: the release goes next to the live one. Only what changed is sent, and everything is verified before it counts.
import type { Compression, Greeting } from '../core/channel.ts';
import { carrierFor } from '../core/carrier.ts';
import { DeployError } from '../core/errors.ts';
import type { Facts } from '../core/event.ts';
import type { Artifacts, Packer } from '../core/ports.ts';
import type { Server } from '../core/server.ts';
import { greetingOf } from './greetings.ts';
import type { ServerWork } from './perform.ts';
import { provide } from './provide.ts';
import { cutoverOf, ready } from './ready.ts';
import { createRelays } from './relay.ts';
import { seed } from './seed.ts';
import { baseOf, loadTarget, parcelFor, shipmentFor } from './target.ts';
import type { Base, Laid, Parcel, Target } from './target.ts';

export type Upload = (work: ServerWork) => Promise<Facts>;

/** `isPrepared`: the cutover has been prepared in the same round trip. */
type Brought = { readonly facts: Facts; readonly isPrepared: boolean };

export function uploader(artifacts: Artifacts, packer: Packer): Upload {
  // One target at a time is what a deployment needs; a few clusters may deploy side by side.
  const targets = new Map<string, Promise<Target>>();
  const KEPT = 8;
  const relays = createRelays(artifacts);

  function targetOf(id: string, laid: Laid): Promise<Target> {
    const key = `${id} ${JSON.stringify(laid)}`;
    const known = targets.get(key);
    if (known !== undefined) return known;
    const made = loadTarget(artifacts, id, laid);
    targets.set(key, made);
    made.catch(() => targets.delete(key));
    const oldest = targets.keys().next().value;
    if (targets.size > KEPT && oldest !== undefined) targets.delete(oldest);
    return made;
  }

  return async (work) => {
    const { facts, isPrepared } = await upload(work);
    if (!isPrepared) await ready(work);
    return facts;
  };

  async function upload(work: ServerWork): Promise<Brought> {
    const { deployment, channel, tools, signal } = work;
    const { release, artifact: id, cluster } = deployment;
    if (release === null) throw new Error(`deployment ${deployment.number} has nothing to upload`);
    const greeting = await greetingOf(channel, tools.now, signal);
    if (id === null) return unprepared(findAdopted(work, greeting));
    const isPresent = greeting.sealed.some((one) => one.release === release && one.artifact === id);
    // In an emergency what lies there is taken as it lies there.
    if (isPresent && deployment.purpose === 'emergency') return PRESENT;
    const { provided, warning } = await provide(work);
    const target = await targetOf(id, { shared: cluster.shared, provided });
    const { facts, isPrepared } = await bring(work, target, greeting, isPresent);
    await seed(work, target.tree);
    return { facts: { ...facts, ...(warning !== null && { warning }) }, isPrepared };
  }

  async function bring(work: ServerWork, target: Target, greeting: Greeting, isPresent: boolean): Promise<Brought> {
    const { deployment, server, tools } = work;
    const release = deployment.release ?? '';
    // Files that may have been changed are not believed until each of them was read.
    const isSuspect = deployment.anew || (greeting.current !== release && tools.isDrifted(deployment.cluster.name, server.name));
    const isBelieved = deployment.target === null && target.laid.provided === null && !isSuspect;
    if (isPresent && isBelieved) return PRESENT;
    // A roll back goes to a release that has lain there for a while, and links lead to other files than then: anything may be different.
    if (isPresent && (await isIntact(work, target))) return PRESENT;
    const base = await baseOf(artifacts, greeting);
    const { bytes, through } = parcelFor(target, base);
    const isListable = !through.some((path) => path.includes('\n'));
    return isListable && carrierFor(deployment.cluster, greeting, bytes) === 'pack'
      ? bringPacked(work, target, base, packer.choose(greeting.unpacks, bytes, work.deployment.cluster.servers.length), isSuspect)
      : unprepared(await bringByRsync(work, target, base, isSuspect));
  }

  /** In one round trip, and the same bytes for every server. */
  async function bringPacked(
    work: ServerWork,
    target: Target,
    base: Base | null,
    compression: Compression,
    isSuspect: boolean,
  ): Promise<Brought> {
    const { deployment, channel, signal, op, server, tools } = work;
    const { release, revision } = deployment;
    const { token = null, isBrief = false } = cutoverOf(work) ?? {};
    const common = { release: release ?? '', artifact: target.artifact.id, base: base?.release ?? null, revision, token, isBrief };
    const carrier = base === null ? 'full' : 'delta';
    let isRepacked = false;
    let sent = 0;
    for (;;) {
      const plain = await shipmentFor(packer, target, base, { compression, isSuspect });
      let relay: Server | null = null;
      try {
        const arrival = await relays.bring(work, { packer, target, base, isSuspect, shipment: plain });
        const { shipment } = arrival;
        relay = arrival.relay;
        sent += arrival.bytes;
        const way = relay === null || arrival.isPatch ? 'directly' : relay.name === server.name ? 'as the relay' : `by relay ${relay.name}`;
        if (arrival.why !== '') tools.log(deployment.number, `the pack for ${server.name} comes ${way} (${arrival.why})\n`);
        const request = { ...common, shipment, stored: relay !== null };
        const { state, bytes } = await relays.measured(work, server, () => channel.unpack(`${op}-unpack`, request, signal));
        return state === 'sealed' ? PRESENT : { facts: { bytes: bytes + sent, carrier }, isPrepared: true };
      } catch (error) {
        if (relay !== null && isNotFound(error)) {
          relays.distrust(work, relay, error);
          continue;
        }
        if (relay === null) sent += plain.pack.bytes;
        if (isMismatch(error)) return unprepared({ bytes: sent + (await repair(work, target)), carrier });
        // The pack is gone: nobody has read it for a while.
        if (!(error instanceof DeployError) || error.code !== 'artifact' || isRepacked) throw error;
        isRepacked = true;
        target.shipments.clear();
      }
    }
  }
}

const unprepared = (facts: Facts): Brought => ({ facts, isPrepared: false });

const PRESENT = unprepared({ bytes: 0, carrier: 'present' });

/** The portable way: clone, rsync, verify; three round trips and more, and resumed where it broke off. */
async function bringByRsync(work: ServerWork, target: Target, base: Base | null, isSuspect: boolean): Promise<Facts> {
  const { deployment, channel, signal, op } = work;
  const release = deployment.release ?? '';
  const parcel = parcelFor(target, base);
  const { links, covered } = target.tree;
  const staged = await channel.stage(
    `${op}-stage`,
    { release, artifact: target.artifact.id, base: base?.release ?? null, remove: parcel.remove, links },
    signal,
  );
  if (staged === 'sealed') return { bytes: 0, carrier: 'present' };

  const common = { release, directory: target.artifact.directory, except: covered };
  const files = base === null ? null : parcel.send.map((entry) => entry.path);
  const sent = await channel.send({ ...common, files, repair: false }, signal);
  let bytes = sent.bytes;
  try {
    await seal(work, `${op}-seal`, target, isSuspect ? parcelFor(target, null) : parcel, base?.release ?? null);
  } catch (error) {
    if (!isMismatch(error)) throw error;
    bytes += await repair(work, target);
  }
  return { bytes, carrier: base === null ? 'full-rsync' : 'delta-rsync' };
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
  const { files, content } = parcelFor(target, null);
  const request = { release: deployment.release ?? '', artifact: target.artifact.id, files, content, tree: target.treeHash };
  if ((await channel.verify(request, signal)) === 'intact') return true;
  tools.log(deployment.number, `${server.name}: the release was changed since it was sealed; it is sent again\n`);
  return false;
}

/** What arrived is not what was sent, or the base was damaged: compare everything by content; if that does not help, start afresh. */
async function repair(work: ServerWork, target: Target): Promise<number> {
  const { channel, signal, op, deployment, server, tools } = work;
  const release = deployment.release ?? '';
  const whole = parcelFor(target, null);
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

const isNotFound = (error: unknown): error is DeployError => error instanceof DeployError && error.code === 'not-found';
const isMismatch = (error: unknown): boolean => error instanceof DeployError && error.code === 'mismatch';
