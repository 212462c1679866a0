// The Express application: what every request passes, in order, and the routes behind it.
import express from 'express';
import type { Express } from 'express';
import helmet from 'helmet';
import { STYLE_HASH } from './document.ts';
import { answerFailure, failureHandler } from './failure.ts';
import { originGuard, tokenGuard } from './guard.ts';
import type { Doorplate } from './guard.ts';
import type { Context } from './route.ts';
import { createRoutes } from './routes.ts';

/** No body is read here: each route reads its own, after its door. */
export function createApp(context: Context, token: string, doorplate: () => Doorplate): Express {
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
      referrerPolicy: { policy: 'no-referrer' },
    }),
  );
  app.use(originGuard(doorplate));
  for (const route of createRoutes()) {
    const handlers = route.door === 'token' || route.door === 'browser' ? [tokenGuard(token, route.door)] : [];
    app[route.method](route.path, ...handlers, (request, response) => route.handle(context, request, response));
  }
  app.use((request, response) => answerFailure(request, response, 404, 'not-found', 'There is nothing at this address.'));
  app.use(failureHandler(context.log));
  return app;
}
