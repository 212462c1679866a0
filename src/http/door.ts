// The door of a route: who somebody is, whether they may, and only then the handler. The matrix of roles and routes is tested against it.
import type { Request, Response } from 'express';
import { actorText } from '../core/actor.ts';
import type { Actor } from '../core/actor.ts';
import { DeployError } from '../core/errors.ts';
import { admit } from './admission.ts';
import { answerFailure } from './failure.ts';
import type { Context, Door, GuardedRoute } from './route.ts';
import { demandOwnPage } from './same-site.ts';
import { askAgain, nextIn, signInAddress } from './sign-in-page.ts';

export function createDoor(context: Context) {
  return (route: GuardedRoute) =>
    async (request: Request, response: Response): Promise<void> => {
      response.set('Cache-Control', 'no-store');
      const identity = await context.identify(request, route.door, true);
      if (identity === null) {
        answerUnknown(request, response, route.door);
        return;
      }
      const { actor, isAmbient } = identity;
      try {
        if (isAmbient && request.method !== 'GET' && request.method !== 'HEAD') demandOwnPage(request);
        await admit(context.application, route, request, actor);
      } catch (error) {
        tellRefusal(context, request, actor, error);
        throw error;
      }
      context.connections.keep(request, response);
      keepWatch(context, request, response, route);
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
function keepWatch(context: Context, request: Request, response: Response, route: GuardedRoute): void {
  const look = async (): Promise<void> => {
    const identity = await context.identify(request, route.door, false);
    if (identity === null) throw new DeployError('refused', 'not known any more');
    await admit(context.application, route, request, identity.actor);
  };
  const timer = setInterval(() => void look().catch(() => response.destroy()), context.watchMs).unref();
  response.once('close', () => clearInterval(timer));
}

/** People are shown where to sign in; programs get 401. */
function answerUnknown(request: Request, response: Response, door: Door): void {
  if (door === 'browser' && request.headers.authorization === undefined && request.accepts(['json', 'html']) === 'html') {
    // A link on another site brought somebody here: their browser kept the cookie back (SameSite=Strict) and sends it when we ask.
    if (request.headers['sec-fetch-site'] === 'cross-site') askAgain(response, nextIn(request.originalUrl));
    else response.redirect(303, signInAddress(request.originalUrl));
    return;
  }
  response.set('WWW-Authenticate', door === 'browser' ? 'Basic realm="Lockstep", charset="UTF-8"' : 'Bearer realm="Lockstep"');
  const message = "The token is missing, wrong or no longer valid; the owner's is in the file `token` of the daemon's data directory.";
  answerFailure(request, response, 401, 'unauthorized', message);
}
