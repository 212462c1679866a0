// Reads the body of a request, but never more of it than allowed, and not for ever.
import type { Request, Response } from 'express';

/** The body; `large`: it is (or says it is) larger than `limit` bytes, and the rest was not read; `broken`: it did not come whole in time. */
export async function readBody(request: Request, limit: number, timeoutMs: number): Promise<Buffer | 'large' | 'broken'> {
  const body = await watchBody(request, { keep: limit, limit, timeoutMs, watch: () => undefined });
  return body ?? 'large';
}

export type BodyLimits = {
  /** So many bytes are kept. */
  readonly keep: number;
  /** So many are read. */
  readonly limit: number;
  readonly timeoutMs: number;
  /** Sees every chunk that is read. */
  readonly watch: (chunk: Buffer) => void;
  /** Is told how many bytes are kept at the moment. */
  readonly holds?: (bytes: number) => void;
  /** Ends it, as `broken`. */
  readonly signal?: AbortSignal;
};

/** As `readBody`; `null`: the body was read to its end, and was too large to be kept. */
export function watchBody(
  request: Request,
  { keep, limit, timeoutMs, watch, holds, signal }: BodyLimits,
): Promise<Buffer | 'large' | 'broken' | null> {
  if (Number(request.headers['content-length'] ?? 0) > limit) return Promise.resolve('large');
  return new Promise((resolve) => {
    let chunks: Buffer[] = [];
    let size = 0;
    const timer = setTimeout(() => finish('broken'), timeoutMs);
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > limit) return finish('large');
      watch(chunk);
      if (size <= keep) chunks.push(chunk);
      else chunks = [];
      holds?.(size <= keep ? size : 0);
    };
    const onEnd = (): void => finish(size > keep ? null : Buffer.concat(chunks, size));
    const onBroken = (): void => finish('broken');
    const finish = (result: Buffer | 'large' | 'broken' | null): void => {
      clearTimeout(timer);
      request.off('data', onData).off('end', onEnd).off('error', onBroken).off('close', onBroken);
      signal?.removeEventListener('abort', onBroken);
      // A connection that breaks from now on is nobody's business any more.
      request.on('error', () => undefined);
      if (typeof result === 'string') request.pause();
      resolve(result);
    };
    request.on('data', onData).on('end', onEnd).on('error', onBroken).on('close', onBroken);
    signal?.addEventListener('abort', onBroken, { once: true });
  });
}

/** How long the sender of a body that nobody reads may take to notice our answer before the connection is cut. */
const LINGER_MS = 1000;
/** A rest of this many bytes is read to its end after all: that is quicker than cutting the connection. */
const SMALL_REST = 64 * 1024;

/**
 * Answers whether or not the body has been read, and reads no more of a large one. The connection is not used again; it is cut a little
 * later, because cutting it at once would throw away the answer on its way (TCP resets a connection that is closed with unread data).
 */
export function answerAndClose(request: Request, response: Response, status: number, type: string, text: string): void {
  response.writeHead(status, { Connection: 'close', 'Content-Type': `${type}; charset=utf-8`, 'Content-Length': Buffer.byteLength(text) });
  const { 'transfer-encoding': chunked, 'content-length': length } = request.headers;
  if (request.readableEnded || (chunked === undefined && Number(length ?? 0) === 0)) {
    response.end(text);
    return;
  }
  response.write(text);
  const cut = (): void => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(cut, LINGER_MS).unref();
  request.once('close', cut).once('end', cut);
  if (chunked === undefined && Number(length) <= SMALL_REST) request.resume();
}
