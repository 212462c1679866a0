// Contacts: when each server last answered, and how much room it said it has. Known since the daemon started, not kept.
import type { Channel, Transport } from '../core/channel.ts';

/** `at`: milliseconds since 1970. */
export type Contact = { readonly at: number; readonly freeBytes: number; readonly freeInodes: number };

export type Contacts<T extends Transport = Transport> = {
  /** The same transport; what servers say of themselves is noted. */
  readonly transport: T;
  contactOf(cluster: string, server: string): Contact | null;
};

/** Servers that left the configuration are forgotten with the daemon: there are never many. */
export function rememberContacts<T extends Transport>(transport: T, now: () => number): Contacts<T> {
  const contacts = new Map<string, Contact>();
  const keyOf = (cluster: string, server: string): string => `${cluster}\0${server}`;

  function noting(channel: Channel, cluster: string): Channel {
    const note = <T extends { freeBytes: number; freeInodes: number }>(said: T): T => {
      const { freeBytes, freeInodes } = said;
      contacts.set(keyOf(cluster, channel.server.name), { at: now(), freeBytes, freeInodes });
      return said;
    };
    return {
      ...channel,
      hello: async (signal, look) => note(await channel.hello(signal, look)),
      inspect: async (depth, signal) => note(await channel.inspect(depth, signal)),
    };
  }

  return {
    transport: {
      ...transport,
      channel: (server, options) => noting(transport.channel(server, options), options.cluster.name),
    },
    contactOf: (cluster, server) => contacts.get(keyOf(cluster, server)) ?? null,
  };
}
