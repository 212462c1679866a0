// Somebody who is told something over HTTP: writes down every request, and answers as the test says.
import { createServer } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Told = { method: string; path: string; headers: IncomingHttpHeaders; body: string; json: Record<string, unknown> };
export type Reply = { status?: number; headers?: Record<string, string>; body?: string };
export type Recorder = Awaited<ReturnType<typeof startRecorder>>;

/** `port` 0: any free one. */
export async function startRecorder(reply: (told: Told) => Reply | Promise<Reply> = () => ({}), port = 0) {
  const told: Told[] = [];
  let answer = reply;
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (piece: string) => (body += piece));
    request.on('end', () => {
      const one = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body, json: jsonOf(body) };
      told.push(one);
      void Promise.resolve(answer(one)).then(({ status = 200, headers = {}, body: text = '{}' }) =>
        response.writeHead(status, headers).end(text),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const own = (server.address() as AddressInfo).port;
  return {
    port: own,
    url: `http://127.0.0.1:${own}`,
    told,
    answer(next: typeof reply): void {
      answer = next;
    },
    async stop(): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function jsonOf(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
