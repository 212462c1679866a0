// Was a request made by a page of ours? Asked wherever the browser shows by itself who somebody is: a cookie comes along with every request.
import type { Request } from 'express';
import { DeployError } from '../core/errors.ts';

/**
 * Throws `refused`. Browsers say where a POST comes from, in `Origin` or `Sec-Fetch-Site`; one that says neither is believed nothing. What
 * they say has been compared with our own address before (guard.ts).
 */
export function demandOwnPage(request: Request): void {
  const { origin } = request.headers;
  const site = request.headers['sec-fetch-site'];
  const isOwn = site === undefined ? origin !== undefined : site === 'same-origin';
  if (!isOwn || origin === 'null') {
    throw new DeployError('refused', 'Only pages of this address may do that with a session. Programs use a token.');
  }
}
