// A real server on a free loopback port, and requests exactly as written (fetch would tidy paths and headers up).
import { createHmac } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders, OutgoingHttpHeader } from 'node:http';
import { hookReader } from '../../src/forge/hook-reader.ts';
import { createHttpServer } from '../../src/http/server.ts';
import type { HttpOptions } from '../../src/http/server.ts';
import { openPeople } from '../lab/people.ts';
import { createMemoryApplication, SECRET, TOKEN } from './memory-application.ts';

export async function startServer(options: Partial<HttpOptions> = {}) {
  const application = createMemoryApplication();
  const logged: string[] = [];
  const registry = await openPeople(options.now === undefined ? {} : { now: options.now });
  const { people, witness } = registry;
  const server = createHttpServer(application, {
    token: TOKEN,
    people,
    witness,
    version: '1.2.3',
    hooks: hookReader,
    log: (line) => logged.push(line),
    ...options,
  });
  const { url } = await server.listen('127.0.0.1', 0);
  return {
    application,
    logged,
    server,
    url,
    people,
    registry,
    async close(): Promise<void> {
      await server.close();
      await registry.close();
    },
  };
}

export type Answer = { status: number; headers: IncomingHttpHeaders; body: string };
export type Asked = { method?: string; headers?: Record<string, OutgoingHttpHeader>; body?: string | Buffer; chunked?: boolean };

/** Resolves with the answer even when the server does not take the whole body. */
export function ask(url: string, path: string, { method = 'GET', headers = {}, body, chunked = false }: Asked = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const length = body === undefined || chunked ? {} : { 'content-length': Buffer.byteLength(body) };
    const request = httpRequest({ hostname, port, path, method, headers: { ...length, ...headers }, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString() });
        request.destroy();
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

export const withToken = { authorization: `Bearer ${TOKEN}` };

export const get = (url: string, path: string, headers: Record<string, OutgoingHttpHeader> = {}): Promise<Answer> =>
  ask(url, path, { headers: { ...withToken, ...headers } });

export const post = (url: string, path: string, body: unknown, headers: Record<string, OutgoingHttpHeader> = {}): Promise<Answer> =>
  ask(url, path, {
    method: 'POST',
    headers: { ...withToken, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

/** The headers of an authentic notice. */
export function signed(body: string | Buffer, { id = 'msg_1', secret = SECRET, at = Date.now() } = {}): Record<string, string> {
  const timestamp = String(Math.floor(at / 1000));
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const mac = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${mac}` };
}

export const A = 'a'.repeat(40);
export const ZERO = '0'.repeat(40);

/** A push of these refs. */
export const pushOf = (...refs: string[]): string =>
  JSON.stringify({ repository: 'shop', refs: refs.map((ref) => ({ ref, old: ZERO, new: A })), actor: 'ann' });
