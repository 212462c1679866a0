// Gives a pack to a connection, no faster than it takes it, and than its zone may have it: what waits in memory is one piece, however many servers.
import type { Writable } from 'node:stream';
import type { Pack } from '../core/channel.ts';
import type { Pacer } from './pacer.ts';

/**
 * Writes all of `pack`. Resolves early when the connection has ended: whoever waits for the answer hears of that. Rejects with what reading the
 * pack rejects with, or when it is not as long as it said.
 */
export async function feed(stdin: Writable, pack: Pack, pacer: Pacer | null = null): Promise<void> {
  let sent = 0;
  for await (const whole of pack.read()) {
    for (const piece of pacer === null ? [whole] : slices(whole, pacer.pieceBytes)) {
      if (pacer !== null) await pacer.wait(piece.length);
      if (stdin.destroyed || !stdin.writable) return;
      sent += piece.length;
      if (!stdin.write(piece)) await takenOrClosed(stdin);
    }
  }
  if (sent !== pack.bytes) throw new Error(`a pack of ${pack.bytes} bytes gave ${sent}`);
}

function* slices(whole: Uint8Array, bytes: number): Generator<Uint8Array> {
  for (let at = 0; at < whole.length; at += bytes) yield whole.subarray(at, at + bytes);
}

function takenOrClosed(stdin: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stdin.off('drain', done).off('close', done);
      resolve();
    };
    stdin.once('drain', done).once('close', done);
    if (stdin.destroyed || stdin.writableEnded) done();
  });
}
