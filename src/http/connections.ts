// How many connections there may be, and who has to go when there are more: strangers that hold one and ask for nothing.
import type { Request, Response } from 'express';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { createRoom } from './room.ts';
import type { Place } from './room.ts';

export type Connections = {
  /** Who asks is known: the connection stays open at least until the answer has been sent. */
  keep(request: Request, response: Response): void;
};

/** Slow senders, idle connections and handshakes that never end are cut, the oldest of the busiest address first; nobody new is turned away. */
export function limitConnections(server: Server, most: number): Connections {
  const room = createRoom(most);
  const places = new Map<string, Place>();

  server.on('connection', (socket: Socket) => {
    const key = keyOf(socket);
    const place = room.enter(socket.remoteAddress ?? '', 1, () => socket.destroy());
    places.set(key, place);
    socket.once('close', () => {
      place.leave();
      if (places.get(key) === place) places.delete(key);
    });
  });

  return {
    keep(request, response) {
      const place = places.get(keyOf(request.socket));
      if (place === undefined) return;
      place.pin();
      response.once('close', () => place.unpin());
    },
  };
}

/** The same for a socket and for the TLS that is spoken over it, which are two objects. */
const keyOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress ?? ''} ${remotePort ?? ''}`;
