// The HTTP server: where it listens, how long it waits for whom, and how it closes.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Application } from '../core/application.ts';
import { DeployError } from '../core/errors.ts';
import type { HookReader } from '../core/hook.ts';
import type { People, Witness } from '../core/people.ts';
import { createApp } from './app.ts';
import type { Doorplate } from './guard.ts';
import { createRefusals } from './refusals.ts';
import type { Context } from './route.ts';

export type HttpOptions = {
  /** The daemon's own token. */
  readonly token: string;
  /** Everybody else. */
  readonly people: People;
  readonly witness: Witness;
  readonly version: string;
  /** Authenticates and reads what is sent to /hooks. */
  readonly hooks: HookReader;
  /** Gets one line for each mistake of ours that a request brought to light. */
  readonly log: (line: string) => void;
  /** Further names (`deploy.example.org`, with the port if there is one) that may stand in the Host and Origin headers. */
  readonly hosts?: readonly string[];
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  readonly slowReaderMs?: number;
  readonly watchMs?: number;
};

export type HttpServer = {
  /** `port` 0: any free one. Rejects with DeployError `configuration` when the address cannot be had. */
  listen(address: string, port: number): Promise<{ url: string }>;
  /** Streams end at once, answers in flight get some seconds. May be called twice. */
  close(): Promise<void>;
};

const LAST_ANSWERS_MS = 5_000;

export function createHttpServer(application: Application, options: HttpOptions): HttpServer {
  const { people, witness, hooks, version, log, hosts = [], now = Date.now, slowReaderMs = 10_000, watchMs = 30_000 } = options;
  const streams = new Set<AbortController>();
  const refusals = createRefusals(log, now);
  const context: Context = { application, people, witness, hooks, refusals, version, log, now, streams, slowReaderMs, watchMs };
  let doorplate: Doorplate = { address: '127.0.0.1', port: 0, hosts: hosts.map((host) => host.toLowerCase()) };
  let closing = false;

  const app = createApp(context, options.token, () => doorplate);
  // Node's own limits are looked at every 30 s only, unless told otherwise.
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 20_000, connectionsCheckingInterval: 5_000 }, app);
  server.maxConnections = 1024;
  server.maxHeadersCount = 100;

  return {
    async listen(address, port) {
      await new Promise<void>((resolve, reject) => {
        const onError = (error: NodeJS.ErrnoException): void => reject(cannotListen(address, port, error));
        server.once('error', onError).listen(port, address, () => {
          server.off('error', onError);
          resolve();
        });
      });
      const bound = server.address() as AddressInfo;
      doorplate = { ...doorplate, address, port: bound.port };
      return { url: `http://${address.includes(':') ? `[${address}]` : address}:${bound.port}` };
    },
    async close() {
      for (const stream of streams) stream.abort();
      if (closing || !server.listening) return;
      closing = true;
      const timer = setTimeout(() => server.closeAllConnections(), LAST_ANSWERS_MS).unref();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      });
      clearTimeout(timer);
    },
  };
}

function cannotListen(address: string, port: number, error: NodeJS.ErrnoException): DeployError {
  const why =
    error.code === 'EADDRINUSE'
      ? 'something listens there already, perhaps another Lockstep'
      : `${error.code ?? 'error'}: ${error.message}`;
  return new DeployError(
    'configuration',
    `Listening on ${address} port ${port} failed: ${why}. Choose another: --listen ADDRESS:PORT`,
    null,
    error,
  );
}
