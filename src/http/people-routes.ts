// /api/v1/tokens and /api/v1/users: who else may use the API, for those who decide about it.
import type { Request, Response } from 'express';
import type { Actor } from '../core/actor.ts';
import { GRANT, PASSWORD, readJson, speaker, TOKEN, USER, WHO } from './request-body.ts';
import { isPlausibleName, notFound } from './route.ts';
import type { Context, Route } from './route.ts';

export const peopleRoutes: readonly Route[] = [
  { method: 'get', path: '/api/v1/tokens', door: 'token', needs: 'admin', on: 'all', handle: tokens },
  { method: 'post', path: '/api/v1/tokens', door: 'token', needs: 'admin', on: 'all', handle: createToken },
  { method: 'post', path: '/api/v1/tokens/:name/revoke', door: 'token', needs: 'admin', on: 'all', handle: revokeToken },
  { method: 'get', path: '/api/v1/users', door: 'token', needs: 'admin', on: 'all', handle: users },
  { method: 'post', path: '/api/v1/users', door: 'token', needs: 'admin', on: 'all', handle: addUser },
  { method: 'post', path: '/api/v1/users/:name/change', door: 'token', needs: 'admin', on: 'all', handle: changeUser },
  { method: 'post', path: '/api/v1/users/:name/remove', door: 'token', needs: 'admin', on: 'all', handle: removeUser },
  { method: 'post', path: '/api/v1/users/:name/password', door: 'token', needs: 'admin', on: 'all', handle: changePassword },
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

async function users({ people }: Context, _request: Request, response: Response): Promise<void> {
  response.json({ users: await people.users() });
}

async function addUser({ people }: Context, request: Request, response: Response, actor: Actor): Promise<void> {
  const { by, ...order } = await readJson(request, USER);
  response.status(201).json({ user: await people.addUser(order, speaker(actor, by)) });
}

async function changeUser({ people }: Context, request: Request, response: Response, actor: Actor): Promise<void> {
  const name = nameIn(request, 'user');
  const { by, role, clusters, teams } = await readJson(request, GRANT);
  const change = { ...(role && { role }), ...(clusters && { clusters }), ...(teams && { teams }) };
  response.json({ user: await people.changeUser(name, change, speaker(actor, by)) });
}

async function removeUser({ people }: Context, request: Request, response: Response, actor: Actor): Promise<void> {
  const name = nameIn(request, 'user');
  const { by } = await readJson(request, WHO);
  await people.removeUser(name, speaker(actor, by));
  response.json({ message: `${name} is removed; their sessions have ended` });
}

async function changePassword({ people }: Context, request: Request, response: Response, actor: Actor): Promise<void> {
  const name = nameIn(request, 'user');
  const { password, by } = await readJson(request, PASSWORD);
  await people.changePassword(name, password, speaker(actor, by));
  response.json({ message: `the password of ${name} is changed; their sessions have ended` });
}

const DAY_MS = 86_400_000;

function nameIn(request: Request, what: string): string {
  const name = String(request.params['name']);
  if (!isPlausibleName(name)) throw notFound(`There is no such ${what}.`);
  return name;
}
