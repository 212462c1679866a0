// A proxy in front of the daemon that cuts event streams, as bad networks do, and knows how many are open.
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

const READ_MS = 20;

export type CuttingProxy = {
  readonly url: string;
  /** After how many bytes the next stream is cut; `Infinity`: never. */
  cutAfter: (path: string) => number;
  /** Streams that are open now, of events and of logs. */
  open(): number;
  /** How many were cut, of those whose address has this text. */
  cuts(text: string): number;
  /** Ends all streams at once. */
  cutAll(): void;
  close(): Promise<void>;
};

/** What comes to it looks to the daemon as if it had come to itself. */
export async function openCuttingProxy(target: string): Promise<CuttingProxy> {
  const { hostname, port, host, origin } = new URL(target);
  const streams = new Map<() => void, string>();
  const cut: string[] = [];
  const server = createServer((incoming, outgoing) => {
    const headers = { ...incoming.headers, host, ...(incoming.headers.origin === undefined ? {} : { origin }) };
    const path = incoming.url ?? '/';
    const upstream = request({ hostname, port, path, method: incoming.method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      const isStream = answer.statusCode === 200 && /\/api\/v1\/(?:events|deployments\/\d+\/log)/.test(path);
      if (!isStream) {
        answer.pipe(outgoing);
        return;
      }
      const end = (): void => {
        streams.delete(end);
        upstream.destroy();
        outgoing.destroy();
      };
      streams.set(end, path);
      outgoing.once('close', end);
      let left = proxy.cutAfter(path);
      answer.on('data', (chunk: Buffer) => {
        if (!streams.has(end)) return;
        const piece = chunk.subarray(0, Math.min(chunk.length, left));
        left -= piece.length;
        if (left > 0) {
          outgoing.write(piece);
          return;
        }
        cut.push(path);
        // What was written before arrives, in the middle of a message as it may be: browsers throw away what they have not read by then.
        outgoing.write(piece);
        answer.pause();
        setTimeout(end, READ_MS);
      });
      answer.on('end', () => outgoing.end());
      answer.on('error', end);
    });
    upstream.on('error', () => outgoing.destroy());
    incoming.pipe(upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: CuttingProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cutAfter: () => Infinity,
    open: () => streams.size,
    cuts: (text) => cut.filter((path) => path.includes(text)).length,
    cutAll: () => [...streams.keys()].forEach((end) => end()),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return proxy;
}
