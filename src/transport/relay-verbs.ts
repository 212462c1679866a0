// The verbs that relays and those they serve are asked: store, expect, hand, reach.
import { gzipSync } from 'node:zlib';
import type { Channel, Pack, Patch, Shipment } from '../core/channel.ts';
import type { Server } from '../core/server.ts';
import { shellWord } from './agent-script.ts';
import { done, handedOf, stateOf } from './answers.ts';
import { consignmentOf } from './consignment.ts';
import type { Pacer } from './pacer.ts';
import { needName, patchPayload, unpackPayload } from './payloads.ts';

/** One question to an agent. */
export type Ask<T> = {
  readonly verb: string;
  /** For messages, where it is not the verb. */
  readonly what?: string;
  readonly op?: string;
  readonly words?: readonly (string | number)[];
  readonly payload?: Buffer;
  readonly pack?: Pack;
  /** `null`: none but the signal. */
  readonly limitMs?: number | null;
  /** `sent`: when the question left, milliseconds since 1970. */
  readonly read: (value: unknown, sent: number) => T;
  readonly signal: AbortSignal;
};

export type RelayVerbs = Pick<Channel, 'store' | 'drop' | 'expect' | 'hand' | 'reach'>;

type Tools = {
  readonly ask: <T>(question: Ask<T>) => Promise<T>;
  readonly pacer: Pacer | null;
  readonly hostKeys: (server: Server) => Promise<string>;
};

const SECOND = 1_000;
const HALF_A_MINUTE = 30 * SECOND;
/** A relay that is slower is as good as dead. */
const SLOWEST = 100_000;
/** Of no pack. */
const NOTHING = '0'.repeat(64);

export function relayVerbs({ ask, pacer, hostKeys }: Tools): RelayVerbs {
  async function hand(sha256: string, bytes: number, to: Server, identity: string | null, signal: AbortSignal): Promise<string | null> {
    const { host, port } = to.zoneAddress ?? to;
    const taker = `exec sh ${shellWord(`${to.path}/.lockstep/take-pack`)} ${sha256} ${bytes}`;
    const payload = Buffer.from(`${identity ?? ''}\n${taker}\n${await hostKeys(to)}`);
    const limitMs = bytes === 0 ? HALF_A_MINUTE / 2 : longestMs(bytes, null);
    const words = [sha256, bytes, Math.ceil(limitMs / SECOND), host, port, to.user ?? '-', to.host];
    return ask({ verb: 'hand', what: `handing to ${to.name}`, words, payload, limitMs: limitMs + 10 * SECOND, read: handedOf, signal });
  }

  async function store(shipment: Shipment, signal: AbortSignal, patch?: Patch): Promise<{ bytes: number }> {
    const { sha256, pack } = await consignmentOf(shipment);
    const words = [sha256, pack.bytes];
    const question = { verb: 'store', what: 'storing of a pack', words, signal };
    const read = (value: unknown) => stateOf(value, ['there', 'absent', 'stored'] as const);
    if ((await ask({ ...question, read })) === 'there') return { bytes: 0 };
    const { further, sent } = patch === undefined ? { further: [], sent: pack } : patched(shipment, patch);
    await ask({ ...question, words: [...words, ...further], pack: sent, limitMs: longestMs(sent.bytes, pacer), read });
    return { bytes: sent.bytes };
  }

  /** What is sent in place of the whole, and the words about it. */
  function patched(shipment: Shipment, { release, files, pack }: Patch): { further: (string | number)[]; sent: Pack } {
    const list = patchPayload(files);
    const lists = gzipSync(unpackPayload(shipment).payload);
    const read = async function* (): AsyncIterable<Uint8Array> {
      yield list;
      yield lists;
      yield* pack.read();
    };
    const sent = { compression: pack.compression, bytes: list.length + lists.length + pack.bytes, read };
    return { further: [needName(release), list.length, lists.length], sent };
  }

  return {
    store,
    drop: async (shipment, signal) => {
      const { sha256 } = await consignmentOf(shipment);
      await ask({ verb: 'store', what: 'removal of a pack', words: [sha256, 0], read: done, signal });
    },
    expect: async (shipment, signal) => {
      const { sha256, pack } = await consignmentOf(shipment);
      await ask({ verb: 'expect', what: 'upload', words: [sha256, pack.bytes], read: done, signal });
    },
    hand: async (shipment, to, identity, signal) => {
      const { sha256, pack } = await consignmentOf(shipment);
      return hand(sha256, pack.bytes, to, identity, signal);
    },
    reach: (to, identity, signal) => hand(NOTHING, 0, to, identity, signal),
  };
}

/** Half a minute, and then it has at least `SLOWEST` bytes each second, or a tenth of the budget, which others use, too. */
function longestMs(bytes: number, pacer: Pacer | null): number {
  const slowest = Math.min(SLOWEST, (pacer?.bytesPerSecond ?? Infinity) / 10);
  return HALF_A_MINUTE + Math.ceil((bytes / slowest) * SECOND);
}
