// /api/v1/tokens: who else may use the API, for those who decide about it.
import type { Request, Response } from 'express';
import type { Actor } from '../core/actor.ts';
import { readJson, speaker, TOKEN, WHO } from './request-body.ts';
import { isPlausibleName, notFound } from './route.ts';
import type { Context, Route } from './route.ts';

export const peopleRoutes: readonly Route[] = [
  { method: 'get', path: '/api/v1/tokens', door: 'token', needs: 'admin', on: 'all', handle: tokens },
  { method: 'post', path: '/api/v1/tokens', door: 'token', needs: 'admin', on: 'all', handle: createToken },
  { method: 'post', path: '/api/v1/tokens/:name/revoke', door: 'token', needs: 'admin', on: 'all', handle: revokeToken },
];

async function tokens({ people }: Context, _request: Request, response: Response): Promise<void> {
  response.json({ tokens: await people.tokens() });
}

async function createToken({ people }: Context, request: Request, response: Response, actor: Actor): Promise<void> {
  const { name, role, clusters, days, by } = await readJson(request, TOKEN);
  const order = { name, role, clusters, lifetimeMs: days === null ? null : days * DAY_MS };
  response.status(201).json(await people.createToken(order, speaker(actor, by)));
}

async function revokeToken({ people }: Context, request: Request, response: Response, actor: Actor): Promise<void> {
  const name = nameIn(request, 'token');
  const { by } = await readJson(request, WHO);
  response.json({ token: await people.revokeToken(name, speaker(actor, by)) });
}

const DAY_MS = 86_400_000;

function nameIn(request: Request, what: string): string {
  const name = String(request.params['name']);
  if (!isPlausibleName(name)) throw notFound(`There is no such ${what}.`);
  return name;
}
