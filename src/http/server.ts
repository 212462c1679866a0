// The HTTP server: where it listens, how long it waits for whom, and how it closes.
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Request } from 'express';
import type { Application } from '../core/application.ts';
import { DeployError } from '../core/errors.ts';
import type { HookReader } from '../core/hook.ts';
import type { People, PeopleSettings, Witness } from '../core/people.ts';
import { createApp } from './app.ts';
import { followCertificate } from './certificate.ts';
import type { Certificate } from './certificate.ts';
import { isLoopback } from './guard.ts';
import type { Doorplate } from './guard.ts';
import { limitConnections } from './connections.ts';
import { createIdentify } from './identity.ts';
import { IN_PLAIN } from './listening.ts';
import type { Listening } from './listening.ts';
import { addressBehind } from './peer.ts';
import { createRefusalAudit } from './refusal-audit.ts';
import { createRefusals } from './refusals.ts';
import type { Context } from './route.ts';
import type { CookiePlace } from './session-cookie.ts';

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
  /** What the configuration says now. */
  readonly settings?: () => PeopleSettings | null;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  readonly slowReaderMs?: number;
  readonly watchMs?: number;
  readonly listening?: Listening;
  /** Of `listening.tls`. */
  readonly certificate?: Certificate | null;
  /** How often the files of the certificate are looked at. */
  readonly certificateMs?: number;
};

export type HttpServer = {
  /** `port` 0: any free one. Rejects with DeployError `configuration` when the address cannot be had. */
  listen(address: string, port: number): Promise<{ url: string }>;
  /** Streams end at once, answers in flight get some seconds. May be called twice. */
  close(): Promise<void>;
};

const LAST_ANSWERS_MS = 5_000;
const MOST_CONNECTIONS = 1024;
/** With less, a flood of connections would keep the others waiting for a second and more: their first packets would be dropped (listen(2)). */
const BACKLOG = 4096;

export function createHttpServer(application: Application, options: HttpOptions): HttpServer {
  const { people, witness, hooks, version, log, settings = () => null, now = Date.now, slowReaderMs = 10_000, watchMs = 30_000 } = options;
  const { listening = IN_PLAIN, certificate = null, certificateMs = 10_000 } = options;
  const streams = new Set<AbortController>();
  const refusalAudit = createRefusalAudit(witness);
  const refusals = createRefusals(log, refusalAudit, now);
  const addressOf = (request: Request): string | null => addressBehind(listening.behindProxy, request);
  const cookiePlace = ({ headers }: Request): CookiePlace => {
    const { url } = settings() ?? { url: null };
    const isSecure = certificate !== null || !isLoopback(doorplate.address) || url === `https://${(headers.host ?? '').toLowerCase()}`;
    return { isSecure, port: doorplate.port };
  };
  const identify = createIdentify({ token: options.token, people, settings, addressOf, cookiePlace });
  const context: Context = {
    application,
    people,
    identify,
    addressOf,
    cookiePlace,
    witness,
    hooks,
    refusals,
    connections: { keep: (request, response) => connections.keep(request, response) },
    version,
    log,
    now,
    streams,
    slowReaderMs,
    watchMs,
  };
  let doorplate: Doorplate = {
    address: '127.0.0.1',
    port: 0,
    isPlain: certificate === null,
    proxies: listening.behindProxy,
    hosts: [],
  };
  let closing = false;

  const app = createApp(context, () => ({ ...doorplate, hosts: hostsIn(settings()) }));
  // Node's own limits are looked at every 30 s only, unless told otherwise.
  const limits = { headersTimeout: 10_000, requestTimeout: 20_000, connectionsCheckingInterval: 5_000 };
  const secure = certificate === null ? null : createTlsServer({ ...limits, handshakeTimeout: limits.headersTimeout, ...certificate }, app);
  const server = secure ?? createServer(limits, app);
  let unfollow = (): void => undefined;
  const connections = limitConnections(server, MOST_CONNECTIONS);
  server.maxHeadersCount = 100;

  return {
    async listen(address, port) {
      await new Promise<void>((resolve, reject) => {
        const onError = (error: NodeJS.ErrnoException): void => reject(cannotListen(address, port, error));
        server.once('error', onError).listen(port, address, BACKLOG, () => {
          server.off('error', onError);
          resolve();
        });
      });
      const bound = server.address() as AddressInfo;
      doorplate = { ...doorplate, address, port: bound.port };
      if (secure !== null && listening.tls !== null) unfollow = followCertificate(secure, listening.tls, certificateMs, log);
      return { url: `${certificate === null ? 'http' : 'https'}://${address.includes(':') ? `[${address}]` : address}:${bound.port}` };
    },
    async close() {
      for (const stream of streams) stream.abort();
      if (closing || !server.listening) return;
      closing = true;
      unfollow();
      const timer = setTimeout(() => server.closeAllConnections(), LAST_ANSWERS_MS).unref();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      });
      clearTimeout(timer);
      refusalAudit.close();
    },
  };
}

/** The name that browsers reach us by, beside those of this machine. */
const hostsIn = (settings: PeopleSettings | null): string[] => (settings?.url ? [new URL(settings.url).host] : []);

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
