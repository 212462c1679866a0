// The Express application: what every request passes, in order, and the routes behind it.
import express from 'express';
import type { Express } from 'express';
import helmet from 'helmet';
import { STYLE_HASH } from './document.ts';
import { createDoor } from './door.ts';
import { answerFailure, failureHandler } from './failure.ts';
import { originGuard } from './guard.ts';
import type { Doorplate } from './guard.ts';
import { isGuarded } from './route.ts';
import type { Context } from './route.ts';
import { createRoutes } from './routes.ts';

/** No body is read here: each route reads its own, after its door. */
export function createApp(context: Context, doorplate: () => Doorplate): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag').enable('case sensitive routing').enable('strict routing');
  app.set('query parser', 'simple');
  app.use(
    helmet({
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          'default-src': ["'none'"],
          'script-src': ["'self'"],
          'style-src': ["'self'", STYLE_HASH],
          'connect-src': ["'self'"],
          'img-src': ["'self'"],
          'base-uri': ["'none'"],
          'form-action': ["'none'"],
          'frame-ancestors': ["'none'"],
        },
      },
      // The daemon itself speaks plain HTTP; a proxy that adds TLS may add this too.
      strictTransportSecurity: false,
      // With `no-referrer`, browsers would send `Origin: null` with our own forms (Fetch, 3.2).
      referrerPolicy: { policy: 'same-origin' },
    }),
  );
  app.use(originGuard(doorplate));
  const door = createDoor(context);
  for (const route of createRoutes()) {
    if (isGuarded(route)) app[route.method](route.path, door(route));
    else app[route.method](route.path, (request, response) => route.handle(context, request, response));
  }
  app.use((request, response) => answerFailure(request, response, 404, 'not-found', 'There is nothing at this address.'));
  app.use(failureHandler(context.log));
  return app;
}
