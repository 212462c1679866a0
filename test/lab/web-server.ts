// A web server in front of a release: it obeys the maintenance flag and reads two files of the release for each request.
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

export type WebServer = { readonly url: string; close(): Promise<void> };

/** `GET /` answers with both files' content, separated by `|`; 503 with the maintenance page while the server is locked. */
export async function startWebServer(path: string, files: readonly [string, string], address = '127.0.0.1'): Promise<WebServer> {
  const server = createServer((_, response) => {
    if (existsSync(join(path, 'maintenance'))) {
      response.writeHead(503, { 'retry-after': '5' }).end('maintenance');
      return;
    }
    try {
      const [first, second] = files.map((file) => readFileSync(join(path, 'current', file), 'utf8').trim());
      response.end(`${first}|${second}`);
    } catch {
      response.writeHead(404).end('nothing is deployed yet');
    }
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${address}:${port}/`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
