// A slow line: TCP proxies that delay what goes through them, count it, and can be cut.
import { createServer, connect } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

export type Place = { readonly host: string; readonly port: number };

export type SlowLine = {
  /** Another way over the same line: what connects to the place that comes back is connected to `to`. */
  to(to: Place): Promise<Place>;
  /** Bytes since the line was opened, as TCP carries them (its own headers left out): to the far end, and back. */
  sent(): number;
  received(): number;
  /** The most that was sent within any `windowMs` since the mark `since` (a number of bytes sent). */
  peak(windowMs: number, since: number): number;
  /** Nothing gets through any more on the ways to `place`: their connections end, and new ones are refused. */
  cut(place: Place): Promise<void>;
  close(): Promise<void>;
};

/** What waits for its time in one direction of one connection; more is left with the sender. */
const MOST_WAITING = 8 * 1024 * 1024;

/** `roundTripMs`: half of it in each direction, for every connection of its own. */
export function openSlowLine({ roundTripMs }: { readonly roundTripMs: number }): SlowLine {
  const ways: { server: Server; place: Place; sockets: Set<Socket> }[] = [];
  let sent = 0;
  let received = 0;
  /** When how much had been sent, in all. */
  const samples: { readonly at: number; readonly sent: number }[] = [];

  function pass(from: Socket, to: Socket, count: (bytes: number) => void): void {
    let waiting = 0;
    // Timers of equal length fire in the order in which they were set.
    const later = (what: () => void): void => void setTimeout(what, roundTripMs / 2);
    from.on('data', (piece: Buffer) => {
      count(piece.length);
      waiting += piece.length;
      if (waiting > MOST_WAITING) from.pause();
      later(() => {
        if (!to.destroyed) to.write(piece);
        waiting -= piece.length;
        if (waiting <= MOST_WAITING) from.resume();
      });
    });
    from.on('end', () => later(() => to.end()));
    from.on('close', () => later(() => to.destroy()));
    from.on('error', () => undefined);
  }

  async function end({ server, sockets }: (typeof ways)[number]): Promise<void> {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  }

  return {
    to: async (target) => {
      const sockets = new Set<Socket>();
      const server = createServer({ allowHalfOpen: true }, (near) => {
        const far = connect({ ...target, allowHalfOpen: true });
        for (const socket of [near, far]) {
          socket.setNoDelay(true);
          sockets.add(socket);
          socket.once('close', () => sockets.delete(socket));
        }
        pass(near, far, (bytes) => {
          samples.push({ at: performance.now(), sent: (sent += bytes) });
        });
        pass(far, near, (bytes) => {
          received += bytes;
        });
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const place = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
      ways.push({ server, place, sockets });
      return place;
    },
    sent: () => sent,
    received: () => received,
    peak: (windowMs, since) => {
      let most = 0;
      let first = 0;
      const seen = [{ at: 0, sent: since }, ...samples.filter((one) => one.sent > since)];
      for (const [i, last] of seen.entries()) {
        while ((seen[first + 1]?.at ?? Infinity) <= last.at - windowMs) first += 1;
        if (i > 0) most = Math.max(most, last.sent - (seen[first]?.sent ?? 0));
      }
      return most;
    },
    cut: async ({ port }) => {
      const way = ways.find(({ place }) => place.port === port);
      if (way === undefined) throw new Error(`no way over this line begins at port ${port}`);
      await end(way);
    },
    close: async () => {
      await Promise.all(ways.map(end));
    },
  };
}
