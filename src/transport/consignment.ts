// A shipment as one file: what `unpack` reads, the lists and then the pack. Relays keep it and hand it on under its hash.
import { createHash } from 'node:crypto';
import type { Pack, Shipment } from '../core/channel.ts';
import { unpackPayload } from './payloads.ts';

/** `sizes`: of the lists, as the verb has them. */
export type Consignment = { readonly sha256: string; readonly pack: Pack; readonly sizes: readonly number[] };

const made = new WeakMap<Shipment, Promise<Consignment>>();

/** Reads the pack once for all servers that get the same. Rejects like `Pack.read`. */
export function consignmentOf(shipment: Shipment): Promise<Consignment> {
  const known = made.get(shipment);
  if (known !== undefined) return known;
  const one = consign(shipment);
  made.set(shipment, one);
  one.catch(() => made.delete(shipment));
  return one;
}

async function consign(shipment: Shipment): Promise<Consignment> {
  const { pack, sizes } = wholeOf(shipment);
  const hash = createHash('sha256');
  for await (const piece of pack.read()) hash.update(piece);
  return { sha256: hash.digest('hex'), pack, sizes };
}

/** The lists become the beginning of the pack. */
export function wholeOf(shipment: Shipment): Omit<Consignment, 'sha256'> {
  const { payload, sizes } = unpackPayload(shipment);
  const { compression, bytes } = shipment.pack;
  const read = async function* (): AsyncIterable<Uint8Array> {
    yield payload;
    yield* shipment.pack.read();
  };
  return { pack: { compression, bytes: payload.length + bytes, read }, sizes };
}
