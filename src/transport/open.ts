// Opens the transport: chooses by the server how it is reached, and ends everything that was opened.
import { mkdirSync } from 'node:fs';
import type { Channel, ChannelSettings, Transport } from '../core/channel.ts';
import type { Server } from '../core/server.ts';
import { zoneOf } from '../core/zone.ts';
import { agentChannel } from './agent-channel.ts';
import { hostKeysOf } from './host-keys.ts';
import { limiter } from './limiter.ts';
import type { Limiter } from './limiter.ts';
import { ConnectionLost } from './link.ts';
import type { Link } from './link.ts';
import { localLink } from './local.ts';
import { pacerOf } from './pacer.ts';
import type { Pacer } from './pacer.ts';
import { openSession } from './session.ts';
import type { Session } from './session.ts';
import { simulatedServers } from './simulated.ts';
import { knownHostsOf, sshLink } from './ssh.ts';
import { warmSessions } from './warm-sessions.ts';

export type TransportOptions = {
  /** `<data>/ssh`: holds `id_ed25519` and `known_hosts`. Created with mode 0700. */
  readonly directory: string;
  /** A short private directory for the sockets of open connections; the caller removes it after `close`. */
  readonly runtime: string;
};

/** To begin to look at the clone that an upload will start from; what was seen is asked for by the upload. Changes nothing, so it fences nobody. */
const LOOK = { verb: 'look', epoch: 0, op: '-', words: [], payload: Buffer.alloc(0), pacer: null };
const LOOK_LIMIT_MS = 30_000;

const isCrowded = (error: unknown): boolean => error instanceof ConnectionLost && error.retry === 'dropped';

/**
 * The one transport of a daemon. `channel` throws DeployError `configuration` for a server that cannot be named safely.
 * `close` closes all channels that are still open; simulated servers forget everything.
 */
export function openTransport({ directory, runtime }: TransportOptions): Transport & { close(): Promise<void> } {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const open = new Set<Channel>();
  const limiters = new Map<string, Limiter>();
  const pacers = new Map<string, Pacer>();
  const simulated = simulatedServers();
  const sessions = warmSessions();

  function limiterOf({ cluster }: ChannelSettings): Limiter {
    const key = `${cluster.name} ${cluster.connections}`;
    const made = limiters.get(key) ?? limiter(cluster.connections, isCrowded);
    limiters.set(key, made);
    return made;
  }

  /** One line into a zone, one budget: also for several clusters whose zones have the same name and budget. */
  function pacerFor(server: Server, { cluster }: ChannelSettings): Pacer | null {
    const bandwidth = zoneOf(cluster, server)?.bandwidth ?? null;
    if (bandwidth === null) return null;
    const key = `${server.zone ?? ''} ${bandwidth}`;
    const made = pacers.get(key) ?? pacerOf(bandwidth);
    pacers.set(key, made);
    return made;
  }

  const linkTo = (server: Server, { cluster }: ChannelSettings): Link =>
    sshLink({ server, cluster: cluster.name, settings: cluster.ssh, directory, runtime });

  /** Whatever a connection depends on: a configuration that names another key must not find the old one's connection. */
  const keyOf = (server: Server, { cluster, lane }: ChannelSettings): string =>
    JSON.stringify([server.host, server.port, server.user, server.path, cluster.ssh, lane]);

  function channelTo(server: Server, settings: ChannelSettings): Channel {
    const { epoch, cluster, lane } = settings;
    const common = {
      ...{ server, epoch, layout: cluster.layout, page: cluster.maintenance?.page ?? '' },
      ...{ limiter: limiterOf(settings), isBrief: lane !== undefined },
      pacer: pacerFor(server, settings),
      hostKeys: (other: Server) => hostKeysOf(other, knownHostsOf(cluster.ssh, directory)),
    };
    switch (server.transport) {
      case 'simulated':
        return simulated.channel(server, settings);
      case 'local':
        return agentChannel({ ...common, link: localLink() });
      case 'ssh': {
        const key = keyOf(server, settings);
        const warm = {
          take: (signal: AbortSignal) => sessions.take(key, signal),
          give: (session: Session) => sessions.give(key, session, cluster.ssh.keepMs),
        };
        return agentChannel({ ...common, link: linkTo(server, settings), warm });
      }
      default:
        return server.transport satisfies never;
    }
  }

  return {
    channel: (server, settings) => {
      const channel = channelTo(server, settings);
      const tracked: Channel = {
        ...channel,
        close: async () => {
          open.delete(tracked);
          await channel.close();
        },
      };
      open.add(tracked);
      return tracked;
    },
    connectAhead: (server, settings) => {
      if (server.transport !== 'ssh') return;
      const connect = (signal: AbortSignal) =>
        limiterOf(settings).run(() => openSession(linkTo(server, settings), server.path, signal), signal);
      const look = (session: Session, signal: AbortSignal) =>
        session.ask(0, LOOK, AbortSignal.any([signal, AbortSignal.timeout(LOOK_LIMIT_MS)]));
      sessions.open(keyOf(server, settings), connect, look);
    },
    close: async () => {
      await Promise.all([...open].map((channel) => channel.close()));
      await sessions.close();
    },
  };
}
