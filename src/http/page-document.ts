// The documents behind the page's addresses. The script draws what they show; without it, the others are there to read.
import type { Request, Response } from 'express';
import { htmlDocument } from './document.ts';
import type { Context, Route } from './route.ts';

/** Addresses that only the script can draw. The others have documents of their own. */
const ADDRESSES = ['/clusters/:name/servers/:server', '/queue', '/deliveries', '/statistics', '/audit'];

export const pageRoutes: readonly Route[] = ADDRESSES.map((path) => ({
  method: 'get',
  path,
  door: 'browser',
  needs: 'viewer',
  on: 'some',
  handle: sendDocument,
}));

const BODY = `<p>This screen is drawn by a script. <a href="/">The overview</a>, clusters and deployments are there without it, and so are the
commands: <code>lockstep status</code>, <code>lockstep show N</code>.</p>`;

function sendDocument(_context: Context, _request: Request, response: Response): void {
  response
    .set('Cache-Control', 'no-cache')
    .type('text/html; charset=utf-8')
    .send(htmlDocument({ title: 'Lockstep', body: BODY, refreshSeconds: null }));
}
