// Who sent a request: the token in its header, the session in its cookie, or whom a proxy in front vouches for.
import type { Request } from 'express';
import { createHash, timingSafeEqual } from 'node:crypto';
import { ownerActor } from '../core/actor.ts';
import type { Actor } from '../core/actor.ts';
import type { People, PeopleSettings } from '../core/people.ts';
import { isProxy } from './peer.ts';
import type { Door } from './route.ts';
import { sessionIn } from './session-cookie.ts';
import type { CookiePlace } from './session-cookie.ts';

/** `isAmbient`: the browser shows it by itself, to whatever page asks for the request. */
export type Identity = { readonly actor: Actor; readonly isAmbient: boolean };

/** `null`: nobody that is known here. `isUse` false: it is only asked again, and keeps no session alive. */
export type Identify = (request: Request, door: Door, isUse: boolean) => Promise<Identity | null>;

export type IdentityTools = {
  /** The daemon's own token. */
  readonly token: string;
  readonly people: People;
  readonly settings: () => PeopleSettings | null;
  readonly addressOf: (request: Request) => string | null;
  readonly cookiePlace: (request: Request) => CookiePlace;
};

/** As whom the holder of the daemon's own token asks who does not say it. */
const UNNAMED_OWNER = 'api';

/** A request with a token that is wrong is nobody's, whatever cookie comes with it. Tokens are compared as hashes: time says nothing. */
export function createIdentify({ token, people, settings, addressOf, cookiePlace }: IdentityTools): Identify {
  if (token.length < 16) throw new Error('the token of the API is too short to be one');
  const expected = digest(token);

  async function byToken(given: string, address: string | null): Promise<Actor | null> {
    return timingSafeEqual(digest(given), expected) ? ownerActor(UNNAMED_OWNER, address) : people.byToken(given, address);
  }

  /** The header counts when the connection itself comes from the proxy, and from nowhere else. */
  async function byProxy(request: Request, address: string | null): Promise<Actor | null> {
    const { proxy } = settings() ?? { proxy: null };
    if (proxy === null || !isProxy(proxy.from, request.socket.remoteAddress)) return null;
    const name = request.headers[proxy.user];
    const groups = proxy.groups === null ? '' : (request.headers[proxy.groups] ?? '');
    if (typeof name !== 'string' || typeof groups !== 'string') return null;
    return people.byProxy(
      name.trim(),
      groups
        .split(',')
        .map((group) => group.trim())
        .filter(Boolean),
      address,
    );
  }

  return async (request, door, isUse) => {
    const address = addressOf(request);
    const { authorization } = request.headers;
    if (authorization !== undefined) {
      const given = credentials(authorization, door);
      return given === null ? null : known(await byToken(given, address), false);
    }
    const session = sessionIn(request, cookiePlace(request));
    const signedIn = session === null ? null : await people.bySession(session, address, isUse);
    return known(signedIn ?? (await byProxy(request, address)), true);
  };
}

const known = (actor: Actor | null, isAmbient: boolean): Identity | null => actor && { actor, isAmbient };

/** A browser sends a password to every address of its origin by itself, so it counts only where nothing can be changed. */
function credentials(header: string, door: Door): string | null {
  const bearer = /^Bearer ([^\s]+)$/i.exec(header)?.[1];
  if (bearer !== undefined) return bearer;
  const basic = door === 'browser' ? /^Basic ([A-Za-z0-9+/]+=*)$/i.exec(header)?.[1] : undefined;
  if (basic === undefined) return null;
  const pair = Buffer.from(basic, 'base64').toString('utf8');
  return pair.slice(pair.indexOf(':') + 1);
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
