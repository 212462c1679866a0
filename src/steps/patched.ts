// patched: a part of upload. For a slow line: a shipment as what differs from files that its receiver has, made once for all that have the same.
import type { Greeting, Patch, Shipment } from '../core/channel.ts';
import { releaseTree } from '../core/manifest.ts';
import { pays, referenceFor } from '../core/patch.ts';
import type { Packer } from '../core/ports.ts';
import { parcelFor, shipmentFor } from './target.ts';
import type { Base, Target } from './target.ts';

/** What a server is to get: `shipment` as it would be sent, and what it was made of. */
export type Goods = {
  readonly packer: Packer;
  readonly target: Target;
  readonly base: Base | null;
  readonly isSuspect: boolean;
  readonly shipment: Shipment;
};

/** Another shipment with the same content: the pack that the receiver makes of the patch is not compressed. */
export type Patched = { readonly shipment: Shipment; readonly patch: Patch };

const made = new WeakMap<Shipment, Map<string, Promise<Patched | null>>>();

/** `null`: the server cannot make a pack of a patch, or it would not pay. Rejects like `shipmentFor`. */
export async function patchedFor(goods: Goods, holder: Base, { unpacks }: Pick<Greeting, 'unpacks'>): Promise<Patched | null> {
  if (!unpacks.includes('zstd') || !unpacks.includes('gzip')) return null;
  const known = made.get(goods.shipment) ?? new Map<string, Promise<Patched | null>>();
  made.set(goods.shipment, known);
  const { id } = holder.artifact;
  const one = known.get(id) ?? make(goods, holder);
  known.set(id, one);
  one.catch(() => known.delete(id));
  const patched = await one;
  return patched === null ? null : { ...patched, patch: { ...patched.patch, release: holder.release } };
}

async function make({ packer, target, base, isSuspect, shipment: plain }: Goods, holder: Base): Promise<Patched | null> {
  const { shared, provided } = target.laid;
  const reference = referenceFor(parcelFor(target, base).send, releaseTree(holder.artifact.manifest, shared, provided).entries);
  // Is there a zstd on this machine?
  if (reference === null || packer.choose(['zstd'], Infinity, 1) !== 'zstd') return null;
  const shipment = await shipmentFor(packer, target, base, { compression: 'none', isSuspect });
  const { files } = reference;
  const pack = await packer.patch(shipment.pack, holder.artifact.directory, files);
  return pays(pack.bytes, plain.pack.bytes) ? { shipment, patch: { release: holder.release, files, pack } } : null;
}
