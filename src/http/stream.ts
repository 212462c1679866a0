// An answer that goes on: opened at once, ended when the client leaves or the server closes.
import type { Request, Response } from 'express';
import type { Context } from './route.ts';

type Stream = {
  /** Aborted when nobody listens any more, or when the server closes. */
  readonly signal: AbortSignal;
  /** Ends the answer; may be called twice. A client that does not take the end of it is cut off after some seconds. */
  end(): void;
};

const LAST_WORDS_MS = 5_000;
const PING_MS = 15_000;

/** Opens the answer, lets `tell` write it, and ends it. A HEAD request gets the headers only. */
export async function stream(
  context: Context,
  request: Request,
  response: Response,
  type: string,
  tell: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const opened = openStream(context, request, response, type);
  if (opened === null) return;
  try {
    await tell(opened.signal);
  } catch (error) {
    // Whoever left does not need to hear that something was interrupted.
    if (!opened.signal.aborted) throw error;
  } finally {
    opened.end();
  }
}

/** The same for server-sent events, with a comment now and then, so that nobody in between takes the connection for dead. */
export function streamMessages(
  context: Context,
  request: Request,
  response: Response,
  tell: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  return stream(context, request, response, 'text/event-stream; charset=utf-8', async (signal) => {
    const ping = setInterval(() => {
      if (!response.writableNeedDrain) response.write(': ping\n\n');
    }, PING_MS).unref();
    try {
      await tell(signal);
    } finally {
      clearInterval(ping);
    }
  });
}

/** Sends the headers. `null`: a HEAD request, which is answered with them. */
export function openStream(context: Context, request: Request, response: Response, type: string): Stream | null {
  // Proxies and compressors would hold lines back: https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering
  response.set({ 'Content-Type': type, 'Cache-Control': 'no-store, no-transform', 'X-Accel-Buffering': 'no' });
  if (request.method === 'HEAD') {
    response.end();
    return null;
  }
  const controller = new AbortController();
  context.streams.add(controller);
  response.once('close', () => {
    controller.abort();
    context.streams.delete(controller);
  });
  // A broken connection ends as `close`; without a listener its error would end the daemon.
  response.on('error', () => undefined);
  response.flushHeaders();
  return {
    signal: controller.signal,
    end() {
      response.end();
      const timer = setTimeout(() => response.destroy(), LAST_WORDS_MS).unref();
      response.once('close', () => clearTimeout(timer));
    },
  };
}
