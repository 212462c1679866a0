// The documents behind the page's addresses. The script draws what they show; without it, the overview at `/` is there to read.
import type { Request, Response } from 'express';
import { pageTags } from './page-assets.ts';
import type { Context, Route } from './route.ts';

/** Addresses that only the script can draw. `/` has a document of its own. */
const ADDRESSES = [
  '/clusters/:name',
  '/clusters/:name/servers/:server',
  '/deployments/:number',
  '/queue',
  '/deliveries',
  '/statistics',
  '/audit',
];

export const pageRoutes: readonly Route[] = ADDRESSES.map((path) => ({ method: 'get', path, door: 'browser', handle: sendDocument }));

function sendDocument(_context: Context, _request: Request, response: Response): void {
  response.set('Cache-Control', 'no-cache').type('text/html; charset=utf-8').send(`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Lockstep</title>${pageTags()}</head>
<body>
<noscript><p>This screen is drawn by a script. <a href="/">The overview</a> is there without it, and so are the commands: <code>lockstep status</code>, <code>lockstep show N</code>.</p></noscript>
</body>
</html>
`);
}
