// The door of a route: who somebody is, whether they may, and only then the handler. The matrix of roles and routes is tested against it.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Request, Response } from 'express';
import { actorText, ownerActor } from '../core/actor.ts';
import type { Actor } from '../core/actor.ts';
import { DeployError } from '../core/errors.ts';
import type { People } from '../core/people.ts';
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
      await admit(context.application, route, request, actor).catch((error: unknown) => {
        tellRefusal(context, request, actor, error);
        throw error;
      });
      keepWatch(context, request, response, route, identify);
      await route.handle(context, request, response, actor);
    };
}

function tellRefusal({ witness }: Context, request: Request, actor: Actor, error: unknown): void {
  if (!(error instanceof DeployError) || error.code !== 'refused') return;
  witness({
    what: 'refused',
    who: actorText(actor),
    address: actor.address,
    detail: `${request.method} ${request.path}: ${error.message}`,
  });
}

/** An answer may go on for hours: whoever is not known any more meanwhile, or may no longer see it, is cut off. */
function keepWatch(context: Context, request: Request, response: Response, route: GuardedRoute, identify: Identify): void {
  const look = async (): Promise<void> => {
    const actor = await identify(request, route.door);
    if (actor === null) throw new DeployError('refused', 'not known any more');
    await admit(context.application, route, request, actor);
  };
  const timer = setInterval(() => void look().catch(() => response.destroy()), context.watchMs).unref();
  response.once('close', () => clearInterval(timer));
}

function answerUnknown(request: Request, response: Response, door: Door): void {
  response.set('WWW-Authenticate', door === 'browser' ? 'Basic realm="Lockstep", charset="UTF-8"' : 'Bearer realm="Lockstep"');
  const message = "The token is missing, wrong or no longer valid; the owner's is in the file `token` of the daemon's data directory.";
  answerFailure(request, response, 401, 'unauthorized', message);
}

/** The daemon's own token, or one that somebody was given. Both sides are hashed, so that the time of the comparison says nothing. */
export function identifier(token: string, people: People): Identify {
  if (token.length < 16) throw new Error('the token of the API is too short to be one');
  const expected = digest(token);
  return async (request, door) => {
    const given = credentials(request.headers.authorization ?? '', door);
    if (given === null) return null;
    const address = addressOf(request);
    return timingSafeEqual(digest(given), expected) ? ownerActor(UNNAMED_OWNER, address) : people.byToken(given, address);
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
