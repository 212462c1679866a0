// /api/v1/notices: who is told of deployments outside, what did not arrive, and another attempt.
import type { Request, Response } from 'express';
import { readJson, WHO } from './request-body.ts';
import { isPlausibleName, notFound } from './route.ts';
import type { Context, Route } from './route.ts';

export const noticeRoutes: readonly Route[] = [
  { method: 'get', path: '/api/v1/notices', door: 'token', needs: 'viewer', on: 'all', handle: list },
  { method: 'post', path: '/api/v1/notices/:id/retry', door: 'token', needs: 'operator', on: 'all', handle: retry },
  { method: 'post', path: '/api/v1/notices/targets/:name/test', door: 'token', needs: 'operator', on: 'all', handle: test },
];

async function list({ application }: Context, _request: Request, response: Response): Promise<void> {
  response.json(await application.notices());
}

async function retry({ application }: Context, request: Request, response: Response): Promise<void> {
  const id = String(request.params['id']);
  if (!/^[1-9]\d{0,14}$/.test(id)) throw notFound('There is no such notice.');
  await readJson(request, WHO);
  response.status(202).json(await application.retryNotice(Number(id)));
}

async function test({ application }: Context, request: Request, response: Response): Promise<void> {
  const name = String(request.params['name']);
  if (!isPlausibleName(name)) throw notFound('There is no such target.');
  await readJson(request, WHO);
  response.json(await application.testNotice(name));
}
