// The door of a route: who somebody is, whether they may, and only then the handler. The matrix of roles and routes is tested against it.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Request, Response } from 'express';
import { ownerActor } from '../core/actor.ts';
import type { Actor } from '../core/actor.ts';
import { admit } from './admission.ts';
import { answerFailure } from './failure.ts';
import type { Context, Door, GuardedRoute } from './route.ts';

/** As whom the holder of the daemon's own token asks who does not say it. */
const UNNAMED_OWNER = 'api';

/** Who sent the request; `null`: nobody that is known here. */
export type Identify = (request: Request, door: Door) => Promise<Actor | null>;

export function createDoor(context: Context, identify: Identify) {
  return (route: GuardedRoute) =>
    async (request: Request, response: Response): Promise<void> => {
      response.set('Cache-Control', 'no-store');
      const actor = await identify(request, route.door);
      if (actor === null) {
        answerUnknown(request, response, route.door);
        return;
      }
      await admit(context.application, route, request, actor);
      await route.handle(context, request, response, actor);
    };
}

function answerUnknown(request: Request, response: Response, door: Door): void {
  response.set('WWW-Authenticate', door === 'browser' ? 'Basic realm="Lockstep", charset="UTF-8"' : 'Bearer realm="Lockstep"');
  const message = "The token is missing or wrong; it is in the file `token` of the daemon's data directory.";
  answerFailure(request, response, 401, 'unauthorized', message);
}

/** Knows the daemon's own token only. Both sides are hashed, so that the time of the comparison says nothing. */
export function ownersOnly(token: string): Identify {
  if (token.length < 16) throw new Error('the token of the API is too short to be one');
  const expected = digest(token);
  return (request, door) => {
    const given = credentials(request.headers.authorization ?? '', door);
    const isOwner = given !== null && timingSafeEqual(digest(given), expected);
    return Promise.resolve(isOwner ? ownerActor(UNNAMED_OWNER, addressOf(request)) : null);
  };
}

/** A browser sends a password to every address of its origin by itself, so it counts only where nothing can be changed. */
function credentials(header: string, door: Door): string | null {
  const bearer = /^Bearer ([^\s]+)$/i.exec(header)?.[1];
  if (bearer !== undefined) return bearer;
  const basic = door === 'browser' ? /^Basic ([A-Za-z0-9+/]+=*)$/i.exec(header)?.[1] : undefined;
  if (basic === undefined) return null;
  const pair = Buffer.from(basic, 'base64').toString('utf8');
  return pair.slice(pair.indexOf(':') + 1);
}

const addressOf = (request: Request): string | null => request.socket.remoteAddress ?? null;

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
