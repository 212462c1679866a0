// /livez and /readyz: what a supervisor or balancer asks. They tell nothing that needs a token.
import type { Request, Response } from 'express';
import type { Context } from './route.ts';

export function live(_context: Context, _request: Request, response: Response): void {
  response.set('Cache-Control', 'no-store').json({ live: true });
}

/** 503 with the reason while no change would be accepted. */
export function ready({ application }: Context, _request: Request, response: Response): void {
  const reason = application.unreadiness();
  response
    .set('Cache-Control', 'no-store')
    .status(reason === null ? 200 : 503)
    .json(reason === null ? { ready: true } : { ready: false, reason });
}
