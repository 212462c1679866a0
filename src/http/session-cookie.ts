// The cookie of a session. With TLS it is a `__Host-` cookie (RFC 6265bis, 4.1.3.2): no other host and no plain connection can set or get it.
import type { Request, Response } from 'express';

/** `isSecure`: browsers reach us by https. `port`: cookies know no ports, so another daemon of this machine must not have the same name. */
export type CookiePlace = { readonly isSecure: boolean; readonly port: number };

const FORM = /^[A-Za-z0-9_-]{43}$/;

/** A plain connection is one on the loopback only: there, `__Host-` and `Secure` would keep the cookie from being set. */
const nameOf = ({ isSecure, port }: CookiePlace): string => (isSecure ? '__Host-lockstep' : `lockstep-${port}`);

/** What the browser has; `null`: nothing that could be a session. */
export const sessionIn = (request: Request, place: CookiePlace): string | null => valueOf(request, nameOf(place));

function valueOf(request: Request, name: string): string | null {
  const found = (request.headers.cookie ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`));
  const value = found.length === 1 ? (found[0] ?? '').slice(name.length + 1) : '';
  return FORM.test(value) ? value : null;
}

/** `session` null: takes the cookie away. */
export function setSession(response: Response, place: CookiePlace, session: string | null, lifetimeMs: number): void {
  const age = session === null ? 0 : Math.floor(lifetimeMs / 1000);
  const secure = place.isSecure ? '; Secure' : '';
  response.append('Set-Cookie', `${nameOf(place)}=${session ?? ''}; Path=/; Max-Age=${age}; HttpOnly; SameSite=Strict${secure}`);
}

/** What a browser brings back from the identity provider. It comes along when another site leads here, as `Strict` would not let it. */
export function setPending(response: Response, place: CookiePlace, secret: string | null): void {
  const age = secret === null ? 0 : 600;
  const secure = place.isSecure ? '; Secure' : '';
  response.append('Set-Cookie', `${pendingName(place)}=${secret ?? ''}; Path=/; Max-Age=${age}; HttpOnly; SameSite=Lax${secure}`);
}

export const pendingIn = (request: Request, place: CookiePlace): string | null => valueOf(request, pendingName(place));

const pendingName = (place: CookiePlace): string => `${nameOf(place)}-pending`;
