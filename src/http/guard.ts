// Whose pages may ask: the check before every route. A request that passes was not made by a web page of others.
import type { NextFunction, Request, Response } from 'express';
import { answerFailure } from './failure.ts';

/** Where the server listens. `hosts`: further names that may stand in the Host header, for example those of a proxy in front. */
export type Doorplate = { readonly address: string; readonly port: number; readonly hosts: readonly string[] };

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

/**
 * Bound to the loopback, only names of the loopback are ours: a page of evil.example whose name now points to 127.0.0.1 is refused (421).
 * A page of another origin is refused too (403), and so is a target that is not a path (400).
 */
export function originGuard(doorplate: () => Doorplate) {
  return (request: Request, response: Response, next: NextFunction): void => {
    const { address, port, hosts } = doorplate();
    const host = (request.headers.host ?? '').toLowerCase();
    const ours = new Set([...LOOPBACK_NAMES, address].flatMap((name) => namesOf(name, port)).concat(hosts));
    if (!request.url.startsWith('/')) {
      answerFailure(request, response, 400, 'malformed', 'The target of the request must be a path.');
    } else if (isLoopback(address) && !ours.has(host)) {
      answerFailure(request, response, 421, 'misdirected', 'This address answers only to the names of its own machine.');
    } else if (isForeign(request, host, hosts)) {
      answerFailure(request, response, 403, 'foreign-origin', 'Pages of other origins may not use this address.');
    } else {
      next();
    }
  };
}

/** A page of ours sends its own origin; `null` is what sandboxed pages send. Proxies may have changed http to https. */
function isForeign(request: Request, host: string, hosts: readonly string[]): boolean {
  const { origin } = request.headers;
  const site = request.headers['sec-fetch-site'];
  if (request.method !== 'GET' && request.method !== 'HEAD' && site !== undefined && site !== 'same-origin' && site !== 'none') return true;
  if (origin === undefined) return false;
  const name = /^https?:\/\/(.+)$/.exec(origin.toLowerCase())?.[1];
  return name === undefined || (name !== host && !hosts.includes(name));
}

/** With the port; without it, where that is what browsers leave out. */
const namesOf = (name: string, port: number): string[] => (port === 80 ? [name, `${name}:80`] : [`${name}:${port}`]);

const isLoopback = (address: string): boolean => address === 'localhost' || address === '::1' || /^127\.\d+\.\d+\.\d+$/.test(address);
