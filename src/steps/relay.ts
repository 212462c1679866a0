// relay: a part of upload. How a pack comes to a server: by a relay of its zone, by the next one, or from the daemon itself.
import type { Channel, Shipment } from '../core/channel.ts';
import type { Deployment } from '../core/deployment.ts';
import { DeployError } from '../core/errors.ts';
import type { Server } from '../core/server.ts';
import { routeOf, zoneOf } from '../core/zone.ts';
import type { ServerWork } from './perform.ts';

/** `relay` null: the shipment has to be sent. `bytes`: sent for this server so far, to its relay. `why`: for the log; empty: nothing to say. */
export type Arrival = { readonly relay: Server | null; readonly bytes: number; readonly why: string };

export type Relays = {
  /**
   * Tries the relays of the server's zone in their order. Whatever goes wrong with a relay only leads to the next one, and at last to the daemon.
   * Rejects with what is wrong with the server itself, the shipment (`artifact`), or the deployment (`fenced`, `aborted`).
   */
  bring(work: ServerWork, shipment: Shipment): Promise<Arrival>;
  /** What this relay brought was not there, or not what it should be: nothing comes by it any more in this deployment. */
  distrust(work: ServerWork, relay: Server, error: DeployError): void;
};

/** A relay as one deployment knows it. */
type Relay = {
  problem: string | null;
  /** By shipment: resolves with the bytes that were sent for it. */
  readonly stored: WeakMap<Shipment, Promise<number>>;
  readonly lanes: { readonly channel: Channel; users: number }[];
};

/** A relay hands over to so many servers at a time, each in a conversation of its own. */
const LANES = 3;
/** Deployments whose relays are remembered; more do not run at a time. */
const KEPT = 16;

export function createRelays(): Relays {
  const deployments = new Map<number, Map<string, Relay>>();

  function relayOf({ deployment, tools }: ServerWork, server: Server): Relay {
    const known = deployments.get(deployment.number) ?? new Map<string, Relay>();
    deployments.set(deployment.number, known);
    const oldest = deployments.keys().next().value;
    if (deployments.size > KEPT && oldest !== undefined) deployments.delete(oldest);
    let relay = known.get(server.name);
    if (relay === undefined) {
      const lanes = Array.from({ length: LANES }, (_, i) => ({ channel: tools.channel(deployment, server, `relay ${i + 1}`), users: 0 }));
      relay = { problem: null, stored: new WeakMap(), lanes };
      known.set(server.name, relay);
    }
    return relay;
  }

  /** The same promise for all that wait for it. Its failure is forgotten: who gave up may have done so for itself only. */
  async function store(work: ServerWork, server: Server, relay: Relay, shipment: Shipment): Promise<number> {
    const { deployment, tools, signal } = work;
    for (;;) {
      const pending = relay.stored.get(shipment);
      if (pending === undefined) break;
      try {
        await pending;
        return 0;
      } catch (error) {
        if (signal.aborted || !(error instanceof DeployError) || error.code !== 'aborted') throw error;
      }
    }
    const mine = onLane(relay, (channel) => channel.store(shipment, signal)).then(({ bytes }) => {
      const how = bytes === 0 ? 'has the pack already' : `got the pack (${bytes} bytes)`;
      tools.log(deployment.number, `relay ${server.name} of zone ${server.zone ?? ''} ${how}\n`);
      return bytes;
    });
    relay.stored.set(shipment, mine);
    mine.catch(() => relay.stored.delete(shipment));
    return mine;
  }

  /** `problem` null: the server has the shipment; else why not. `bytes`: sent to the relay for it. */
  async function tryRelay(work: ServerWork, server: Server, shipment: Shipment): Promise<{ bytes: number; problem: string | null }> {
    const relay = relayOf(work, server);
    if (relay.problem !== null) return { bytes: 0, problem: relay.problem };
    let isOfServer = false;
    let bytes = 0;
    try {
      bytes = await store(work, server, relay, shipment);
      if (server.name === work.server.name) return { bytes, problem: null };
      isOfServer = true;
      await work.channel.expect(shipment, work.signal);
      isOfServer = false;
      const identity = zoneOf(work.deployment.cluster, server)?.identity ?? null;
      const problem = await onLane(relay, (channel) => channel.hand(shipment, work.server, identity, work.signal));
      return { bytes, problem };
    } catch (error) {
      if (isOfServer || work.signal.aborted || !(error instanceof DeployError)) throw error;
      if (error.code === 'artifact' || error.code === 'fenced') throw error;
      // The daemon lacks the server's host key only for the sake of the relay: that is no fault of the relay.
      if (error.code !== 'untrusted') relay.problem = error.message;
      return { bytes, problem: error.message };
    }
  }

  return {
    bring: async (work, shipment) => {
      const { deployment, server } = work;
      const { relays, why } = routeOf(deployment.cluster, server, shipment.pack.bytes, (one) => takesPart(deployment, one));
      const problems: string[] = [];
      let sent = 0;
      for (const relay of relays) {
        const { bytes, problem } = await tryRelay(work, relay, shipment);
        sent += bytes;
        if (problem === null) return { relay, bytes: sent, why: [why, ...problems].join('; ') };
        problems.push(`relay ${relay.name}: ${problem}`);
      }
      if (deployment.cluster.zones === undefined) return { relay: null, bytes: 0, why: '' };
      return { relay: null, bytes: sent, why: problems.length === 0 ? why : problems.join('; ') };
    },
    distrust: (work, relay, error) => {
      relayOf(work, relay).problem = error.message;
    },
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
