// relay: a part of upload. How a pack comes to a server: by a relay of its zone, by the next one, or from the daemon itself; as a patch where the
// line is slow and the receiver has something like it.
import type { Channel, Shipment } from '../core/channel.ts';
import type { Deployment } from '../core/deployment.ts';
import { DeployError } from '../core/errors.ts';
import { isSlow } from '../core/patch.ts';
import type { Artifacts } from '../core/ports.ts';
import type { Server } from '../core/server.ts';
import { neighboursOf, routeOf, zoneOf } from '../core/zone.ts';
import { greetingOf } from './greetings.ts';
import { lineSpeeds } from './line-speeds.ts';
import { patchedFor } from './patched.ts';
import type { Goods, Patched } from './patched.ts';
import type { ServerWork } from './perform.ts';
import { baseOf } from './target.ts';

/**
 * `shipment`: what the server gets. `relay` null: it has to be sent; else it is there: brought by that server, or, if it is the same one, as a
 * patch (`isPatch`) or because it is a relay. `bytes`: sent for this server so far, to its relay. `why`: for the log; empty: nothing to say.
 */
export type Arrival = {
  readonly shipment: Shipment;
  readonly relay: Server | null;
  readonly isPatch: boolean;
  readonly bytes: number;
  readonly why: string;
};

export type Relays = {
  /**
   * Tries the relays of the server's zone in their order. Whatever goes wrong with a relay only leads to the next one, and at last to the daemon.
   * Rejects with what is wrong with the server itself, the shipment (`artifact`), or the deployment (`fenced`, `aborted`).
   */
  bring(work: ServerWork, goods: Goods): Promise<Arrival>;
  /** What this relay brought was not there, or not what it should be: nothing comes by it any more in this deployment. */
  distrust(work: ServerWork, relay: Server, error: DeployError): void;
  /** Sends something to a server, and learns from it how fast its line is. */
  measured<T extends { readonly bytes: number }>(work: ServerWork, server: Server, send: () => Promise<T>): Promise<T>;
};

/** What a relay keeps for others, and what was sent for it. */
type Kept = { readonly shipment: Shipment; readonly bytes: number };

/** A relay as one deployment knows it. */
type Relay = {
  problem: string | null;
  /** By shipment, as it would be sent. */
  readonly stored: WeakMap<Shipment, Promise<Kept>>;
  readonly lanes: { readonly channel: Channel; users: number }[];
  /** Servers that it serves although it does not take part: after the last one it need not keep anything. */
  guests: number;
};

/** A relay hands over to so many servers at a time, each in a conversation of its own. */
const LANES = 3;
/** Deployments whose relays are remembered; more do not run at a time. */
const KEPT = 16;

export function createRelays(artifacts: Artifacts): Relays {
  const deployments = new Map<number, Map<string, Relay>>();
  const speeds = lineSpeeds();

  const nameOf = ({ deployment: { cluster } }: ServerWork, server: Server): string => `${cluster.name} ${server.name}`;
  const hasSlowLine = (work: ServerWork, server: Server): boolean =>
    isSlow(zoneOf(work.deployment.cluster, server), speeds.of(nameOf(work, server)));

  /** `send` resolves with how many bytes it sent. */
  async function measured<T extends { readonly bytes: number }>(work: ServerWork, server: Server, send: () => Promise<T>): Promise<T> {
    const { now } = work.tools;
    const end = speeds.begin(now());
    let bytes = 0;
    try {
      const sent = await send();
      ({ bytes } = sent);
      return sent;
    } finally {
      end(nameOf(work, server), bytes, now());
    }
  }

  function relayOf({ deployment, tools }: ServerWork, server: Server): Relay {
    const known = deployments.get(deployment.number) ?? new Map<string, Relay>();
    deployments.set(deployment.number, known);
    const oldest = deployments.keys().next().value;
    if (deployments.size > KEPT && oldest !== undefined) deployments.delete(oldest);
    let relay = known.get(server.name);
    if (relay === undefined) {
      const lanes = Array.from({ length: LANES }, (_, i) => ({ channel: tools.channel(deployment, server, `relay ${i + 1}`), users: 0 }));
      relay = { problem: null, stored: new WeakMap(), lanes, guests: 0 };
      known.set(server.name, relay);
    }
    return relay;
  }

  /** The goods as a patch for what a server serves; `null`: there is none, or it is not worth it. */
  async function patchFor(work: ServerWork, channel: Channel, goods: Goods): Promise<Patched | null> {
    const greeting = await greetingOf(channel, work.tools.now, work.signal);
    const holder = await baseOf(artifacts, greeting);
    return holder === null ? null : patchedFor(goods, holder, greeting);
  }

  /** Sends the goods to a server that keeps them, as a patch if `patched` is one and it can make the goods of that. */
  async function send(work: ServerWork, server: Server, channel: Channel, patched: Patched | null, shipment: Shipment): Promise<Kept> {
    const { tools, deployment, signal } = work;
    if (patched !== null) {
      const { patch } = patched;
      try {
        const { bytes } = await channel.store(patched.shipment, signal, patch);
        const what = `a patch of ${bytes} bytes against ${patch.release} in place of the pack (${shipment.pack.bytes} bytes)`;
        tools.log(deployment.number, `${server.name} got ${what}\n`);
        return { shipment: patched.shipment, bytes };
      } catch (error) {
        if (!(error instanceof DeployError) || !['mismatch', 'disk'].includes(error.code)) throw error;
        tools.log(deployment.number, `${server.name} gets the pack itself: ${error.message}\n`);
      }
    }
    const { bytes } = await measured(work, server, () => channel.store(shipment, signal));
    const how = bytes === 0 ? 'has the pack already' : `got the pack (${bytes} bytes)`;
    tools.log(deployment.number, `relay ${server.name} of zone ${server.zone ?? ''} ${how}\n`);
    return { shipment, bytes };
  }

  /** The same promise for all that wait for it. Its failure is forgotten: who gave up may have done so for itself only. */
  async function store(work: ServerWork, server: Server, relay: Relay, goods: Goods, isGuest: boolean): Promise<Kept> {
    const { signal } = work;
    const { shipment, base } = goods;
    for (;;) {
      const pending = relay.stored.get(shipment);
      if (pending === undefined) break;
      try {
        return { ...(await pending), bytes: 0 };
      } catch (error) {
        if (signal.aborted || !(error instanceof DeployError) || error.code !== 'aborted') throw error;
      }
    }
    const mine = onLane(relay, async (channel) => {
      // A whole release is large, and its relay is likely to have most of it.
      const patched = base === null || hasSlowLine(work, server) ? await patchFor(work, channel, goods) : null;
      if (isGuest && patched === null) throw new DeployError('not-found', 'it serves nothing like it');
      return send(work, server, channel, patched, shipment);
    });
    relay.stored.set(shipment, mine);
    mine.catch(() => relay.stored.delete(shipment));
    return mine;
  }

  type Tried = { readonly shipment: Shipment; readonly bytes: number; readonly problem: string | null };

  /** `problem` null: the server has the shipment; else why not. `bytes`: sent to the relay for it. */
  async function tryRelay(work: ServerWork, server: Server, goods: Goods, isGuest: boolean): Promise<Tried> {
    const relay = relayOf(work, server);
    if (relay.problem !== null) return { shipment: goods.shipment, bytes: 0, problem: relay.problem };
    let isOfServer = false;
    let kept: Kept = { shipment: goods.shipment, bytes: 0 };
    if (isGuest) relay.guests += 1;
    try {
      kept = await store(work, server, relay, goods, isGuest);
      if (server.name === work.server.name) return { ...kept, problem: null };
      const { shipment } = kept;
      isOfServer = true;
      await work.channel.expect(shipment, work.signal);
      isOfServer = false;
      const identity = zoneOf(work.deployment.cluster, server)?.identity ?? null;
      const problem = await onLane(relay, (channel) => channel.hand(shipment, work.server, identity, work.signal));
      return { ...kept, problem };
    } catch (error) {
      if (isOfServer || work.signal.aborted || !(error instanceof DeployError)) throw error;
      if (error.code === 'artifact' || error.code === 'fenced') throw error;
      // The daemon lacks the server's host key only for the sake of the relay: that is no fault of the relay.
      if (error.code !== 'untrusted') relay.problem = error.message;
      return { ...kept, problem: error.message };
    } finally {
      if (isGuest && --relay.guests === 0) await dismiss(work, relay, goods.shipment, kept.shipment);
    }
  }

  /** No end of a deployment clears up where none takes place. */
  async function dismiss({ signal }: ServerWork, relay: Relay, known: Shipment, kept: Shipment): Promise<void> {
    if (!relay.stored.delete(known)) return;
    await onLane(relay, (channel) => channel.drop(kept, signal)).catch(() => undefined);
  }

  /** To the server itself, as a patch; `null`: it gets the pack. */
  async function tryPatch(work: ServerWork, goods: Goods): Promise<Kept | null> {
    const { server, channel } = work;
    if (goods.base === null || !hasSlowLine(work, server) || relayOf(work, server).problem !== null) return null;
    const patched = await patchFor(work, channel, goods);
    if (patched === null) return null;
    try {
      const { shipment, patch } = patched;
      const { bytes } = await channel.store(shipment, work.signal, patch);
      return { shipment, bytes };
    } catch (error) {
      if (!(error instanceof DeployError) || !['mismatch', 'disk'].includes(error.code)) throw error;
      relayOf(work, server).problem = error.message;
      return null;
    }
  }

  return {
    bring: async (work, goods) => {
      const { deployment, server } = work;
      const { cluster } = deployment;
      const { shipment, base } = goods;
      const { bytes } = shipment.pack;
      const { relays, why } = routeOf(cluster, server, bytes, (one) => takesPart(deployment, one));
      const neighbours = relays.length === 0 && base === null ? neighboursOf(cluster, server, bytes) : [];
      const problems: string[] = [];
      let sent = 0;
      for (const relay of [...relays, ...neighbours]) {
        const tried = await tryRelay(work, relay, goods, relays.length === 0);
        sent += tried.bytes;
        if (tried.problem === null)
          return { shipment: tried.shipment, relay, isPatch: false, bytes: sent, why: [why, ...problems].join('; ') };
        problems.push(`relay ${relay.name}: ${tried.problem}`);
      }
      const kept = relays.length === 0 ? await tryPatch(work, goods) : null;
      if (kept !== null) {
        const what = `as a patch of ${kept.bytes} bytes in place of ${bytes}`;
        return {
          shipment: kept.shipment,
          relay: server,
          isPatch: true,
          bytes: kept.bytes,
          why: [what, ...(zoneOf(cluster, server) === null ? [] : [why])].join('; '),
        };
      }
      if (cluster.zones === undefined) return { shipment, relay: null, isPatch: false, bytes: 0, why: '' };
      return {
        shipment,
        relay: null,
        isPatch: false,
        bytes: sent,
        why: problems.length === 0 ? why : [...(relays.length === 0 ? [why] : []), ...problems].join('; '),
      };
    },
    distrust: (work, relay, error) => {
      relayOf(work, relay).problem = error.message;
    },
    measured,
  };
}

async function onLane<T>(relay: Relay, work: (channel: Channel) => Promise<T>): Promise<T> {
  const lane = relay.lanes.reduce((best, one) => (one.users < best.users ? one : best));
  lane.users += 1;
  try {
    return await work(lane.channel);
  } finally {
    lane.users -= 1;
  }
}

function takesPart({ cluster, members }: Deployment, server: Server): boolean {
  const member = members[cluster.servers.findIndex((one) => one.name === server.name)];
  return member !== undefined && member.excluded === null && member.status !== 'failed';
}
