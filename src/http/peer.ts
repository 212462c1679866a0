// Who is at the other end: the address that a connection comes from, or behind a proxy the one that the proxy tells.
import { isIP } from 'node:net';
import type { Request } from 'express';
import { isAllowedSource } from './sources.ts';

/** `proxies` empty: there is none. */
export const isProxy = (proxies: readonly string[], address: string | undefined): boolean =>
  proxies.length > 0 && isAllowedSource(proxies, address);

/**
 * The last address of `X-Forwarded-For` that is no proxy of ours: what stands before it, anybody may have written. Only a proxy of ours is
 * believed at all.
 */
export function addressBehind(proxies: readonly string[], request: Request): string | null {
  const direct = request.socket.remoteAddress;
  if (!isProxy(proxies, direct)) return direct ?? null;
  const told = String(request.headers['x-forwarded-for'] ?? '')
    .split(',')
    .map((one) => one.trim())
    .filter((one) => isIP(one) !== 0);
  return told.reverse().find((one) => !isProxy(proxies, one)) ?? direct ?? null;
}
